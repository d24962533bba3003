"""Read external predictions, such as those of a teammate: files oof and test (.npz, .csv, .csv.gz) in outputs/<name>/.

A CSV has a column of ids and then a column for each class, named by the class or by its number 0 … C-1. For two classes
the probability of the positive class is enough. A regression has one column of numbers. runs.py finds the files.

A teammate's ids may be spelt otherwise than the ids in folds.csv and in the sample submission: in another Unicode form,
without the extension of the photo, below other folders, or with the separators of Windows. The ids are matched only if
all of them can be matched without doubt.

The checks are not those of a library, because their errors name the column, row or value that has to be corrected.

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

ROUNDED = 0.01  # how far the sum of a row may be from 1 because its probabilities were rounded
NEARLY = 1e-6  # how far a probability may be below 0 or above 1 because of another order of computation
MOST_PARTS = 6  # the most folder and file names of a path that are compared
UNNAMED = "Unnamed: "  # read_table gives such a name to a column without a name, such as the index of a table
NUMBER = r"-?\d*,\d+(?:[eE][-+]?\d+)?|-?\d+(?:[eE][-+]?\d+)?"  # a number with a decimal comma, or a whole number
CHUNK = 1 << 20  # how many bytes are unpacked at once


def load_external(
    folder: Path,
    folds: pd.DataFrame,
    folds_digest: str,
    competition: Competition,
    test_ids: Sequence[str] | None = None,
) -> tuple[Predictions, Predictions]:
    """Return the OOF and the test predictions in a folder in which runs.find_external_files finds both files.

    folds: the fold table. The ids of the files are spelt as in the fold table and as in test_ids (unless None). The
    caller checks that no id is missing. If the competition combines photos, the oof file may have a row per photo or a
    row per prediction id. Raises InputError if a file is not valid, or if the oof file was made with other folds.
    """
    oof, test = (read_external_file(file, competition) for file in runs.find_external_files(folder))
    made_with = oof.meta.get("folds", folds_digest)
    if made_with != folds_digest:
        raise InputError(
            f"{oof.meta['file']} was made with folds.csv {made_with}",
            f"predictions made with the current folds.csv {folds_digest}, because with other folds a blend would leak",
            f"send the current folds.csv to their author, or move {folder} out of the outputs folder",
        )
    if competition.combine:
        by_id = _with_ids_of(oof, folds["id"])
        if set(by_id.ids) == set(folds["id"]):
            oof = replace(by_id, ids=folds["image"].to_numpy(), probs=by_id.at(folds["id"]))
    return _with_ids_of(oof, folds["image"]), test if test_ids is None else _with_ids_of(test, test_ids)


def _with_ids_of(predictions: Predictions, wanted: Sequence[str]) -> Predictions:
    return replace(predictions, ids=matched_ids(predictions.ids, wanted))


def read_external_file(path: Path, competition: Competition) -> Predictions:
    """Return the checked predictions of an npz, a CSV or a gzipped CSV. Raises InputError for values that are wrong."""
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
    """Return probabilities (N, C) without errors of rounding, so that values are from 0 to 1 and rows sum to 1.

    Larger errors stay, for `check_predictions` to find.
    """
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
    """Return how to turn values that look like logits or percent into probabilities, or "" for other values."""
    if competition.target == "regression" or probs.ndim != 2 or not np.isfinite(probs).all():
        return ""
    if (probs < 0).any():
        how = "softmax over each row" if competition.sums_to_one else "the sigmoid"
        return f"write {how} of the values in {path} to this file, because the values look like logits"
    sums = probs.sum(1, dtype=np.float64)
    percent = np.abs(sums - 100).max() < 100 * ROUNDED if competition.sums_to_one else 2 < probs.max() <= 100
    return f"divide the probabilities in {path} by 100, because they look like percent" if percent else ""


# ---- npz


def _read_npz(path: Path, competition: Competition, repair: str) -> tuple[np.ndarray, np.ndarray, dict]:
    """Return the ids (N,) str of an npz, its values float32 in the order of the competition's classes, and its meta."""
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
        raise InputError(f"{path} has {types}", expected, f"save {path} again with ids.astype(str), or {repair}")
    if probs.ndim == 2 and probs.shape[1] == len(classes) > 1:
        order = class_columns(classes, competition)
        if order is None or len(order) != len(classes):
            expected = f"the classes of the competition, {list(competition.classes[:20])}"
            raise InputError(f"{path} has classes {classes[:20]}", expected, repair)
        probs = probs[:, [classes.index(name) for name in order]]
    return ids, probs.astype(np.float32), meta


# ---- CSV


def _read_csv(path: Path, competition: Competition, repair: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the ids (N,) str of a CSV and its values (N, C) float32 in the order of the competition's classes.

    For two classes the values may also be (N, 1). Columns that are neither the ids nor a class are ignored.
    """
    table = _read_gzip(path, repair) if path.suffix.lower() == ".gz" else read_table(path, (), repair)
    names = list(table.columns)
    columns = class_columns(names, competition)
    others = [name for name in names if name not in (columns or ())]
    if columns is None or not others:
        raise InputError(f"{path} has columns {names[:20]}", _expected_columns(competition), repair)
    return table[_id_column(table, others)].to_numpy(str), _values(table[columns], path, competition, repair)


def _id_column(table: pd.DataFrame, others: list[str]) -> str:
    """Return the first column in which all values differ and are not only the row numbers.

    Columns with a name are tried before columns without a name. If no column fits, the first tried column is returned.
    """
    named = sorted(others, key=lambda name: name.startswith(UNNAMED))
    count = list(map(str, range(len(table))))
    telling = [name for name in named if table[name].is_unique and table[name].tolist() != count]
    return (telling or named)[0]


def class_columns(names: list[str], competition: Competition) -> list[str] | None:
    """Return the names of the columns with the values of the classes, in the order of the classes, or None.

    A column may have the name of its class or its number, 0 … C-1. For two classes the column of the positive class is
    enough. For a regression, and for two classes without such a column, the second of exactly two columns is taken.
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
    """Return the fields as numbers (N, C) float32. Commas are decimal commas if all fields can be read in this way."""
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
    names = f"the names of the classes or 0 … {competition.size - 1}"
    columns = f"{positive}{competition.size} columns of probabilities with {names}"
    return f"a column of ids, then {columns}"


def _read_gzip(path: Path, repair: str) -> pd.DataFrame:
    """Return the table of a gzipped CSV. Raises InputError if the file is damaged, or too large when it is unpacked."""
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
                expected = f"at most {LARGEST_MB:,} MB when it is unpacked"
                raise InputError(f"{path} unpacks to more than {LARGEST_MB:,} MB", expected, repair)


# ---- ids


def matched_ids(ids: np.ndarray, wanted: Sequence[str]) -> np.ndarray:
    """Return `ids` (N,) str in the spelling of `wanted`, or unchanged if not all of them can be matched.

    Whole ids are compared first, then shorter and shorter ends of their paths.
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
    """Yield functions that return the same text for ids of the same photo, the strictest function first."""
    yield _plain_id
    for parts in range(MOST_PARTS, 0, -1):
        yield lambda name, parts=parts: "/".join(END.sub("", _plain_id(name)).split("/")[-parts:])


def _plain_id(name: str) -> str:
    return same_text(name.strip()).replace("\\", "/").removeprefix("./")
