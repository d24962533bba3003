"""Whether predictions were made with the current folds.csv, recipe, weights, and predictions or weights before them.

Runs with different folds must not be blended.

Load all predictions of a run and check that they are complete, up to date, and for the right ids.

Out-of-fold predictions of several runs on the folds that all of them have predicted.

Out-of-fold probabilities of a run of which folds may be missing or stale. Letters: N photos, C classes.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from comp.competition.competition import Competition
from comp.errors import InputError, listed
from comp.files import digest
from comp.store import external_predictions, runs
from comp.store.fold_table import fold_count
from comp.store.made_of import changed_files
from comp.store.predictions import Predictions, load_predictions
from comp.store.runs import ALL_DATA, BLEND, Run, command_to_start_again, repair_command


def check_same_folds(made: Predictions, run: Run, k: int | str, folds_digest: str) -> None:
    """Raise InputError unless the hashes in `meta` are those of the current files."""
    if made.meta.get("folds") != folds_digest:
        raise InputError(
            f"{made.meta['file']} was made with folds.csv {made.meta.get('folds')}",
            f"the current folds.csv, {folds_digest}: with different folds a blend would leak",
            command_to_start_again(run, k),
        )
    for name, path in (("recipe", run.recipe), ("weights", run.weights(k))):
        # a copied run may have predictions without weights
        if path.is_file() and made.meta.get(name) != digest(path):
            raise InputError(
                f"{made.meta['file']} was made by {name} {made.meta.get(name)}",
                f"{digest(path)}, {path}",
                repair_command(run, k),
            )
    _check_sources(made, run, k)
    others = changed_files(run.outputs, made.meta)
    if others:
        raise InputError(
            f"{made.meta['file']} goes back to other weights than those in {', '.join(others)}",
            "the weights that are there now: they were trained again",
            command_to_start_again(run, k),
        )


def _check_sources(made: Predictions, run: Run, k: int | str) -> None:
    """A stack is made of other runs' predictions (meta "sources": name to hash): where one changed, it is stale."""
    for name, before in (made.meta.get("sources") or {}).items():
        source = Run(run.outputs, name)
        if name in runs.run_names(run.outputs) and runs.source_digest(source) != before:
            raise InputError(
                f"{made.meta['file']} was made of other predictions of run {name}",
                f"its current ones, {runs.source_digest(source)}",
                repair_command(run, k),
            )


def load_run(
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
    oof, test = external_predictions.load_external(run.folder, folds, folds_digest, competition, test_ids)
    check_ids(oof, folds["image"])
    check_ids(test, test.ids if test_ids is None else test_ids)
    meta = {"run": run.name, "tta": [], "folds": folds_digest, "file": test.meta["file"]}
    return oof.at(folds["image"]), Predictions(test.ids, test.probs, competition.classes, meta, test.repair)


def _load_own(run: Run, folds, folds_digest, competition: Competition, test_ids) -> tuple[np.ndarray, Predictions]:
    count = fold_count(folds)
    missing = runs.missing_folds(run, count)
    if missing:
        have = [k for k in range(count) if k not in missing]
        raise InputError(f"run {run.name} has folds {have}", f"folds 0 … {count - 1}", repair_command(run, missing[0]))
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
    return oof, Predictions(ids, mean, competition.classes, meta, repair_command(run))


def load_fold(
    run: Run, k: int, folds: pd.DataFrame, folds_digest: str, competition: Competition, test_ids=None
) -> tuple[Predictions, Predictions]:
    """OOF and test predictions of fold k of a trained run, with the checks of `load`."""
    part, test = (load_predictions(path, competition, repair_command(run, k)) for path in (run.oof(k), run.test(k)))
    for made in (part, test):
        check_same_folds(made, run, k, folds_digest)
    check_ids(part, folds["image"][folds["fold"] == k])
    check_ids(test, test.ids if test_ids is None else test_ids)
    return part, test


def load_all_data(run: Run, folds_digest: str, competition: Competition, test_ids=None) -> Predictions:
    """Test predictions of the training on all rows, with the checks of `load`; it has none out of fold."""
    test = load_predictions(run.test(ALL_DATA), competition, repair_command(run, ALL_DATA))
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


def folds_of(run: Run, count: int) -> list[int]:
    """The folds with out-of-fold predictions; all `count` for external predictions and for the blend."""
    if run.name == BLEND or not run.recipe.is_file():
        return list(range(count))
    return [k for k in range(count) if run.oof(k).is_file()]


def common_folds(outputs: Path, names: list[str], folds: pd.DataFrame) -> list[int]:
    """The folds that all runs have. Raises InputError if there is none."""
    count = fold_count(folds)
    have = {name: folds_of(Run(outputs, name), count) for name in names}
    common = [k for k in range(count) if all(k in numbers for numbers in have.values())]
    if common:
        return common
    fewest = min(names, key=lambda name: len(have[name]))
    wanted = next(k for k in range(count) if k not in have[fewest])
    found = "; ".join(f"{name} has folds {numbers}" for name, numbers in have.items())
    raise InputError(found, "a fold that all of them have", repair_command(Run(outputs, fewest), wanted))


def load_folds_oof(
    run: Run, folds: pd.DataFrame, folds_digest: str, competition: Competition, numbers: list[int]
) -> np.ndarray:
    """OOF probabilities (N, C) of the photos in the folds `numbers`, in the order of `folds`; not for the blend.

    Raises InputError for predictions that were made with another folds.csv, recipe or weights, or for other photos.
    """
    inside = folds["fold"].isin(numbers).to_numpy()
    if not run.recipe.is_file():
        return load_run(run, folds, folds_digest, competition)[0][inside]
    probs = np.zeros((len(folds), competition.size), np.float32)
    for k in numbers:
        rows = (folds["fold"] == k).to_numpy()
        part = load_predictions(run.oof(k), competition, repair_command(run, k))
        check_same_folds(part, run, k, folds_digest)
        check_ids(part, folds["image"][rows])
        probs[rows] = part.at(folds["image"][rows])
    return probs[inside]


def load_what_is_there(
    run: Run, folds: pd.DataFrame, digest: str, competition: Competition
) -> tuple[np.ndarray, list[tuple[str, str]]]:
    """Probabilities (N, C) in the order of `folds`, nan where there are none; problems with the commands that help."""
    if not run.recipe.is_file():
        return _external_or_note(run, folds, digest, competition)
    probs, problems = np.full((len(folds), competition.size), np.nan, np.float32), []
    missing = [k for k in range(fold_count(folds)) if not run.oof(k).is_file()]
    if missing:
        named = f"{'fold' if len(missing) == 1 else 'folds'} {', '.join(map(str, missing))}"
        problems.append((f"{named} not predicted yet", repair_command(run, missing[0])))
    for k in range(fold_count(folds)):
        inside = (folds["fold"] == k).to_numpy()
        if k in missing:
            continue
        try:
            probs[inside] = _fold_or_note(run, k, folds["image"][inside], digest, competition)
        except InputError as error:
            problems.append(_told(error))
    return probs, problems


def _fold_or_note(run: Run, k: int, images: pd.Series, digest: str, competition: Competition) -> np.ndarray:
    part = load_predictions(run.oof(k), competition, repair_command(run, k))
    check_same_folds(part, run, k, digest)
    check_ids(part, images)
    return part.at(images)


def _external_or_note(run: Run, folds: pd.DataFrame, digest: str, competition: Competition):
    try:
        return load_run(run, folds, digest, competition)[0], []
    except InputError as error:
        return np.full((len(folds), competition.size), np.nan, np.float32), [_told(error)]


def _told(error: InputError) -> tuple[str, str]:
    return error.found.splitlines()[0].rstrip(":"), error.run
