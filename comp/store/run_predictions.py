"""Load all predictions of a run and check that they are complete, up to date, and for the right ids."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from comp.competition.competition import Competition
from comp.errors import InputError, listed
from comp.store import external_predictions, runs
from comp.store.fold_table import fold_count
from comp.store.paths import ALL_DATA, Run
from comp.store.predictions import Predictions, load_predictions
from comp.store.repair_commands import repair
from comp.store.same_folds_check import check_same_folds


def load(
    run: Run, folds: pd.DataFrame, folds_digest: str, competition: Competition, test_ids: Iterable[str] | None = None
) -> tuple[np.ndarray, Predictions]:
    """OOF probabilities (N, C) in the order of `folds`, and test predictions (of trained runs: the mean over folds).

    A model of all rows (all_data), where there is one, counts as much as each fold's in the mean. It saw more rows, but
    the decision rule is fitted on the folds' models, so the test predictions should stay mostly theirs.
    test_ids: the ids of the sample, which every test file must have; None only compares the test files of the folds.
    Raises InputError if a fold is missing, or was made with another folds.csv, recipe or weights; if an OOF file does
    not have exactly the photos of its fold; if a test file has other ids.
    """
    if run.recipe.is_file():
        return _load_own(run, folds, folds_digest, competition, test_ids)
    runs.check_known(run.outputs, [run.name])
    oof, test = external_predictions.load(run.folder, folds, folds_digest, competition, test_ids)
    check_ids(oof, folds["image"])
    check_ids(test, test.ids if test_ids is None else test_ids)
    meta = {"run": run.name, "tta": [], "folds": folds_digest, "file": test.meta["file"]}
    return oof.at(folds["image"]), Predictions(test.ids, test.probs, competition.classes, meta, test.repair)


def _load_own(run: Run, folds, folds_digest, competition: Competition, test_ids) -> tuple[np.ndarray, Predictions]:
    count = fold_count(folds)
    missing = runs.missing_folds(run, count)
    if missing:
        have = [k for k in range(count) if k not in missing]
        raise InputError(f"run {run.name} has folds {have}", f"folds 0 … {count - 1}", repair(run, missing[0]))
    oof, tests = np.zeros((len(folds), competition.size), np.float32), []
    for k in range(count):
        part, test = load_fold(run, k, folds, folds_digest, competition, test_ids)
        rows = (folds["fold"] == k).to_numpy()
        oof[rows] = part.at(folds["image"][rows])
        check_ids(test, tests[0].ids if tests else test.ids)
        tests.append(test)
    if run.test(ALL_DATA).is_file():
        tests.append(load_all_data(run, folds_digest, competition, tests[0].ids))
    ids = tests[0].ids
    mean = np.mean([test.at(ids) for test in tests], axis=0, dtype=np.float64).astype(np.float32)
    meta = {"run": run.name, "tta": sorted({test.meta.get("tta", "") for test in tests}), "folds": folds_digest}
    meta["file"] = f"{run.folder}/fold*/test.npz"
    return oof, Predictions(ids, mean, competition.classes, meta, repair(run))


def load_fold(
    run: Run, k: int, folds: pd.DataFrame, folds_digest: str, competition: Competition, test_ids=None
) -> tuple[Predictions, Predictions]:
    """OOF and test predictions of fold k of a trained run, with the checks of `load`."""
    part, test = (load_predictions(path, competition, repair(run, k)) for path in (run.oof(k), run.test(k)))
    for made in (part, test):
        check_same_folds(made, run, k, folds_digest)
    check_ids(part, folds["image"][folds["fold"] == k])
    check_ids(test, test.ids if test_ids is None else test_ids)
    return part, test


def load_all_data(run: Run, folds_digest: str, competition: Competition, test_ids=None) -> Predictions:
    """Test predictions of the training on all rows, with the checks of `load`; it has none out of fold."""
    test = load_predictions(run.test(ALL_DATA), competition, repair(run, ALL_DATA))
    check_same_folds(test, run, ALL_DATA, folds_digest)
    check_ids(test, test.ids if test_ids is None else test_ids)
    return test


def check_ids(made: Predictions, ids: Iterable[str]) -> None:
    """Raise InputError unless the predictions have exactly these ids; it names the file."""
    wanted, there = set(ids), set(made.ids)
    missing, extra = sorted(wanted - there), sorted(there - wanted)
    if missing or extra:
        raise InputError(
            f"{made.meta['file']}: {len(missing)} id(s) missing, {len(extra)} too many:{listed((missing + extra)[:5])}",
            f"the {len(wanted):,} ids of the photos to predict, once each",
            made.repair,
        )
