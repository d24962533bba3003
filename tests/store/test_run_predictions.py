import numpy as np
import pandas as pd
import pytest
from small_competitions import random_probs, small

from comp import files
from comp.errors import InputError
from comp.store import fold_table, run_status, runs
from comp.store.out_of_fold import load_run
from comp.store.predictions import load_predictions, save_predictions
from comp.store.runs import Run, check_run_name, folds_file

COMPETITION = small()


@pytest.fixture
def folds(tmp_path):
    rows = {
        "image": [f"i{i}" for i in range(8)],
        "group": list("aabbccdd"),
        "label": [0, 1] * 4,
        "fold": [0, 0, 1, 1] * 2,
    }
    fold_table.save_folds(folds_file(tmp_path), pd.DataFrame(rows))
    return fold_table.load_folds(folds_file(tmp_path), COMPETITION)


def save_run(outputs, folds, name="run"):
    run, digest = Run(outputs, name), files.digest(folds_file(outputs))
    files.write_json(run.recipe, {})
    meta = {"folds": digest, "run": name, "recipe": files.digest(run.recipe)}
    for k in range(2):
        ids = folds["image"][folds["fold"] == k].to_numpy()[::-1]  # the order in the file does not matter
        save_predictions(run.oof(k), ids, random_probs(COMPETITION, len(ids), k), COMPETITION, meta)
        save_predictions(run.test(k), ["t1", "t0"][:: 1 - 2 * k], random_probs(COMPETITION, 2, k), COMPETITION, meta)
    return run, digest


def test_a_run_is_joined_by_id_and_averaged_over_folds(tmp_path, folds):
    run, digest = save_run(tmp_path, folds)
    oof, test = load_run(run, folds, digest, COMPETITION, ["t0", "t1"])
    for k in range(2):
        made, rows = load_predictions(run.oof(k), COMPETITION), (folds["fold"] == k).to_numpy()
        np.testing.assert_array_equal(oof[rows], made.at(folds["image"][rows]))
    mean = np.mean([load_predictions(run.test(k), COMPETITION).at(["t0"]) for k in range(2)], axis=0)
    np.testing.assert_allclose(test.at(["t0"]), mean, atol=1e-6)


def test_a_missing_fold_is_refused_with_its_command(tmp_path, folds):
    run, digest = save_run(tmp_path, folds)
    run.oof(1).unlink()
    with pytest.raises(InputError, match=r"has folds \[0\][\s\S]*FOLD=1"):
        load_run(run, folds, digest, COMPETITION)


def test_other_folds_another_recipe_and_other_weights_are_refused(tmp_path, folds):
    run, digest = save_run(tmp_path, folds)
    with pytest.raises(InputError, match="made with folds"):
        load_run(run, folds, "0" * 16, COMPETITION)
    run.weights(0).write_bytes(b"other weights")
    with pytest.raises(InputError, match="made by weights"):
        load_run(run, folds, digest, COMPETITION)
    run.weights(0).unlink()
    files.write_json(run.recipe, {"changed": 1})
    with pytest.raises(InputError, match="made by recipe"):
        load_run(run, folds, digest, COMPETITION)


def test_an_oof_of_the_wrong_photos_is_refused(tmp_path, folds):
    run, digest = save_run(tmp_path, folds)
    run.oof(0).write_bytes(run.oof(1).read_bytes())
    with pytest.raises(InputError, match="4 id"):
        load_run(run, folds, digest, COMPETITION)


def test_test_ids_are_compared_with_the_samples(tmp_path, folds):
    run, digest = save_run(tmp_path, folds)
    with pytest.raises(InputError, match=r"test.npz: 1 id\(s\) missing, 0 too many:\n  t2[\s\S]*RUN=run FOLD=0"):
        load_run(run, folds, digest, COMPETITION, ["t0", "t1", "t2"])


def test_an_unknown_run_is_refused_with_the_nearest_and_the_known(tmp_path, folds):
    save_run(tmp_path, folds, "vit_small")
    with pytest.raises(InputError, match=r"no run vit_smal [\s\S]*nearest: vit_small\n"):
        load_run(Run(tmp_path, "vit_smal"), folds, "", COMPETITION)
    with pytest.raises(InputError, match="none yet"):
        runs.check_known(tmp_path / "nothing", [])


def test_the_state_of_a_fold_says_what_to_run(tmp_path, folds):
    run, digest = save_run(tmp_path, folds)
    assert [state.state for state in run_status.status(tmp_path, folds, digest, COMPETITION)] == ["complete"] * 2
    stale = run_status.status(tmp_path, folds, digest, COMPETITION, ["t0"])
    assert [(state.state, "make train MODEL=run" in state.why) for state in stale] == [("stale", True)] * 2
    run.test(0).unlink()
    assert run_status.status(tmp_path, folds, digest, COMPETITION)[0].state == "missing"
    assert run_status.blend_status(tmp_path, tmp_path, COMPETITION).state == "missing"


@pytest.mark.parametrize("name", ["../x", "a b", "", ".hidden", "blend", "cache", "a/b", "a\nb"])
def test_a_run_name_is_a_plain_folder_name(name):
    with pytest.raises(InputError, match="RUN="):
        check_run_name(name)
    check_run_name("vit_small_r26_s32_224.augreg_in21k")
