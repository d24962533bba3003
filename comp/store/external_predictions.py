"""External predictions, such as a teammate sends: oof and test as .npz, .csv or .csv.gz in outputs/<name>/.

A CSV has a column of ids, then a column per class, by the names of the classes or by 0 … C-1. Of two classes the
probability of the positive one is enough; a regression has one column. runs.py finds the files.

The ids of a teammate may be spelled otherwise than in the folds and the sample: in another Unicode form, without the
extension of the photo, below other folders, or with the separators of Windows. They are matched if that is possible for
all of them without a doubt.

The checks are our own, because they name the column, row or value of the teammate's file that has to be corrected.

Letters: N rows, C classes.
"""

import gzip
import json
import tempfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from comp import files
from comp.competition.competition import Competition
from comp.errors import InputError
from comp.inputs.photo_listing import END
from comp.store import runs
from comp.store.predictions import ROW_SUM_TOLERANCE, Predictions, check_predictions
from comp.tables import LARGEST_MB, column_name, read_table
from comp.text import same_text

ROUNDED = 0.01  # how far from 1 a row may sum that was rounded when it was written
NEARLY = 1e-6  # how far below 0 or above 1 a probability may be, because of another order of computation
MOST_PARTS = 6  # of a path that are compared
UNNAMED = "Unnamed: "  # how read_table calls a column without a name, such as the index of a table
NUMBER = r"-?\d*,\d+(?:[eE][-+]?\d+)?|-?\d+(?:[eE][-+]?\d+)?"  # with a decimal comma
CHUNK = 1 << 20  # bytes


def load_external(
    folder: Path,
    folds: pd.DataFrame,
    folds_digest: str,
    competition: Competition,
    test_ids: Sequence[str] | None = None,
) -> tuple[Predictions, Predictions]:
    """The oof and test predictions of a folder in which runs.find_external_files finds both.

    Ids are matched to those of the folds, and to test_ids if they are given; the caller checks that none is missing. If
    several photos make one prediction, oof may have a row per photo or a row per prediction id. Raises InputError if a
    file is not valid, or if oof says that it was made with other folds.
    """
    oof, test = (read_external_file(file, competition) for file in runs.find_external_files(folder))
    made_with = oof.meta.get("folds", folds_digest)
    if made_with != folds_digest:
        raise InputError(
            f"{oof.meta['file']} was made with folds.csv {made_with}",
            f"out-of-fold predictions of this folds.csv, {folds_digest}: with other folds a blend would leak",
            f"send them this folds.csv, or move {folder} out of the outputs folder",
        )
    if competition.combine:
        by_id = _with_ids_of(oof, folds["id"])
        if set(by_id.ids) == set(folds["id"]):
            oof = replace(by_id, ids=folds["image"].to_numpy(), probs=by_id.at(folds["id"]))
    return _with_ids_of(oof, folds["image"]), test if test_ids is None else _with_ids_of(test, test_ids)


def _with_ids_of(predictions: Predictions, wanted: Sequence[str]) -> Predictions:
    return replace(predictions, ids=matched_ids(predictions.ids, wanted))


def read_external_file(path: Path, competition: Competition) -> Predictions:
    """Checked predictions of an npz, a CSV or a gzipped CSV. Raises InputError with the values that have to change."""
    repair = f"correct {path}, or move {path.parent} out of the outputs folder"
    if path.suffix.lower() == ".npz":
        ids, probs, meta = _read_npz(path, competition, repair)
    else:
        ids, probs, meta = *_read_csv(path, competition, repair), {}
    if probs.ndim == 1:
        probs = probs[:, None]
    if competition.target == "binary" and probs.shape[1:] == (1,):
        probs = np.hstack([1 - probs, probs])
    probs = _without_rounding(probs.astype(np.float32), competition)
    predictions = Predictions(ids, probs, competition.classes, {**meta, "file": str(path)}, repair)
    check_predictions(predictions, competition, path, _remedy(probs, competition, path) or repair)
    return predictions


# ---- values


def _without_rounding(probs: np.ndarray, competition: Competition) -> np.ndarray:
    """Probabilities (N, C) in 0 … 1 that sum to 1, if rounding alone had changed that."""
    if competition.target == "regression" or probs.ndim != 2:
        return probs
    near = (probs > -NEARLY) & (probs < 1 + NEARLY)
    probs = np.where(near, probs.clip(0, 1), probs)
    off = np.abs(probs.sum(1, dtype=np.float64) - 1)
    rounded = (off > ROW_SUM_TOLERANCE) & (off <= ROUNDED)
    if competition.sums_to_one and rounded.any():
        probs[rounded] /= probs[rounded].sum(1, keepdims=True)
    return probs


def _remedy(probs: np.ndarray, competition: Competition, path: Path) -> str:
    """How to make probabilities of values that look like logits or percent; "" if they look like neither."""
    if competition.target == "regression" or probs.ndim != 2 or not np.isfinite(probs).all():
        return ""
    if (probs < 0).any():
        how = "softmax over each row" if competition.sums_to_one else "the sigmoid"
        return f"these look like logits: write {how} of them to {path}"
    sums = probs.sum(1, dtype=np.float64)
    percent = np.abs(sums - 100).max() < 100 * ROUNDED if competition.sums_to_one else 2 < probs.max() <= 100
    return f"these look like percent: divide the probabilities of {path} by 100" if percent else ""


# ---- npz


def _read_npz(path: Path, competition: Competition, repair: str) -> tuple[np.ndarray, np.ndarray, dict]:
    """Ids (N,) str, values float32 in the order of the classes, and meta."""
    expected = "an npz with ids (N,) str, probs (N, C) float and classes (C,) str"
    try:
        arrays = files.read_arrays(path, ("ids", "probs", "classes"), optional=("meta",))
        meta = json.loads(str(arrays.get("meta", "{}")))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not readable: {error}", expected, repair) from None
    ids, probs, classes = arrays["ids"], arrays["probs"], arrays["classes"].reshape(-1).astype(str).tolist()
    if ids.dtype.kind == "S":
        ids = np.char.decode(ids, "utf-8", "replace")
    if ids.dtype.kind != "U" or probs.dtype.kind not in "fiub" or not isinstance(meta, dict):
        types = f"ids {ids.dtype}, probs {probs.dtype}, meta a {type(meta).__name__}"
        raise InputError(f"{path}: {types}", expected, f"save it again with ids.astype(str); or {repair}")
    if probs.ndim == 2 and probs.shape[1] == len(classes) > 1:
        order = class_columns(classes, competition)
        if order is None or len(order) != len(classes):
            raise InputError(f"{path} has classes {classes[:20]}", f"{list(competition.classes[:20])}", repair)
        probs = probs[:, [classes.index(name) for name in order]]
    return ids, probs.astype(np.float32), meta


# ---- CSV


def _read_csv(path: Path, competition: Competition, repair: str) -> tuple[np.ndarray, np.ndarray]:
    """Ids (N,) str and values (N, C) float32 in the order of the classes; of two classes also (N, 1).

    Columns that are neither the ids nor a class are ignored.
    """
    table = _read_gzip(path, repair) if path.suffix.lower() == ".gz" else read_table(path, (), repair)
    names = list(table.columns)
    columns = class_columns(names, competition)
    others = [name for name in names if name not in (columns or ())]
    if columns is None or not others:
        raise InputError(f"{path} has columns {names[:20]}", _expected_columns(competition), repair)
    return table[_id_column(table, others)].to_numpy(str), _values(table[columns], path, competition, repair)


def _id_column(table: pd.DataFrame, others: list[str]) -> str:
    """The first column without equal values. Columns without a name come later, a mere count of the rows comes last."""
    named = sorted(others, key=lambda name: name.startswith(UNNAMED))
    count = list(map(str, range(len(table))))
    telling = [name for name in named if table[name].is_unique and table[name].tolist() != count]
    return (telling or named)[0]


def class_columns(names: list[str], competition: Competition) -> list[str] | None:
    """The names of the columns of the classes, in the order of the classes; None if there are none.

    Columns may have the names of the classes or 0 … C-1. Of two classes the column of the positive one is enough. For a
    regression, and for two classes without such names, it is the last one of two columns.
    """
    known = {column_name(name): name for name in names}
    for wanted in (list(competition.classes), [str(c) for c in range(competition.size)]):
        if competition.target != "regression" and all(column_name(name) in known for name in wanted):
            return [known[column_name(name)] for name in wanted]
    if competition.target not in ("binary", "regression"):
        return None
    positive = column_name(competition.classes[-1])
    if positive in known and len(names) > 1:
        return [known[positive]]
    named = [name for name in names if not name.startswith(UNNAMED)]
    is_negative = competition.target == "binary" and named[1:] == [competition.classes[0]]
    return named[1:] if len(named) == 2 and not is_negative else None


def _values(table: pd.DataFrame, path: Path, competition: Competition, repair: str) -> np.ndarray:
    """The numbers (N, C) float32. Commas are decimal commas if all fields may be written with them."""
    text = table.apply(lambda column: column.str.strip())
    commas = any(column.str.contains(",", regex=False).any() for _, column in text.items())
    if commas and all(column.str.fullmatch(NUMBER).all() for _, column in text.items()):
        text = text.apply(lambda column: column.str.replace(",", ".", regex=False))
    try:
        return text.replace("", "nan").to_numpy(np.float32)
    except ValueError as error:
        raise InputError(f"{path} holds no numbers: {error}", _expected_columns(competition), repair) from None


def _expected_columns(competition: Competition) -> str:
    if competition.target == "regression":
        return "a column of ids, then one column of numbers"
    positive = "the probability of the positive class, or " if competition.target == "binary" else ""
    columns = f"{positive}{competition.size} columns of probabilities, by the classes' names or 0 … C-1"
    return f"a column of ids, then {columns}"


def _read_gzip(path: Path, repair: str) -> pd.DataFrame:
    """The table of a gzipped CSV. Raises InputError if it is damaged or unpacks to more than a table may have."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "unpacked.csv"
        try:
            _unpack(path, copy, repair)
            return read_table(copy, (), repair)
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(f"{path} is not readable: {error}", "a CSV file packed by gzip", repair) from None
        except InputError as error:
            raise InputError(error.found.replace(str(copy), str(path)), error.expected, repair) from None


def _unpack(path: Path, copy: Path, repair: str) -> None:
    with gzip.open(path) as packed, open(copy, "wb") as file:
        while part := packed.read(CHUNK):
            file.write(part)
            if file.tell() > LARGEST_MB * 1_000_000:
                raise InputError(f"{path} unpacks to more than {LARGEST_MB:,} MB", "at most that", repair)


# ---- ids


def matched_ids(ids: np.ndarray, wanted: Sequence[str]) -> np.ndarray:
    """`ids` (N,) str as they are spelled in `wanted`, or unchanged if not all of them can be matched.

    The longest ends of paths are compared first.
    """
    wanted = list(map(str, wanted))
    if set(ids) == set(wanted):
        return ids
    for spelling in _spellings():
        known = {spelling(name): name for name in wanted}
        keys = list(map(spelling, ids))
        if len(known) == len(set(wanted)) and set(keys) == set(known):
            return np.array([known[key] for key in keys], dtype=str)
    return ids


def _spellings() -> Iterator[Callable[[str], str]]:
    """Functions that give equal text for ids of the same photo, the strictest first."""
    yield _plain_id
    for parts in range(MOST_PARTS, 0, -1):
        yield lambda name, parts=parts: "/".join(END.sub("", _plain_id(name)).split("/")[-parts:])


def _plain_id(name: str) -> str:
    return same_text(name.strip()).replace("\\", "/").removeprefix("./")
