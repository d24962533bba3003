"""External predictions, such as a teammate sends: oof and test as .npz, .csv or .csv.gz in outputs/<name>/.

A CSV has a column of ids, then a column per class, by the classes' names or by 0 … C-1. Of two classes the probability
of the positive one is enough; a regression has one column. Capitals in file names do not matter.
"""

import gzip
import json
import re
import zlib
from pathlib import Path

import numpy as np
import pandas as pd

from comp.competition.competition import Competition
from comp.errors import InputError
from comp.io import arrays
from comp.io.tables import LARGEST_MB, read_table
from comp.store.predictions import Predictions, check_predictions

SUFFIXES = (".npz", ".csv", ".csv.gz")  # the first that is there is read
OTHER_FORMATS = r"\.(npz|npy|csv|tsv|txt|parquet|feather|pkl|pickle|joblib|h5|hdf5|xlsx)(\.(gz|zip|bz2|xz))?|\.(zip|7z)"
EXPECTED = f"oof and test, each as {', '.join(SUFFIXES)}"


def find(folder: Path) -> tuple[Path, Path] | None:
    """The oof and the test file of external predictions; None where one of them is not there."""
    oof, test = (_candidates(folder, role) for role in ("oof", "test"))
    return (oof[0], test[0]) if oof and test else None


def _candidates(folder: Path, role: str) -> list[Path]:
    """Files of a role, those first that are read first."""
    names = [role + suffix for suffix in SUFFIXES]
    found = [file for file in _visible(folder) if file.name.lower() in names]
    return sorted(found, key=lambda file: (names.index(file.name.lower()), file.name))


def _visible(folder: Path) -> list[Path]:
    return sorted(file for file in folder.glob("*") if file.is_file() and not file.name.startswith("."))


def unused(folder: Path) -> str:
    """Why files of a folder that look like predictions are not used; empty where there are none.

    A folder with folds.csv is another OUTPUTS, not predictions.
    """
    if (folder / "folds.csv").is_file():
        return ""
    if (folder / "recipe.json").is_file():
        return _not_read(folder, [], "its own folds are")
    pair = find(folder)
    if pair:
        return _not_read(folder, list(pair), f"{pair[0].name} and {pair[1].name} are")
    if list(folder.glob("fold*/*.npz")):
        return f"{folder} has folds but no recipe.json: copy that of the run into it"
    there = [file.name for file in _visible(folder) if re.search(f"(?:{OTHER_FORMATS})$", file.name.lower())]
    return f"{folder} has {', '.join(there[:10])}, expected {EXPECTED}" if there else ""


def _not_read(folder: Path, used: list[Path], instead: str) -> str:
    names = [file.name for file in (*_candidates(folder, "oof"), *_candidates(folder, "test")) if file not in used]
    return f"{', '.join(names)} in {folder} {'is' if len(names) == 1 else 'are'} not used: {instead}" if names else ""


def load(
    folder: Path, folds: pd.DataFrame, folds_digest: str, competition: Competition
) -> tuple[Predictions, Predictions]:
    """The oof and test predictions of a folder where `find` finds them. Their ids are checked by the caller.

    Where several photos make one prediction, oof may have a row per photo or a row per prediction id.
    """
    oof, test = (read(file, competition) for file in find(folder))
    made_with = oof.meta.get("folds", folds_digest)
    if made_with != folds_digest:
        raise InputError(
            f"{oof.meta['file']} was made with folds.csv {made_with}",
            f"out-of-fold predictions of this folds.csv, {folds_digest}: with other folds a blend would leak",
            f"send them this folds.csv, or move {folder} out of the outputs folder",
        )
    if competition.combine and set(oof.ids) == set(folds["id"]):
        ids, probs = folds["image"].to_numpy(), oof.at(folds["id"])
        oof = Predictions(ids, probs, oof.classes, oof.meta, oof.repair)
    return oof, test


def read(path: Path, competition: Competition) -> Predictions:
    """Checked predictions of an npz, a CSV or a gzipped CSV."""
    repair = f"correct {path}, or move {path.parent} out of the outputs folder"
    ids, probs, meta = (_read_npz if path.suffix.lower() == ".npz" else _read_csv)(path, competition, repair)
    if probs.ndim == 1:
        probs = probs[:, None]
    if competition.target == "binary" and probs.shape[1:] == (1,):
        probs = np.hstack([1 - probs, probs])
    made = Predictions(ids, probs.astype(np.float32), competition.classes, {**meta, "file": str(path)}, repair)
    check_predictions(made, competition, path, repair)
    return made


def _read_npz(path: Path, competition: Competition, repair: str) -> tuple[np.ndarray, np.ndarray, dict]:
    expected = "an npz with ids (N,) str, probs (N, C) float and classes (C,) str"
    try:
        made = arrays.read_arrays(path, ("ids", "probs", "classes"), optional=("meta",))
        meta = json.loads(str(made.get("meta", "{}")))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not readable: {error}", expected, repair) from None
    ids, probs, classes = made["ids"], made["probs"], made["classes"].reshape(-1).astype(str).tolist()
    if ids.dtype.kind != "U" or probs.dtype.kind not in "fiub" or not isinstance(meta, dict):
        found = f"{path}: ids {ids.dtype}, probs {probs.dtype}, meta a {type(meta).__name__}"
        raise InputError(found, expected, f"save it again with ids.astype(str); or {repair}")
    if probs.ndim == 2 and probs.shape[1] == len(classes) > 1:
        order = _columns(classes, competition)
        if order is None:
            raise InputError(f"{path} has classes {classes[:20]}", f"{list(competition.classes[:20])}", repair)
        probs = probs[:, order]
    return ids, probs.astype(np.float32), meta


def _read_csv(path: Path, competition: Competition, repair: str) -> tuple[np.ndarray, np.ndarray, dict]:
    if path.suffix.lower() == ".gz":
        _check_gzip(path, repair)
    table = read_table(path, (), repair, text=(0,))  # ids by position: the column may have any name
    order = _columns([str(column) for column in table.columns[1:]], competition)
    if order is None:
        found = f"{path} has columns {list(map(str, table.columns[:20]))}"
        raise InputError(found, _expected_columns(competition), repair)
    try:
        probs = table.iloc[:, 1:].to_numpy(np.float32)[:, order]
    except ValueError as error:
        raise InputError(f"{path} holds no numbers: {error}", _expected_columns(competition), repair) from None
    return table.iloc[:, 0].to_numpy(str), probs, {}


def _columns(names: list[str], competition: Competition) -> list[int] | None:
    """Where each class stands among the columns; None where they are not the classes."""
    for wanted in (list(competition.classes), [str(c) for c in range(competition.size)]):
        if sorted(names) == sorted(wanted):
            return [names.index(name) for name in wanted]
    if len(names) == 1 and competition.target == "regression":
        return [0]
    positive = competition.target == "binary" and names != [competition.classes[0]]  # not the negative class's column
    return [0] if len(names) == 1 and positive else None


def _expected_columns(competition: Competition) -> str:
    if competition.target == "regression":
        return "a column of ids, then one column of numbers"
    one = "the probability of the positive class, or " if competition.target == "binary" else ""
    return f"a column of ids, then {one}{competition.size} columns of probabilities, by the classes' names or 0 … C-1"


def _check_gzip(path: Path, repair: str) -> None:
    """Raise InputError for a gzip file that is damaged or unpacks to more than a table may have."""
    size, most = 0, LARGEST_MB * 1_000_000
    try:
        with gzip.open(path) as file:
            while size <= most and (part := file.read(1 << 20)):
                size += len(part)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path} is not readable: {error}", "a CSV file packed by gzip", repair) from None
    if size > most:
        raise InputError(f"{path} unpacks to more than {LARGEST_MB:,} MB", "at most that", repair)
