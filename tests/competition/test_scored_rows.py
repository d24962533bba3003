"""Photos of one prediction id become one scored row, in the order of their first photos."""

import numpy as np
import pandas as pd
import pytest
from small_competitions import random_probs, small

from comp.competition.competition import Competition
from comp.competition.scored_rows import combine_rows, scored_ids, scored_rows
from comp.errors import InputError
from comp.metrics import named_metrics

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
    for values, column in ((rows.ids, "image"), (rows.labels, "label"), (rows.folds, "fold"), (rows.groups, "group")):
        np.testing.assert_array_equal(values, FOLDS[column])


@pytest.mark.parametrize("how", ["mean", "max"])
@pytest.mark.parametrize("target", ["multiclass", "binary", "ordinal", "multilabel", "regression"])
def test_photos_of_one_id_make_one_row(target, how):
    competition = small(target, combine=how)
    labels = ["0 1", "0 1", "2", "", ""] if target == "multilabel" else FOLDS["label"]
    rows, probs = scored_rows(FOLDS.assign(label=labels), competition), random_probs(competition, 5)
    assert rows.ids.tolist() == ["q", "p", "r"]
    assert rows.folds.tolist() == [0, 0, 1]
    assert rows.groups.tolist() == ["x", "x", "y"]
    combined = rows.combine(probs)
    assert (combined.shape, combined.dtype) == ((3, competition.size), np.float32)
    np.testing.assert_allclose(combined[1], probs[2], atol=1e-6)
    if competition.sums_to_one:
        np.testing.assert_allclose(combined.sum(1), 1, atol=1e-6)
    if how == "mean":
        np.testing.assert_allclose(combined[0], probs[:2].mean(0), atol=1e-6)
    elif target in ("multilabel", "regression", "binary"):
        np.testing.assert_allclose(combined[0, -1], probs[:2, -1].max(), atol=1e-6)


@pytest.mark.parametrize(("column", "values"), [("label", [1, 0, 0, 1, 1]), ("fold", [0, 1, 0, 1, 1])])
def test_photos_of_one_id_that_differ_are_refused(column, values):
    message = rf"1 id\(s\) have photos that differ in the column {column} of folds\.csv:\n  q"
    with pytest.raises(InputError, match=message):
        scored_rows(FOLDS.assign(**{column: values}), small(combine="mean"))


COMPETITION = Competition("binary", ("no", "yes"), named_metrics.get("log_loss"), combine="mean")


def test_photos_of_one_prediction_id_become_one_row_in_order_of_first_appearance():
    probs = np.array([[0.2, 0.8], [0.9, 0.1], [0.6, 0.4]], np.float32)
    for how, first in (("mean", 0.6), ("max", 0.8)):
        ids, combined = combine_rows(probs, ["b", "a", "b"], how)
        assert ids.tolist() == ["b", "a"]
        np.testing.assert_allclose(combined, [[1 - first, first], [0.9, 0.1]], atol=1e-6)
    three = np.random.default_rng(0).dirichlet(np.ones(3), 6).astype(np.float32)
    _, combined = combine_rows(three, [0, 0, 1, 1, 2, 2], "max")
    np.testing.assert_allclose(combined.sum(1), 1, atol=1e-6)
    _, labels = combine_rows(np.array([[0.9, 0.2], [0.1, 0.7]]), ["x", "x"], "max")
    assert labels.tolist() == [[0.9, 0.7]]
    _, numbers = combine_rows(np.array([[3.0], [5.0]]), ["x", "x"], "mean")
    assert numbers.tolist() == [[4.0]]


def test_labels_of_combined_photos_are_those_of_the_first_in_the_order_of_the_ids():
    ids, labels = np.array(["b", "a", "b", "c"]), np.array([1, 0, 1, 1])
    probs = np.array([[0.2, 0.8], [0.9, 0.1], [0.4, 0.6], [0.3, 0.7]], np.float32)
    first_labels, combined = scored_ids(COMPETITION, labels, probs, ids)
    assert first_labels.tolist() == [1, 0, 1]
    np.testing.assert_allclose(combined[:, 1], [0.7, 0.1, 0.7], atol=1e-6)
