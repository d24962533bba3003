"""Load all predictions of a run and check that they are complete, up to date, and for the right ids."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from comp.competition.competition import Competition
from comp.errors import InputError, listed
from comp.io import files
from comp.io.files import digest
from comp.store import external_predictions, runs
from comp.store.fold_table import fold_count
from comp.store.paths import Run
from comp.store.predictions import Predictions, load_predictions


def load(
    run: Run, folds: pd.DataFrame, folds_digest: str, competition: Competition, test_ids: Iterable[str] | None = None
) -> tuple[np.ndarray, Predictions]:
    """OOF probabilities (N, C) in the order of `folds`, and test predictions (of trained runs: the mean over folds).

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
        _check_origin(made, run, k, folds_digest)
    check_ids(part, folds["image"][folds["fold"] == k])
    check_ids(test, test.ids if test_ids is None else test_ids)
    return part, test


def _check_origin(made: Predictions, run: Run, k: int, folds_digest: str) -> None:
    """Raise InputError unless the hashes in `meta` are those of the current files."""
    if made.meta.get("folds") != folds_digest:
        raise InputError(
            f"{made.meta['file']} was made with folds.csv {made.meta.get('folds')}",
            f"the current folds.csv, {folds_digest}: with different folds a blend would leak",
            f"rm -r {run.fold(k)} and make train MODEL={model(run)} RUN={run.name} FOLD={k}",
        )
    for name, path in (("recipe", run.recipe), ("weights", run.weights(k))):
        # a copied run may have predictions without weights
        if path.is_file() and made.meta.get(name) != digest(path):
            raise InputError(
                f"{made.meta['file']} was made by {name} {made.meta.get(name)}",
                f"{digest(path)}, {path}",
                repair(run, k),
            )


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


def model(run: Run) -> str:
    """The model in the recipe of a run; the name of the run if it has no recipe."""
    try:
        return files.read_json(run.recipe, "", "")["recipe"]["name"]
    except (InputError, KeyError, TypeError):
        return run.name


def repair(run: Run, k: int | None = None) -> str:
    """The command that makes the predictions of fold k, or of all folds, again."""
    numbers = run.folder.glob("fold*/model.safetensors") if k is None else [run.weights(k)]
    stage = "predict" if any(path.is_file() for path in numbers) else "train"
    return f"make {stage} MODEL={model(run)} RUN={run.name}" + ("" if k is None else f" FOLD={k}")
