"""External predictions, such as a teammate sends: oof and test as .npz, .csv or .csv.gz in outputs/<name>/.

A CSV has a column of ids, then a column per class, by the classes' names or by 0 … C-1. Of two classes the probability
of the positive one is enough; a regression has one column. Capitals in file names do not matter.
"""

import gzip
import json
import tempfile
import zlib
from pathlib import Path

import numpy as np
import pandas as pd

from comp.competition.competition import Competition
from comp.errors import InputError
from comp.io import arrays
from comp.io.tables import LARGEST_MB, read_table
from comp.store import external_files
from comp.store.predictions import Predictions, check_predictions

IDS = (0,)  # the column of ids, by position: it may have any name


def load(
    folder: Path, folds: pd.DataFrame, folds_digest: str, competition: Competition
) -> tuple[Predictions, Predictions]:
    """The oof and test predictions of a folder where `find` finds both. The caller checks their ids.

    Where several photos make one prediction, oof may have a row per photo or a row per prediction id.
    """
    oof, test = (read(file, competition) for file in external_files.find(folder))
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
    packed = path.suffix.lower() == ".gz"
    table = _read_gzip(path, repair) if packed else read_table(path, (), repair, text=IDS)
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


def _read_gzip(path: Path, repair: str) -> pd.DataFrame:
    """The table of a gzipped CSV. InputError for a file that is damaged or unpacks to more than a table may have."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "unpacked.csv"
        try:
            _unpack(path, copy, repair)
            return read_table(copy, (), repair, text=IDS)
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(f"{path} is not readable: {error}", "a CSV file packed by gzip", repair) from None
        except InputError as error:
            raise InputError(error.found.replace(str(copy), str(path)), error.expected, repair) from None


def _unpack(path: Path, copy: Path, repair: str) -> None:
    with gzip.open(path) as packed, open(copy, "wb") as file:
        while part := packed.read(1 << 20):
            file.write(part)
            if file.tell() > LARGEST_MB * 1_000_000:
                raise InputError(f"{path} unpacks to more than {LARGEST_MB:,} MB", "at most that", repair)
