"""Predictions of runs: joined by id, refused if they are not of the current files, and those of some folds only."""

import numpy as np
import pandas as pd
import pytest
from known_project import known_project
from small_competitions import random_probs, small

from comp import files
from comp.blending import compare
from comp.errors import InputError
from comp.project import Project
from comp.store import fold_table, runs
from comp.store.out_of_fold import common_folds, load_run, oof_of_folds, usable_oof
from comp.store.paths import folds_file
from comp.store.predictions import load_predictions, save_predictions
from comp.store.runs import Run

COMPETITION = small()
PAIRS = small(combine="max")  # two photos make one prediction


def project_of(outputs, **known) -> Project:
    """The Project of the fold table in `outputs`, as it is now."""
    table = fold_table.load_folds(folds_file(outputs), known.setdefault("competition", COMPETITION))
    known.setdefault("folds_digest", files.digest(folds_file(outputs)))
    return known_project(outputs, known.pop("competition"), table, **known)


def save_run(project, name="run", seed=0, numbers=None):
    """A run with predictions of some folds, and the OOF probabilities of all photos in the order of the fold table."""
    run, probs = project.run(name), random_probs(project.competition, len(project.folds), seed)
    files.write_json(run.recipe, {})
    meta = {"folds": project.folds_digest, "run": name, "recipe": files.digest(run.recipe)}
    for k in range(project.fold_count) if numbers is None else numbers:
        rows = np.flatnonzero(project.folds["fold"] == k)[::-1]  # the order in the file does not matter
        save_predictions(run.oof(k), project.folds["image"].iloc[rows], probs[rows], project.competition, meta)
        tests = random_probs(project.competition, 2, k)
        save_predictions(run.test(k), ["t1", "t0"][:: 1 - 2 * (k % 2)], tests, project.competition, meta)
    return run, probs


# ---- all folds


@pytest.fixture
def project(tmp_path):
    rows = {
        "image": [f"i{i}" for i in range(8)],
        "group": list("aabbccdd"),
        "label": [0, 1] * 4,
        "fold": [0, 0, 1, 1] * 2,
    }
    fold_table.save_folds(folds_file(tmp_path), pd.DataFrame(rows))
    return project_of(tmp_path)


def test_a_run_is_joined_by_id_and_averaged_over_folds(project):
    run, probs = save_run(project)
    oof, test = load_run(project_of(project.outputs, test_ids=["t0", "t1"]), run)
    np.testing.assert_array_equal(oof, probs)
    mean = np.mean([load_predictions(run.test(k), COMPETITION, "").at(["t0"]) for k in range(2)], axis=0)
    np.testing.assert_allclose(test.at(["t0"]), mean, atol=1e-6)


def test_a_project_reads_the_predictions_of_a_run_once(project):
    run, probs = save_run(project)
    first = project.predictions(run.name)
    np.testing.assert_array_equal(first[0], probs)
    run.oof(0).unlink()
    assert project.predictions(run.name) is first


@pytest.mark.parametrize("kind", ["oof", "test"])
def test_a_missing_file_is_refused_with_its_command(project, kind):
    run, _ = save_run(project)
    getattr(run, kind)(1).unlink()
    with pytest.raises(InputError, match=rf"{kind}\.npz[\s\S]*RUN=run FOLD=1"):
        load_run(project, run)


def test_other_folds_another_recipe_and_other_weights_are_refused(project):
    run, _ = save_run(project)
    with pytest.raises(InputError, match="made with another version of folds"):
        load_run(project_of(project.outputs, folds_digest="0" * 16), run)
    run.weights(0).write_bytes(b"other weights")
    with pytest.raises(InputError, match="made with another version of the weights"):
        load_run(project, run)
    run.weights(0).unlink()
    files.write_json(run.recipe, {"changed": 1})
    with pytest.raises(InputError, match="made with another version of the recipe"):
        load_run(project, run)


def test_an_oof_of_the_wrong_photos_is_refused(project):
    run, _ = save_run(project)
    run.oof(0).write_bytes(run.oof(1).read_bytes())
    with pytest.raises(InputError, match="4 id"):
        load_run(project, run)


def test_test_ids_are_compared_with_the_samples(project):
    run, _ = save_run(project)
    with pytest.raises(InputError, match=r"test.npz: 1 id\(s\) missing, 0 too many:\n  t2[\s\S]*RUN=run FOLD=0"):
        load_run(project_of(project.outputs, test_ids=["t0", "t1", "t2"]), run)


def test_an_unknown_run_is_refused_with_the_nearest_and_the_known(project):
    save_run(project, "vit_small")
    with pytest.raises(InputError, match=r"no run vit_smal [\s\S]*nearest: vit_small\n"):
        load_run(project, project.run("vit_smal"))
    with pytest.raises(InputError, match="none yet"):
        runs.check_known(project.outputs / "nothing", [])


def test_what_cannot_be_used_is_nan_and_named_with_the_command_that_helps(project):
    run, probs = save_run(project, numbers=[0])
    found, problems = usable_oof(project, run)
    first = (project.folds["fold"] == 0).to_numpy()
    np.testing.assert_array_equal(found[first], probs[first])
    assert np.isnan(found[~first]).all()
    assert [("fold 1 is not predicted yet", "FOLD=1" in command) for _, command in problems] == [(problems[0][0], True)]
    run.oof(0).write_bytes(b"damaged")
    found, problems = usable_oof(project, run)
    assert np.isnan(found).all()
    assert "not readable" in problems[1][0]


# ---- the folds that several runs have


@pytest.fixture
def pairs(tmp_path):
    rows = {
        "image": [f"i{i:02d}" for i in range(24)],
        "group": np.arange(24) // 4,
        "label": np.arange(24) // 2 % 3,
        "fold": np.arange(24) // 4 % 3,
        "id": np.arange(24) // 2,
    }
    fold_table.save_folds(folds_file(tmp_path), pd.DataFrame(rows).astype({"group": str, "id": str}))
    return project_of(tmp_path, competition=PAIRS)


def test_common_folds_are_loaded_in_the_order_of_the_fold_table(pairs):
    first, probs = save_run(pairs, "first", 0)
    save_run(pairs, "second", 1, (2, 1))
    assert common_folds(pairs, ["first", "second"]) == [1, 2]
    np.testing.assert_array_equal(oof_of_folds(pairs, first, [2, 1]), probs[(pairs.folds["fold"] > 0).to_numpy()])


def test_photos_of_one_prediction_are_combined_as_with_all_folds(pairs):
    save_run(pairs, "first", 0)
    second, _ = save_run(pairs, "second", 1)
    whole = compare.load_compared(pairs, ["first"], ["second"])
    second.oof(0).unlink()
    part = compare.load_compared(pairs, ["first"], ["second"])
    assert len(whole.labels) == 12
    inside = whole.folds > 0
    np.testing.assert_array_equal(part.labels, whole.labels[inside])
    np.testing.assert_array_equal(part.first[0], whole.first[0][inside])


def test_no_common_fold_is_refused_with_the_command_that_makes_one(pairs):
    save_run(pairs, "first", 0, (0, 1))
    save_run(pairs, "second", 1, (2,))
    with pytest.raises(InputError, match=r"first has folds \[0, 1\]; second has folds \[2\][\s\S]*RUN=second FOLD=0"):
        common_folds(pairs, ["first", "second"])


def test_external_predictions_and_the_blend_have_all_folds(tmp_path):
    assert Run(tmp_path, "mate").predicted_folds(3) == Run(tmp_path, "blend").predicted_folds(3) == [0, 1, 2]
