"""Pseudo-labels: which models label for which fold, and what becomes of their probabilities."""

import numpy as np
import pandas as pd
import pytest
from known_project import known_project
from small_competitions import small

from comp import files
from comp.blending import blend_stage
from comp.errors import InputError
from comp.project import Project
from comp.store.blend_files import Asked
from comp.store.predictions import load_predictions, save_predictions
from comp.store.pseudo_labels import PseudoLabels
from comp.tabular import stacking
from comp.training import pseudo_labelling
from comp.training.pseudo_labelling import Rounds, labelling_runs

FOLDS, PHOTOS, TESTS = 3, 45, [f"t{i}" for i in range(8)]
COMPETITION = small(classes=("a", "b", "c"))
LABELS = np.arange(PHOTOS) // 3 % 3
OF_FOLD = np.arange(PHOTOS) % FOLDS
PLAIN = Rounds(power=1.0)  # labels as the models give them


def project_of(folder, labels=LABELS) -> Project:
    """A Project without runs, its training rows with these labels."""
    rows = {"image": [f"p{i:02d}" for i in range(PHOTOS)], "group": [f"g{i}" for i in range(PHOTOS)]}
    folds = pd.DataFrame(rows | {"label": labels, "fold": OF_FOLD})
    return known_project(folder / "out", COMPETITION, folds)


def save_run(project, name, recipe, answers) -> None:
    """A run whose predictions for fold k are answers(k, ids): probabilities (ids, C)."""
    run = project.run(name)
    files.write_json(run.recipe, recipe)
    meta = {"folds": project.folds_digest, "recipe": files.digest(run.recipe)}
    for k in range(FOLDS):
        for path, ids in ((run.oof(k), project.folds["image"][k == OF_FOLD]), (run.test(k), TESTS)):
            save_predictions(path, ids, answers(k, list(ids)), COMPETITION, meta | {"fold": k})


def train(project, name, seed, **recipe) -> None:
    """A run whose models answer with what they know: how often they have seen each class, and noise."""
    rng = np.random.default_rng(seed)

    def answers(k, ids):
        seen = np.bincount(project.folds["label"][k != OF_FOLD], minlength=3) / (k != OF_FOLD).sum()
        return 0.5 * seen + 0.5 * rng.dirichlet(np.ones(3), len(ids))

    save_run(project, name, {"recipe": {"name": "resnet18", **recipe}}, answers)


def give(project, name, seed) -> None:
    """External predictions of that name."""
    rng, folder = np.random.default_rng(seed), project.outputs / name
    for role, ids in (("oof", project.folds["image"]), ("test", TESTS)):
        probs = rng.dirichlet(np.ones(3), len(ids)).astype(np.float32)
        save_predictions(folder / f"{role}.npz", ids, probs, COMPETITION, {})


def blend(project, *names) -> None:
    blend_stage.make_blend(project, Asked(names, "equal", "argmax"))
    project.__dict__.pop("blend", None)  # it is read again


# ---- which runs label


@pytest.fixture
def with_stack(tmp_path) -> Project:
    """The runs a and b, a stack of both, external predictions, and a blend of all four."""
    return stacked_project(tmp_path)


def stacked_project(folder, labels=LABELS) -> Project:
    project = project_of(folder, labels)
    for seed, name in enumerate("ab"):
        train(project, name, seed)
    give(project, "mate", 7)
    stacking.stack(project, "second", ["a", "b"], "grid=0.1")
    blend(project, "a", "b", "mate", "second")
    return project


def test_stacks_and_external_predictions_never_label_and_are_named(with_stack, capfd):
    assert labelling_runs(with_stack) == ["a", "b"]
    said = capfd.readouterr().out
    assert "not used for pseudo-labels: mate (external), second (stack)" in said


def test_labels_that_only_a_stack_has_seen_change_no_pseudo_label(tmp_path):
    """Other labels of the rows of fold 0 do not reach the labels for fold 0; through a stack they would."""
    of_stack, labels = [], []
    for name, truth in (("first", LABELS), ("second", np.where(OF_FOLD == 0, 0, LABELS))):
        project = stacked_project(tmp_path / name, truth)
        pseudo = PseudoLabels(project, "round")
        pseudo_labelling.label(project, pseudo, labelling_runs(project), PLAIN)
        labels.append([pseudo.load(k).at(TESTS) for k in range(FOLDS)])
        of_stack.append(load_predictions(project.run("second").test(0), COMPETITION, "").at(TESTS))
    np.testing.assert_array_equal(labels[0][0], labels[1][0])
    assert not np.allclose(of_stack[0], of_stack[1])  # the stack's model of fold 0 has seen labels of fold 0
    assert not np.allclose(labels[0][1], labels[1][1])  # the models of fold 1 were trained on rows of fold 0


def test_the_kind_of_a_run_counts_and_not_its_name(tmp_path):
    project = project_of(tmp_path)
    names = ("vit_pseudo_clean", "stack_like", "external")
    for seed, name in enumerate(names):
        train(project, name, seed)
    train(project, "plain", 4, pseudo="x_pseudo1")
    save_run(project, "embed", {"kind": "features"}, lambda k, ids: np.tile(np.eye(3)[k], (len(ids), 1)))
    blend(project, *names, "plain", "embed")
    assert labelling_runs(project) == [*names, "embed"]


@pytest.mark.parametrize("names", [["mate"], ["second"], ["mate", "second"]])
def test_a_blend_without_a_run_that_may_label_is_one_clear_error(with_stack, names):
    blend(with_stack, *names)
    with pytest.raises(InputError, match="none of the blend's runs may make pseudo-labels") as error:
        labelling_runs(with_stack)
    assert all(name in error.value.found for name in names)
    assert "make train" in error.value.run


def test_without_a_blend_nothing_labels(tmp_path):
    with pytest.raises(InputError, match=r"no blend[\s\S]*make blend"):
        labelling_runs(project_of(tmp_path))


# ---- which models of a run label


@pytest.fixture
def marked(tmp_path) -> Project:
    """Two runs whose models of fold k answer class k for every test photo: the marker of fold k."""
    project = project_of(tmp_path)
    for name in ("one", "two"):
        save_run(project, name, {"recipe": {"name": "resnet18"}}, lambda k, ids: np.tile(marker(k), (len(ids), 1)))
    return project


def marker(k: int) -> np.ndarray:
    return np.eye(3)[k] * 0.7 + 0.1


def test_a_fold_is_labelled_by_its_own_models_alone(marked):
    labels = PseudoLabels(marked, "round")
    pseudo_labelling.label(marked, labels, ["one", "two"], PLAIN)
    for k in range(FOLDS):
        np.testing.assert_allclose(labels.load(k).probs, np.tile(marker(k), (len(TESTS), 1)), atol=1e-6)


def test_the_model_of_all_rows_labels_nothing(marked):
    meta = {"folds": marked.folds_digest, "recipe": files.digest(marked.run("one").recipe)}
    save_predictions(marked.run("one").test("all_data"), TESTS, np.full((len(TESTS), 3), 1 / 3), COMPETITION, meta)
    labels = PseudoLabels(marked, "round")
    pseudo_labelling.label(marked, labels, ["one"], PLAIN)
    np.testing.assert_allclose(labels.load(2).probs[0], marker(2), atol=1e-6)


def test_the_labels_of_a_round_that_has_begun_stay(marked):
    labels = PseudoLabels(marked, "round")
    pseudo_labelling.label(marked, labels, ["one"], PLAIN)
    before = [labels.file(k).read_bytes() for k in range(FOLDS)]
    pseudo_labelling.label(marked, labels, ["two"], Rounds(power=3.0))
    assert [labels.file(k).read_bytes() for k in range(FOLDS)] == before


def test_labels_of_another_fold_or_of_other_folds_are_refused(marked):
    labels = PseudoLabels(marked, "round")
    pseudo_labelling.label(marked, labels, ["one"], PLAIN)
    other = known_project(marked.outputs, COMPETITION, marked.folds, folds_digest="other")
    with pytest.raises(InputError, match="would leak"):
        PseudoLabels(other, "round").load(0)
    labels.file(1).replace(labels.file(0))
    with pytest.raises(InputError, match="made for fold 1"):
        labels.load(0)


# ---- what becomes of the probabilities


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


def test_the_command_of_a_round_repeats_the_arguments():
    assert Rounds().command("a", 1) == "make pseudo RUN=a ROUNDS=1"
    asked = Rounds(rounds=3, share=0.5, power=1.0, most_per_class=9)
    assert asked.command("a", 2) == "make pseudo RUN=a ROUNDS=2 SHARE=0.5 POWER=1.0 MOST_PER_CLASS=9"
