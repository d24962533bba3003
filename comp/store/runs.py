"""Runs as others read them: which there are, what is wrong with each, and all their predictions in one piece.

A run of ours is a folder with recipe.json and folds; a guest is a folder with oof.npz and test.npz (or oof.csv and
test.csv: an id column, then a column a class), such as a teammate sends.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from comp.errors import InputError, listed
from comp.io import files
from comp.io.files import digest
from comp.io.tables import read_table
from comp.store import artifacts
from comp.store.artifacts import RESERVED, Predictions, Run, load_predictions


def names(outputs: Path) -> list[str]:
    """Runs and guests under `outputs`, sorted."""
    folders = sorted(folder for folder in Path(outputs).glob("*") if folder.is_dir() and folder.name not in RESERVED)
    return [f.name for f in folders if (f / "recipe.json").is_file() or guest_files(f) is not None]


def trained(outputs: Path) -> list[str]:
    """The runs of ours alone: they hold on to folds.csv."""
    return [name for name in names(outputs) if Run(Path(outputs), name).recipe.is_file()]


def guest_files(folder: Path) -> tuple[Path, Path] | None:
    """The oof and test file of a guest; None where it has no such pair."""
    for suffix in (".npz", ".csv"):
        pair = folder / f"oof{suffix}", folder / f"test{suffix}"
        if all(file.is_file() for file in pair):
            return pair
    return None


def source_digest(run: Run) -> str:
    """A hash of all prediction files of a run or guest: what a blend was made of."""
    own = sorted(run.folder.glob("fold*/*.npz")) if run.recipe.is_file() else list(guest_files(run.folder) or ())
    return files.checksum([digest(path) for path in own])


def missing_folds(run: Run, folds: pd.DataFrame) -> list[int]:
    """Folds of a run that are not predicted; of a guest none."""
    if not run.recipe.is_file():
        return []
    return [k for k in range(int(folds["fold"].max()) + 1) if not (run.oof(k).is_file() and run.test(k).is_file())]


def load(run: Run, folds: pd.DataFrame, folds_digest: str, classes) -> tuple[np.ndarray, Predictions]:
    """All of one run: OOF probabilities (N, C) in the rows of `folds`, and the mean over folds for the test photos.

    Refused (InputError): a fold that is missing, made with another folds.csv or recipe, or by older weights; an OOF
    file that does not hold exactly its fold's photos; test files whose ids differ.
    """
    guest = None if run.recipe.is_file() else guest_files(run.folder)
    if guest:
        return _load_guest(run, guest, folds, folds_digest, classes)
    count, missing = int(folds["fold"].max()) + 1, missing_folds(run, folds)
    if missing:
        have = [k for k in range(count) if k not in missing]
        raise InputError(f"run {run.name} has folds {have}", f"folds 0 … {count - 1}", _repair(run, missing[0]))
    oof = np.zeros((len(folds), len(classes)), np.float32)
    tests = []
    for k in range(count):
        part, test = _load_fold(run, k, folds, folds_digest, classes)
        rows = (folds["fold"] == k).to_numpy()
        oof[rows] = part.at(folds["image"][rows])
        _check_ids(test, tests[0].ids if tests else test.ids, _repair(run, k))
        tests.append(test)
    ids = tests[0].ids
    mean = np.mean([test.at(ids) for test in tests], axis=0, dtype=np.float64).astype(np.float32)
    meta = {"run": run.name, "tta": sorted({test.meta.get("tta", "") for test in tests}), "folds": folds_digest}
    return oof, Predictions(ids, mean, tuple(classes), meta)


def _load_fold(run: Run, k: int, folds: pd.DataFrame, folds_digest: str, classes) -> tuple[Predictions, Predictions]:
    """OOF and test predictions of one fold, checked: whole, made by what lies there now, of the fold's photos."""
    part, test = (load_predictions(path, classes, _repair(run, k)) for path in (run.oof(k), run.test(k)))
    for made in (part, test):
        _check_origin(made, run, k, folds_digest)
    _check_ids(part, folds["image"][folds["fold"] == k], _repair(run, k))
    return part, test


def _load_guest(run: Run, pair: tuple[Path, Path], folds: pd.DataFrame, folds_digest: str, classes):
    remedy = f"ask for both files again, made on this folds.csv ({folds_digest}), or rm -r {run.folder}"
    oof, test = (read_csv(f, classes) if f.suffix == ".csv" else load_predictions(f, classes, remedy) for f in pair)
    if oof.meta.get("folds", folds_digest) != folds_digest:
        raise InputError(f"{pair[0]} was made with folds.csv {oof.meta['folds']}", f"{folds_digest}", remedy)
    _check_ids(oof, folds["image"], remedy)
    meta = {"run": run.name, "tta": [], "folds": folds_digest}
    return oof.at(folds["image"]), Predictions(test.ids, test.probs, tuple(classes), meta)


def check_same_blend(weights: dict, predictions, folds_digest: str) -> None:
    """Raise InputError unless weights.json and the blend's predictions are of one blend, on the folds.csv of now."""
    for made in predictions:
        for name in ("runs", "method", "rule", "weights", "folds"):
            found, expected = made.meta.get(name), weights.get(name)
            if found != expected:
                raise InputError(f"{made.meta['file']} has {name} {found}", f"{expected}", "make blend")
    if weights.get("folds") != folds_digest:
        raise InputError(f"the blend was made with folds.csv {weights.get('folds')}", folds_digest, "make blend")


def read_csv(path: Path, classes) -> Predictions:
    """Probabilities of a CSV: an id in the first column, then a column a class, by name or by number."""
    remedy = f"correct {path}, or send an npz"
    table = read_table(path, (), remedy, text=(0,))  # ids by position: the column may have any name
    columns, numbers = [str(column) for column in table.columns[1:]], [str(c) for c in range(len(classes))]
    wanted = next((want for want in (list(classes), numbers) if sorted(columns) == sorted(want)), None)
    try:
        probs = None if wanted is None else table.set_axis(["id", *columns], axis=1)[wanted].to_numpy(np.float32)
    except ValueError as error:
        raise InputError(f"{path} holds no numbers: {error}", "probabilities", remedy) from None
    if probs is None:
        expected = f"a column of ids, then {len(classes)} columns of probabilities, by the classes' names or 0 … C-1"
        raise InputError(f"{path} has columns {columns[:20]}", expected, remedy)
    made = Predictions(table.iloc[:, 0].to_numpy(str), probs, tuple(classes), {"file": str(path)})
    artifacts.check_predictions(made, path, remedy)
    return made


def _check_origin(made: Predictions, run: Run, k: int, folds_digest: str) -> None:
    """The hashes in `meta` are those of the files that lie there now."""
    retrain = f"make train MODEL={_model(run)} RUN={run.name} FOLD={k}"
    if made.meta.get("folds") != folds_digest:
        raise InputError(
            f"{made.meta['file']} was made with folds.csv {made.meta.get('folds')}",
            f"the folds.csv that is there now, {folds_digest}: folds differ between runs, so a blend would leak",
            f"rm -r {run.fold(k)} and {retrain}",
        )
    for name, path in (("recipe", run.recipe), ("weights", run.weights(k))):
        # a teammate may send the probabilities without the weights: nothing to compare with then
        if path.is_file() and made.meta.get(name) != digest(path):
            raise InputError(
                f"{made.meta['file']} was made by {name} {made.meta.get(name)}",
                f"{digest(path)}, {path}",
                _repair(run, k),
            )


def _check_ids(made: Predictions, ids, run: str) -> None:
    missing, extra = sorted(set(ids) - set(made.ids)), sorted(set(made.ids) - set(ids))
    if missing or extra:
        raise InputError(
            f"{made.meta['file']}: {len(missing)} id(s) missing, {len(extra)} too many:{listed((missing + extra)[:5])}",
            f"{len(ids)} ids",
            run,
        )


def _model(run: Run) -> str:
    try:
        return files.read_json(run.recipe, "", "")["recipe"]["name"]
    except (InputError, KeyError, TypeError):
        return run.name


def _repair(run: Run, k: int) -> str:
    if run.weights(k).is_file():
        return f"make predict MODEL={_model(run)} RUN={run.name} FOLD={k}"
    return f"make train MODEL={_model(run)} RUN={run.name} FOLD={k}"


@dataclass(frozen=True)
class State:
    """What there is of one fold: missing, begun, trained, complete, or stale, and why."""

    run: str
    fold: str
    state: str
    why: str = ""


def status(outputs: Path, folds: pd.DataFrame, folds_digest: str, classes) -> list[State]:
    """The state of every run and fold. Files are opened and their hashes compared: what is complete can be blended."""
    found = []
    for name in names(outputs):
        run = Run(outputs, name)
        if not run.recipe.is_file():
            found.append(_guest_state(run, folds, folds_digest, classes))
            continue
        found += [_fold_state(run, k, folds, folds_digest, classes) for k in range(int(folds["fold"].max()) + 1)]
    return found


def _guest_state(run: Run, folds, folds_digest, classes) -> State:
    try:
        load(run, folds, folds_digest, classes)
    except InputError as error:
        return State(run.name, "all", "stale", _first_line(error))
    return State(run.name, "all", "complete", "a guest's")


def _fold_state(run: Run, k: int, folds: pd.DataFrame, folds_digest: str, classes) -> State:
    name = str(k)
    if not (run.oof(k).is_file() and run.test(k).is_file()):
        if (run.fold(k) / "resume.pt").is_file():
            return State(run.name, name, "begun", f"goes on with make train MODEL={_model(run)} RUN={run.name}")
        return State(run.name, name, "trained" if run.weights(k).is_file() else "missing", _repair(run, k))
    try:
        _, test = _load_fold(run, k, folds, folds_digest, classes)
    except InputError as error:
        return State(run.name, name, "stale", _first_line(error) + (f"; {error.run}" if error.run else ""))
    return State(run.name, name, "complete", f"TTA {test.meta.get('tta')}")


def _first_line(error: InputError) -> str:
    return str(error).splitlines()[0]
