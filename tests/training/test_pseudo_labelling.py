"""Pseudo-labels: which models label for which fold, and what becomes of their probabilities."""

import numpy as np
import pandas as pd
import pytest
from small_competitions import small

from comp import files
from comp.blending import pseudo_labelling
from comp.errors import InputError
from comp.store.predictions import save_predictions
from comp.store.pseudo_labels import PseudoLabels
from comp.store.runs import Run

FOLDS, TESTS = 3, ["t1", "t2", "t3", "t4"]
COMPETITION = small(classes=("a", "b", "c"))


@pytest.fixture
def marked(tmp_path):
    """Two runs whose models of fold k answer class k for every test photo: the marker of fold k."""
    folds = pd.DataFrame({"image": [f"p{i}" for i in range(9)], "fold": np.arange(9) % FOLDS})
    for run in (Run(tmp_path, "one"), Run(tmp_path, "two")):
        run.folder.mkdir()
        run.recipe.write_text('{"recipe": {"name": "resnet18"}}')
        meta = {"folds": "digest", "recipe": files.digest(run.recipe)}
        for k in range(FOLDS):
            own = folds["image"][folds["fold"] == k]
            save_predictions(run.oof(k), own, np.full((len(own), 3), 1 / 3), COMPETITION, meta | {"fold": k})
            marker = np.tile(np.eye(3)[k] * 0.7 + 0.1, (len(TESTS), 1))
            save_predictions(run.test(k), TESTS, marker, COMPETITION, meta | {"fold": k})
    return tmp_path, folds


def test_a_fold_is_labelled_by_its_own_models_alone(marked):
    outputs, folds = marked
    made = PseudoLabels(outputs, "round")
    how = {"power": 1.0, "most_per_class": 0}
    pseudo_labelling.write(made, ["one", "two"], folds, "digest", COMPETITION, how)
    for k in range(FOLDS):
        found = made.load(k, "digest", COMPETITION)
        np.testing.assert_allclose(found.probs, np.tile(np.eye(3)[k] * 0.7 + 0.1, (len(TESTS), 1)), atol=1e-6)


def test_labels_of_another_fold_or_of_other_folds_are_refused(marked):
    outputs, folds = marked
    made = PseudoLabels(outputs, "round")
    pseudo_labelling.write(made, ["one"], folds, "digest", COMPETITION, {"power": 1.0, "most_per_class": 0})
    with pytest.raises(InputError, match="would leak"):
        made.load(0, "other", COMPETITION)
    made.file(1).replace(made.file(0))
    with pytest.raises(InputError, match="made for fold 1"):
        made.load(0, "digest", COMPETITION)


@pytest.mark.parametrize("target", ["multiclass", "multilabel", "regression"])
def test_sharpening_keeps_the_answer_and_the_form(target):
    competition = small(target)
    probs = np.random.default_rng(0).dirichlet(np.ones(max(competition.size, 2)), 50)[:, : competition.size]
    probs = probs.astype(np.float32)
    sharp = pseudo_labelling.sharpened(probs, 2.0, competition)
    assert sharp.dtype == np.float32
    if target == "multiclass":
        np.testing.assert_allclose(sharp.sum(1), 1, atol=1e-5)
        np.testing.assert_array_equal(sharp.argmax(1), probs.argmax(1))
        assert (sharp.max(1) >= probs.max(1) - 1e-6).all()
    elif target == "multilabel":
        np.testing.assert_array_equal(sharp >= 0.5, probs >= 0.5)
        assert (abs(sharp - 0.5) >= abs(probs - 0.5) - 1e-6).all()
    else:
        np.testing.assert_array_equal(sharp, probs)
    np.testing.assert_allclose(pseudo_labelling.sharpened(probs, 1.0, competition), probs, atol=1e-6)


def test_the_surest_of_each_class_are_kept():
    probs = np.array([[0.9, 0.1, 0], [0.6, 0.4, 0], [0.2, 0.8, 0], [0.7, 0.3, 0]])
    assert pseudo_labelling.most_confident(probs, 2, COMPETITION).tolist() == [0, 2, 3]
    assert pseudo_labelling.most_confident(probs, 0, COMPETITION).tolist() == [0, 1, 2, 3]


def test_external_predictions_cannot_label():
    assert pseudo_labelling.labelling_runs(["mine", "theirs"], ["mine"]) == ["mine"]
    with pytest.raises(InputError, match="external"):
        pseudo_labelling.labelling_runs(["theirs"], ["mine"])
