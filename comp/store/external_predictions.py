"""Read external predictions, which were made outside of this toolkit, for example by a teammate.

External predictions are two files in a folder outputs/<name>/. The file oof has the predictions for the training
photos, and the file test has the predictions for the test photos. Each is a .npz, .csv or .csv.gz file. A CSV file has
a column of ids, and one column for each class, with the name or the number of the class as its header (the first class
is 0). For two classes, the column of the positive class is enough. For a regression, the file has one column of
numbers.

The ids in these files may be spelt differently than in folds.csv and in the sample submission: in another Unicode form,
without file extensions, with other folders, or with the path separators of Windows. The spellings are matched only if
each id has exactly one match.

Letters in the shapes: N rows, C classes.
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
from comp.tables import LARGEST_MB, UNNAMED, column_name, read_table
from comp.text import same_text, same_value

ROUNDED = 0.01  # the sum of a row may differ from 1 by this much, because the probabilities were rounded
NEARLY = 1e-6  # a probability may be below 0 or above 1 by this much, because of errors of floating point
MOST_PARTS = 6  # ids are compared by at most this many folder and file names at the end of the path
NUMBER = r"-?\d*,\d+(?:[eE][-+]?\d+)?|-?\d+(?:[eE][-+]?\d+)?"  # a number with a decimal comma, or a whole number
CHUNK = 1 << 20  # unpack this many bytes at once


def load_external(
    folder: Path,
    folds: pd.DataFrame,
    folds_digest: str,
    competition: Competition,
    test_ids: Sequence[str] | None = None,
) -> tuple[Predictions, Predictions]:
    """Load the OOF predictions and the test predictions in a folder, which must have an oof file and a test file.

    folds: the table of folds.csv.
    folds_digest: the hash of folds.csv.
    test_ids: the ids of the sample submission, or None to return the ids of the test file unchanged.
    Returns the OOF predictions, with one row for each photo, and the test predictions. Their ids are spelt as in
    `folds` and `test_ids`. The caller must check that no id is missing. If several photos share one id of the sample
    submission and get one answer, the oof file may also have one row for each such id. Raises InputError if a file is
    not valid, or if the oof file says that it was made with another folds.csv.
    """
    oof, test = (read_external_file(file, competition) for file in runs.find_external_files(folder))
    made_with = oof.meta.get("folds", folds_digest)
    if made_with != folds_digest:
        raise InputError(
            f"{oof.meta['file']} was made with another version of folds.csv (hash {made_with})",
            f"predictions made with the current folds.csv (hash {folds_digest}), "
            "because predictions for other folds would leak labels",
            f"send the current folds.csv to the author of the predictions, or move {folder} out of the outputs folder",
        )
    if competition.combine:
        by_id = _with_ids_of(oof, folds["id"])
        if set(by_id.ids) == set(folds["id"]):
            oof = replace(by_id, ids=folds["image"].to_numpy(), probs=by_id.at(folds["id"]))
    return _with_ids_of(oof, folds["image"]), test if test_ids is None else _with_ids_of(test, test_ids)


def _with_ids_of(predictions: Predictions, wanted: Sequence[str]) -> Predictions:
    return replace(predictions, ids=matched_ids(predictions.ids, wanted))


def read_external_file(path: Path, competition: Competition) -> Predictions:
    """Load predictions from an npz, CSV or gzipped CSV file. Raises InputError if the file is not valid."""
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
    """Correct small rounding errors in probabilities (N, C), with one row for each id and one column for each class.

    Values just below 0 become 0, and values just above 1 become 1. If rows must sum to 1, rows with nearly this sum are
    rescaled. Larger errors stay, and `check_predictions` reports them. Predictions of a regression are returned
    unchanged.
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
    """Return advice on how to convert values that look like logits or percentages, or "" if they look like neither."""
    if competition.target == "regression" or probs.ndim != 2 or not np.isfinite(probs).all():
        return ""
    if (probs < 0).any():
        how = "the softmax of each row" if competition.sums_to_one else "the sigmoid of each value"
        return f"replace the values in {path} with {how}, because they look like logits"
    sums = probs.sum(1, dtype=np.float64)
    percent = np.abs(sums - 100).max() < 100 * ROUNDED if competition.sums_to_one else 2 < probs.max() <= 100
    return f"divide the probabilities in {path} by 100, because they look like percentages" if percent else ""


# ---- npz


def _read_npz(path: Path, competition: Competition, repair: str) -> tuple[np.ndarray, np.ndarray, dict]:
    """Read predictions from an npz file. Raises InputError if the file is not valid.

    repair: what the error tells the user to do. Returns three values:
    1. the ids (N,) str.
    2. the predicted values, float32, with one row for each id and one column for each class, in the order of the
    competition's classes. If the file has one value for each id, the shape is (N,).
    3. a dictionary that says how the predictions were made, or {} if the file has none.
    """
    expected = "an npz file with the arrays ids (text), probs (numbers, one row for each id) and classes (text)"
    try:
        arrays = files.read_arrays(path, ("ids", "probs", "classes"), optional=("meta",))
        meta = json.loads(str(arrays.get("meta", "{}")))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not readable: {error}", expected, repair) from None
    ids, probs, classes = arrays["ids"], arrays["probs"], arrays["classes"].reshape(-1).astype(str).tolist()
    if ids.dtype.kind == "S":
        ids = np.char.decode(ids, "utf-8", "replace")
    if ids.dtype.kind != "U" or probs.dtype.kind not in "fiub" or not isinstance(meta, dict):
        types = f"ids {ids.dtype}, probs {probs.dtype}, meta {type(meta).__name__}"
        run = f"save {path} again with ids.astype(str), or {repair}"
        raise InputError(f"{path} has arrays of wrong types: {types}", expected, run)
    if probs.ndim == 2 and probs.shape[1] == len(classes) > 1:
        order = class_columns(classes, competition)
        if order is None or len(order) != len(classes):
            expected = f"the classes of the competition: {list(competition.classes[:20])}"
            raise InputError(f"{path} has classes {classes[:20]}", expected, repair)
        probs = probs[:, [classes.index(name) for name in order]]
    return ids, probs.astype(np.float32), meta


# ---- CSV


def _read_csv(path: Path, competition: Competition, repair: str) -> tuple[np.ndarray, np.ndarray]:
    """Read predictions from a CSV file. Raises InputError if the file is not valid.

    repair: what the error tells the user to do. Returns the ids (N,) str and the values (N, C) float32, with one row
    for each id and one column for each class, in the order of the competition's classes. If the file has only the
    column of the positive class, the values have this one column. Columns that are neither ids nor classes are ignored.
    """
    table = _read_gzip(path, repair) if path.suffix.lower() == ".gz" else read_table(path, (), repair)
    names = list(table.columns)
    columns = class_columns(names, competition)
    others = [name for name in names if name not in (columns or ())]
    if columns is None or not others:
        raise InputError(f"{path} has columns {names[:20]}", _expected_columns(competition), repair)
    return table[_id_column(table, others)].to_numpy(str), _values(table[columns], path, competition, repair)


def _id_column(table: pd.DataFrame, others: list[str]) -> str:
    """Return the name of the column of ids: the first column with unique values that are not just row numbers.

    others: the names of the columns that have no predictions. Columns with a name are tried before columns without a
    name. If no column fits, the first column tried is returned.
    """
    named = sorted(others, key=lambda name: name.startswith(UNNAMED))
    count = list(map(str, range(len(table))))
    telling = [name for name in named if table[name].is_unique and table[name].tolist() != count]
    return (telling or named)[0]


def class_columns(names: list[str], competition: Competition) -> list[str] | None:
    """Return the names of the columns with the predicted values, in the order of the competition's classes, or None.

    names: the names of all columns. The columns of the classes have either the names of the classes or their numbers
    (the first class is 0). For two classes, the column of the positive class is enough. For two classes without such a
    column, and for a regression, there must be exactly two columns with a name, and the second one is taken. If the
    columns are not found, the result is None.
    """
    known = {same_value(column_name(name)): name for name in names}
    for wanted in (list(competition.classes), [str(c) for c in range(competition.size)]):
        if competition.target != "regression" and all(same_value(column_name(name)) in known for name in wanted):
            return [known[same_value(column_name(name))] for name in wanted]
    if competition.target not in ("binary", "regression"):
        return None
    positive = same_value(column_name(competition.classes[-1]))
    if positive in known and len(names) > 1:
        return [known[positive]]
    named = [name for name in names if not name.startswith(UNNAMED)]
    is_negative = competition.target == "binary" and named[1:] == [competition.classes[0]]
    return named[1:] if len(named) == 2 and not is_negative else None


def _values(table: pd.DataFrame, path: Path, competition: Competition, repair: str) -> np.ndarray:
    """Convert the text fields of a table to an array of numbers, float32, with the same rows and columns.

    Empty fields become NaN. Commas are read as decimal commas if all fields are then numbers. Raises InputError if a
    field is not a number. path: the path of the file, for the error; repair: what the error tells the user to do.
    """
    text = table.apply(lambda column: column.str.strip())
    commas = any(column.str.contains(",", regex=False).any() for _, column in text.items())
    if commas and all(column.str.fullmatch(NUMBER).all() for _, column in text.items()):
        text = text.apply(lambda column: column.str.replace(",", ".", regex=False))
    try:
        return text.replace("", "nan").to_numpy(np.float32)
    except ValueError as error:
        found = f"{path} has a field that is not a number: {error}"
        raise InputError(found, _expected_columns(competition), repair) from None


def _expected_columns(competition: Competition) -> str:
    if competition.target == "regression":
        return "a column of ids, then one column of numbers"
    positive = "a column with the probability of the positive class, or " if competition.target == "binary" else ""
    names = f"the classes or numbered 0 … {competition.size - 1}"
    columns = f"{positive}{competition.size} columns of probabilities, named after {names}"
    return f"a column of ids, then {columns}"


def _read_gzip(path: Path, repair: str) -> pd.DataFrame:
    """Return the table of a gzipped CSV file. repair: what an error tells the user to do.

    Raises InputError if the file is damaged, or if it has more than LARGEST_MB megabytes after unpacking.
    """
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "unpacked.csv"
        try:
            _unpack(path, copy, repair)
            return read_table(copy, (), repair)
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(f"{path} is not readable: {error}", "a CSV file compressed with gzip", repair) from None
        except InputError as error:
            raise InputError(error.found.replace(str(copy), str(path)), error.expected, repair) from None


def _unpack(path: Path, copy: Path, repair: str) -> None:
    with gzip.open(path) as packed, open(copy, "wb") as file:
        while part := packed.read(CHUNK):
            file.write(part)
            if file.tell() > LARGEST_MB * 1_000_000:
                expected = f"a file of at most {LARGEST_MB:,} MB after unpacking"
                raise InputError(f"{path} unpacks to more than {LARGEST_MB:,} MB", expected, repair)


# ---- ids


def matched_ids(ids: np.ndarray, wanted: Sequence[str]) -> np.ndarray:
    """Return `ids` (N,) str in the spelling of `wanted`, or unchanged if the ids do not match one to one.

    wanted: the ids in the right spelling. Whole paths are compared first, then paths without their first folders, and
    finally only the names of the files.
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
    """Yield functions that simplify an id, so that different spellings of an id give the same text.

    The first function keeps the whole path. The next functions drop the file extension and more and more folders, and
    the last function keeps only the name of the file.
    """
    yield _plain_id
    for parts in range(MOST_PARTS, 0, -1):
        yield lambda name, parts=parts: "/".join(END.sub("", _plain_id(name)).split("/")[-parts:])


def _plain_id(name: str) -> str:
    return same_text(name.strip()).replace("\\", "/").removeprefix("./")
