"""Out-of-fold predictions of runs on the folds that all of them have."""

import numpy as np
import pandas as pd
import pytest
from small_competitions import random_probs, small

from comp import files
from comp.blending.compare import compare_runs
from comp.errors import InputError
from comp.store import fold_table
from comp.store.out_of_fold import common_folds, load_folds_oof
from comp.store.predictions import save_predictions
from comp.store.runs import Run, folds_file

COMPETITION = small(combine="max")  # two photos make one prediction


@pytest.fixture
def folds(tmp_path):
    rows = {
        "image": [f"i{i:02d}" for i in range(24)],
        "group": np.arange(24) // 4,
        "label": np.arange(24) // 2 % 3,
        "fold": np.arange(24) // 4 % 3,
        "id": np.arange(24) // 2,
    }
    table = pd.DataFrame(rows).astype({"group": str, "id": str})
    fold_table.save_folds(folds_file(tmp_path), table)
    return fold_table.load_folds(folds_file(tmp_path), COMPETITION)


def save_run(outputs, folds, name, seed, numbers=(0, 1, 2)):
    """A run with OOF predictions of some folds, and the probabilities of all photos in the order of the fold table."""
    run, probs = Run(outputs, name), random_probs(COMPETITION, len(folds), seed)
    files.write_json(run.recipe, {})
    meta = {"folds": files.digest(folds_file(outputs)), "run": name, "recipe": files.digest(run.recipe)}
    for k in numbers:
        rows = np.flatnonzero(folds["fold"] == k)[::-1]  # the order in the file does not matter
        save_predictions(run.oof(k), folds["image"].iloc[rows], probs[rows], COMPETITION, meta)
    return run, probs


def test_common_folds_are_loaded_in_the_order_of_the_fold_table(tmp_path, folds):
    digest = files.digest(folds_file(tmp_path))
    first, probs = save_run(tmp_path, folds, "first", 0)
    save_run(tmp_path, folds, "second", 1, (2, 1))
    assert common_folds(tmp_path, ["first", "second"], folds) == [1, 2]
    made = load_folds_oof(first, folds, digest, COMPETITION, [1, 2])
    np.testing.assert_array_equal(made, probs[(folds["fold"] > 0).to_numpy()])


def test_photos_of_one_prediction_are_combined_as_with_all_folds(tmp_path, folds):
    digest = files.digest(folds_file(tmp_path))
    save_run(tmp_path, folds, "first", 0)
    save_run(tmp_path, folds, "second", 1)
    whole = compare_runs(tmp_path, folds, digest, COMPETITION, ["first"], ["second"])
    Run(tmp_path, "second").oof(0).unlink()
    part = compare_runs(tmp_path, folds, digest, COMPETITION, ["first"], ["second"])
    assert len(whole.labels) == 12
    inside = whole.folds > 0
    np.testing.assert_array_equal(part.labels, whole.labels[inside])
    np.testing.assert_array_equal(part.first[0], whole.first[0][inside])


def test_no_common_fold_is_refused_with_the_command_that_makes_one(tmp_path, folds):
    save_run(tmp_path, folds, "first", 0, (0, 1))
    save_run(tmp_path, folds, "second", 1, (2,))
    with pytest.raises(InputError, match=r"first has folds \[0, 1\]; second has folds \[2\][\s\S]*RUN=second FOLD=0"):
        common_folds(tmp_path, ["first", "second"], folds)
