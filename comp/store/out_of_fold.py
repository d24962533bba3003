"""Load the out-of-fold (OOF) and test predictions of runs, and check that they are up to date.

All commands load the predictions of runs with these functions, usually through `Project.predictions`. Predictions are
refused if folds.csv, the recipe or the weights have changed since the predictions were made. Predictions that were made
from predictions of other runs are also refused if those have changed. A blend of such predictions could leak labels.

Letters in the shapes: N training photos, C classes.
"""

from collections.abc import Iterable

import numpy as np

from comp.competition.competition import Competition
from comp.errors import InputError, listed
from comp.files import digest
from comp.project import Project
from comp.store import external_predictions, made_of, runs
from comp.store.made_of import Change
from comp.store.paths import ALL_DATA
from comp.store.predictions import Predictions, load_predictions
from comp.store.runs import Run


def load_run(project: Project, run: Run) -> tuple[np.ndarray, Predictions]:
    """Load all predictions of a run. Return its OOF probabilities (N, C) and its test predictions.

    The OOF probabilities have one row for each training photo, in the order of folds.csv, and one column for each
    class. The test predictions are the mean over the models of all folds. A model that was trained on all rows
    (all_data) counts like the model of one more fold. External predictions are returned as they are in their files.
    Raises InputError if predictions are missing or out of date, if the oof file of a fold does not have exactly the
    photos of this fold, or if a test file has other ids than the sample submission (or, without a sample submission,
    than the test file of the first fold).
    """
    if run.has_folds:
        return _load_folds(project, run)
    runs.check_known(run.outputs, [run.name])
    folds = project.folds
    oof, test = external_predictions.load_external(
        run.folder, folds, project.folds_digest, project.competition, project.test_ids
    )
    check_ids(oof, folds["image"])
    check_ids(test, test.ids if project.test_ids is None else project.test_ids)
    return oof.at(folds["image"]), test


def _load_folds(project: Project, run: Run) -> tuple[np.ndarray, Predictions]:
    oof, tests = np.empty((len(project.folds), project.competition.size), np.float32), []
    for k in range(project.fold_count):
        held_out, test = load_fold(project, run, k)
        rows = (project.folds["fold"] == k).to_numpy()
        oof[rows] = held_out.at(project.folds["image"][rows])
        check_ids(test, tests[0].ids if tests else test.ids)
        tests.append(test)
    # all_data has the weight of one fold, because the decision rule is fitted to predictions of the folds' models
    if run.test(ALL_DATA).is_file():
        all_data = load_test(project, run, ALL_DATA)
        check_ids(all_data, tests[0].ids)
        tests.append(all_data)
    ids = tests[0].ids
    mean = np.mean([test.at(ids) for test in tests], axis=0, dtype=np.float64).astype(np.float32)
    meta = {"run": run.name, "tta": sorted({test.meta.get("tta", "") for test in tests}), "folds": project.folds_digest}
    meta["file"] = f"{run.folder}/fold*/test.npz"
    return oof, Predictions(ids, mean, project.competition.classes, meta, run.repair_command())


def load_fold(project: Project, run: Run, k: int) -> tuple[Predictions, Predictions]:
    """Load and check the OOF predictions and the test predictions of fold k.

    run: a run that was made by this toolkit, so neither external predictions nor the blend.
    """
    now = current_digests(project, run, k)  # once for both files, because weights are large
    return load_oof(project, run, k, now), load_test(project, run, k, now)


def load_oof(project: Project, run: Run, k: int, now: dict | None = None) -> Predictions:
    """Load and check the OOF predictions of fold k.

    run: a run that was made by this toolkit, so neither external predictions nor the blend; now: the result of
    `current_digests`, or None to compute it here.
    """
    held_out = load_predictions(run.oof(k), project.competition, run.repair_command(k))
    check_current(project, held_out, run, k, now)
    check_ids(held_out, project.folds["image"][project.folds["fold"] == k])
    return held_out


def load_test(project: Project, run: Run, k: int | str, now: dict | None = None) -> Predictions:
    """Load and check the test predictions of one model of a run.

    k: the fold of the model, or "all_data" for the model that was trained on all rows; now: the result of
    `current_digests`, or None to compute it here.
    """
    test = load_predictions(run.test(k), project.competition, run.repair_command(k))
    check_current(project, test, run, k, now)
    check_ids(test, test.ids if project.test_ids is None else project.test_ids)
    return test


# ---- predictions of some folds only


def common_folds(project: Project, names: list[str]) -> list[int]:
    """Return the numbers of the folds for which all these runs have OOF predictions. names: the names of the runs.

    Raises InputError if there is no such fold.
    """
    count = project.fold_count
    predicted = {name: project.run(name).predicted_folds(count) for name in names}
    common = [k for k in range(count) if all(k in numbers for numbers in predicted.values())]
    if common:
        return common
    fewest = min(names, key=lambda name: len(predicted[name]))
    wanted = next(k for k in range(count) if k not in predicted[fewest])
    found = "; ".join(f"{name} has folds {numbers}" for name, numbers in predicted.items())
    expected = "a fold for which all these runs have predictions"
    raise InputError(f"no common fold: {found}", expected, project.run(fewest).repair_command(wanted))


def oof_of_folds(project: Project, run: Run, numbers: list[int]) -> np.ndarray:
    """Return a run's OOF probabilities for the photos in some folds, in the order of folds.csv.

    run: a run that is not the blend; numbers: the numbers of the folds. The result has one row for each of these photos
    and one column for each class.
    """
    folds = project.folds
    inside = folds["fold"].isin(numbers).to_numpy()
    if not run.has_folds:
        return project.predictions(run.name)[0][inside]
    probs = np.zeros((len(folds), project.competition.size), np.float32)
    for k in numbers:
        rows = (folds["fold"] == k).to_numpy()
        probs[rows] = load_oof(project, run, k).at(folds["image"][rows])
    return probs[inside]


def usable_oof(project: Project, run: Run) -> tuple[np.ndarray, list[tuple[str, str]]]:
    """Return those OOF probabilities of a run that can be used, and a list of problems with the others.

    The probabilities (N, C) have one row for each training photo, in the order of folds.csv, and one column for each
    class. Rows without usable predictions are NaN. A problem is a pair: a text that describes it, and the command that
    solves it.
    """
    folds, problems = project.folds, []
    probs = np.full((len(folds), project.competition.size), np.nan, np.float32)
    numbers = run.predicted_folds(project.fold_count)
    missing = [k for k in range(project.fold_count) if k not in numbers]
    if missing:
        named = f"fold {missing[0]} is" if len(missing) == 1 else f"folds {', '.join(map(str, missing))} are"
        problems.append((f"{named} not predicted yet", run.repair_command(missing[0])))
    for part in [[k] for k in numbers] if run.has_folds else [numbers]:
        try:
            probs[folds["fold"].isin(part).to_numpy()] = oof_of_folds(project, run, part)
        except InputError as error:
            problems.append((error.summary, error.run))
    return probs, problems


# ---- checks


def check_ids(predictions: Predictions, ids: Iterable[str]) -> None:
    """Raise InputError unless the predictions have exactly the ids in `ids`, in any order. The error names the file."""
    wanted, present = set(ids), set(predictions.ids)
    missing, extra = sorted(wanted - present), sorted(present - wanted)
    if missing or extra:
        raise InputError(
            f"{predictions.meta['file']}: {len(missing)} id(s) missing, {len(extra)} too many:"
            f"{listed((missing + extra)[:5])}",
            f"exactly the {len(wanted):,} ids of the photos to predict",
            predictions.repair,
        )


def current_digests(project: Project, run: Run, k: int | str) -> dict[str, str]:
    """Return the current hashes of the files from which the predictions of fold k are made.

    k: the number of the fold, or "all_data" for the training on all rows. The result has the keys "folds" (folds.csv),
    "recipe" (recipe.json) and "weights" (the weights of fold k). Files that do not exist are left out, because a run
    from another machine may have predictions without weights.
    """
    paths = (("recipe", run.recipe), ("weights", run.weights(k)))
    return {"folds": project.folds_digest} | {part: digest(path) for part, path in paths if path.is_file()}


def check_current(project: Project, predictions: Predictions, run: Run, k: int | str, now: dict | None = None) -> None:
    """Raise InputError if predictions are out of date, because something from which they were made has changed since.

    This may be folds.csv, recipe.json, the weights, or another run whose predictions or weights were used. k: the fold
    of the predictions, or "all_data"; now: the result of `current_digests`, or None to compute it here.
    """
    meta, now = predictions.meta, now or current_digests(project, run, k)
    before = {made_of.SOURCES: made_of.source_runs(run.outputs, meta)}
    before |= {made_of.FROM_WEIGHTS: made_of.earlier_weights(run.outputs, meta)}
    for change in made_of.changes(meta, now | before):
        raise _stale(change, meta["file"], run, k)


def _stale(change: Change, file: str, run: Run, k: int | str) -> InputError:
    """Return the error for predictions that are out of date.

    change: what has changed since the predictions were made; file: the path of the predictions; k: the fold of the
    predictions, or "all_data" for the training on all rows.
    """
    if change.part == "folds":
        return InputError(
            f"{file} was made with another version of folds.csv (hash {change.before})",
            f"predictions made with the current folds.csv (hash {change.now}), "
            "because predictions for other folds would leak labels",
            run.restart_command(k),
        )
    if change.part == made_of.SOURCES:
        return InputError(
            f"{file} was made from earlier predictions of run {change.key}",
            f"a file made from the current predictions of run {change.key} (hash {change.now})",
            run.repair_command(k),
        )
    if change.part == made_of.FROM_WEIGHTS:
        return InputError(
            f"{file} was made by a model that started from an earlier version of the weights {change.key}",
            f"predictions of a model that started from the current version of the weights {change.key}",
            run.restart_command(k),
        )
    path = run.recipe if change.part == "recipe" else run.weights(k)
    return InputError(
        f"{file} was made with another version of the {change.part} (hash {change.before})",
        f"a file made with the current {change.part} in {path} (hash {change.now})",
        run.repair_command(k),
    )


def is_current(path, ids, record: dict, competition: Competition) -> bool:
    """Return whether the predictions in a file are up to date, so that they need not be made again.

    path: the path of the file; ids: the ids that the predictions must have; record: the hashes and settings from which
    the predictions would be made now. They are compared with the hashes and settings that are stored in the file.
    """
    try:
        predictions = load_predictions(path, competition, "")
    except InputError:
        return False
    return not made_of.changes(predictions.meta, record) and set(predictions.ids) == set(ids)
