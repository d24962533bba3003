"""Pseudo-labelled test photos among the training rows of a fold."""

import numpy as np
import pandas as pd
import pytest
from known_project import known_project
from small_competitions import small

from comp.competition.auxiliary_targets import auxiliary_targets
from comp.data import run_data
from comp.data.batches import Batches, Order
from comp.data.photos import JoinedPhotos, Photos
from comp.errors import InputError
from comp.recipes.recipe_settings import Recipe
from comp.store.predictions import Predictions

COMPETITION = small(classes=("a", "b", "c"))
IDS = pd.Series(["x", "y", "x", "z"])  # two photos of x
PROBS = np.array([[0.1, 0.1, 0.8], [0.2, 0.7, 0.1]], np.float32)
PREDICTIONS = Predictions(np.array(["z", "x"]), PROBS, ("a", "b", "c"), {})


def known(labels=(0, 1, 2, 0), **more):
    return Batches(Photos("", ["p"] * 4, 0, 8), [3, 0, 1, 2], np.array(labels), "none", 0, np.arange(4), **more)


def with_pseudo_rows(batches, predictions, competition=COMPETITION):
    photos = JoinedPhotos([batches.photos, Photos("", ["q"] * 4, 0, 8)])
    return run_data.with_pseudo_rows(batches, photos, predictions, IDS, competition)


def test_rows_labels_and_soft_labels_follow_the_test_table():
    joined = with_pseudo_rows(known(), PREDICTIONS)
    assert joined.rows.tolist() == [3, 0, 1, 2, 4, 6, 7]
    assert joined.labels.tolist() == [0, 1, 2, 0, 1, 1, 2]
    assert (joined.pseudo, joined.labelled) == (3, 4)
    np.testing.assert_array_equal(joined.soft[:4], np.eye(3)[[0, 1, 2, 0]])
    np.testing.assert_array_equal(joined.soft[4:], PREDICTIONS.probs[[1, 1, 0]])


def test_auxiliary_values_of_pseudo_labelled_rows_are_missing():
    further = auxiliary_targets(pd.DataFrame({"height": [1.0, 2, 3, 4], "kind": list("abab")}), "height:1;kind:1")
    joined = with_pseudo_rows(known(auxiliary=further), PREDICTIONS)
    assert all(len(column.values) == 7 and not column.values[4:].any() for column in joined.auxiliary)


def test_numbers_become_labels():
    values = Predictions(np.array(["y"]), np.array([[2.5]], np.float32), ("value",), {})
    joined = with_pseudo_rows(known((1.0, 2.0, 3.0, 4.0)), values, small("regression"))
    assert joined.labels.tolist() == [1, 2, 3, 4, 2.5]
    assert joined.soft is None


@pytest.mark.parametrize("sampler", ["shuffle", "balanced", "one_of_each"])
def test_an_epoch_has_all_labelled_rows_and_the_share_of_pseudo_labelled_ones(sampler):
    labels, units = np.array([0, 0, 1, 1, 0, 1, 2, 2, 2, 2]), np.array([0, 1, 2, 3, 4, 5, -1, -1, -1, -1])
    order = Order(labels, 4, sampler, 0, units, pseudo=4, pseudo_share=0.25)
    rows = order.rows()
    assert sorted(rows[rows < 6]) == list(range(6))
    drawn = rows[rows >= 6]
    assert len(drawn) == 2 == len(set(drawn))
    order.epoch = 1
    assert not np.array_equal(order.rows(), rows)


# ---- checks of all folds before a training


def of_rows(tmp_path, recipe, **columns):
    """RunData of six rows in three folds, whose photos do not exist."""
    images = [f"{i}.png" for i in range(6)]
    rows = {"image": images, "group": images, "label": [0, 1, 2] * 2, "fold": [0, 0, 1, 1, 2, 2], **columns}
    return run_data.RunData(known_project(tmp_path, COMPETITION, pd.DataFrame(rows)), recipe)


@pytest.mark.parametrize("fold", range(3))
@pytest.mark.parametrize(
    ("settings", "values", "problem"),
    [
        ({"auxiliary": "kind:1"}, ("usual", "rare"), "kind has 1 different values"),
        ({"auxiliary": "kind:1"}, (2.0, 5.0), "kind has 1 different values"),
        ({"drop": "kind:7"}, (7.0, 5.0), "leaves out every training row"),
    ],
)
def test_a_fold_that_cannot_be_trained_is_found_before_any_is_trained(tmp_path, settings, values, problem, fold):
    column = [values[k == fold] for k in (0, 0, 1, 1, 2, 2)]
    of_rows(tmp_path, Recipe(soften=""), kind=column).check_training()
    data = of_rows(tmp_path, Recipe(**settings, soften=""), kind=column)
    with pytest.raises(InputError, match=f"fold {fold} cannot be trained: .*{problem}") as error:
        data.check_training()
    assert "RUN=<new name>" in error.value.run  # the recipe of a run cannot be changed


def test_what_is_wrong_in_all_rows_names_no_fold(tmp_path):
    with pytest.raises(InputError, match=r"^auxiliary=kind"):
        of_rows(tmp_path, Recipe(auxiliary="kind:1", soften=""), kind=["usual"] * 6).check_training()
    of_rows(tmp_path, Recipe(auxiliary="kind:1", soften=""), kind=list("ababab")).check_training()
