import numpy as np
import pandas as pd
import pytest
from small_competitions import random_probs, small

from comp.competition.scored_rows import scored_rows
from comp.errors import InputError

FOLDS = pd.DataFrame(
    {
        "image": list("stuvw"),
        "group": list("xxxyy"),
        "label": [1, 1, 0, 1, 1],
        "fold": [0, 0, 0, 1, 1],
        "id": ["q", "q", "p", "r", "r"],
    }
)


def test_without_combine_the_rows_are_the_photos_and_nothing_is_copied():
    competition = small()
    rows, probs = scored_rows(FOLDS, competition), random_probs(competition, 5)
    assert rows.combine(probs) is probs
    for made, column in ((rows.ids, "image"), (rows.labels, "label"), (rows.folds, "fold"), (rows.groups, "group")):
        np.testing.assert_array_equal(made, FOLDS[column])


@pytest.mark.parametrize("how", ["mean", "max"])
@pytest.mark.parametrize("target", ["multiclass", "binary", "ordinal", "multilabel", "regression"])
def test_photos_of_one_id_make_one_row(target, how):
    competition = small(target, combine=how)
    labels = ["0 1", "0 1", "2", "", ""] if target == "multilabel" else FOLDS["label"]
    rows, probs = scored_rows(FOLDS.assign(label=labels), competition), random_probs(competition, 5)
    assert rows.ids.tolist() == ["q", "p", "r"]
    assert rows.folds.tolist() == [0, 0, 1]
    assert rows.groups.tolist() == ["x", "x", "y"]
    made = rows.combine(probs)
    assert (made.shape, made.dtype) == ((3, competition.size), np.float32)
    np.testing.assert_allclose(made[1], probs[2], atol=1e-6)
    if competition.sums_to_one:
        np.testing.assert_allclose(made.sum(1), 1, atol=1e-6)
    if how == "mean":
        np.testing.assert_allclose(made[0], probs[:2].mean(0), atol=1e-6)
    elif target in ("multilabel", "regression", "binary"):
        np.testing.assert_allclose(made[0, -1], probs[:2, -1].max(), atol=1e-6)


@pytest.mark.parametrize(("column", "values"), [("label", [1, 0, 0, 1, 1]), ("fold", [0, 1, 0, 1, 1])])
def test_photos_of_one_id_that_differ_are_refused(column, values):
    with pytest.raises(InputError, match=rf"1 prediction id\(s\) whose photos differ in {column}:\n  q"):
        scored_rows(FOLDS.assign(**{column: values}), small(combine="mean"))
