"""External predictions in a CSV or gzipped CSV: which column is the id, which are the classes."""

import gzip
import tempfile
import zlib
from pathlib import Path

import numpy as np
import pandas as pd

from comp.competition.competition import Competition
from comp.errors import InputError
from comp.io.csv_format import column_name
from comp.io.tables import LARGEST_MB, read_table

UNNAMED = "Unnamed: "  # how read_table calls a column without a name, such as the index of a table
NUMBER = r"-?\d*,\d+(?:[eE][-+]?\d+)?|-?\d+(?:[eE][-+]?\d+)?"  # with a decimal comma


def read_csv(path: Path, competition: Competition, repair: str) -> tuple[np.ndarray, np.ndarray]:
    """Ids (N,) str and values (N, C) float32 in the order of the classes; of two classes also (N, 1).

    The ids are the first column that is no class and does not just count the rows. Further columns are left out.
    """
    table = _read_gzip(path, repair) if path.suffix.lower() == ".gz" else read_table(path, (), repair)
    names = list(table.columns)
    columns = class_columns(names, competition)
    others = [name for name in names if name not in (columns or ())]
    if columns is None or not others:
        found = f"{path} has columns {names[:20]}"
        raise InputError(found, _expected_columns(competition), repair)
    ids = table[_id_column(table, others)].to_numpy(str)
    return ids, _values(table[columns], path, competition, repair)


def _id_column(table: pd.DataFrame, others: list[str]) -> str:
    """The first column that names each row, those with a name before others; a mere count of the rows comes last."""
    named = sorted(others, key=lambda name: name.startswith(UNNAMED))
    count = list(map(str, range(len(table))))
    telling = [name for name in named if table[name].is_unique and table[name].tolist() != count]
    return (telling or named)[0]


def class_columns(names: list[str], competition: Competition) -> list[str] | None:
    """The names of the classes' columns in the order of the classes; None where there are none.

    Classes go by their names or by 0 … C-1. Of two classes the positive one is enough; a number needs two columns, of
    which the last is its.
    """
    known = {column_name(name): name for name in names}
    for wanted in (list(competition.classes), [str(c) for c in range(competition.size)]):
        if competition.target != "regression" and all(column_name(name) in known for name in wanted):
            return [known[column_name(name)] for name in wanted]
    positive = column_name(competition.classes[-1])
    if competition.target in ("binary", "regression") and positive in known and len(names) > 1:
        return [known[positive]]
    named = [name for name in names if not name.startswith(UNNAMED)]
    negative = competition.target == "binary" and named[1:] == [competition.classes[0]]
    one = competition.target in ("binary", "regression") and len(named) == 2 and not negative
    return named[1:] if one else None


def _values(table: pd.DataFrame, path: Path, competition: Competition, repair: str) -> np.ndarray:
    """The numbers (N, C) float32; decimal commas are read where all fields may be such."""
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
    one = "the probability of the positive class, or " if competition.target == "binary" else ""
    return f"a column of ids, then {one}{competition.size} columns of probabilities, by the classes' names or 0 … C-1"


def _read_gzip(path: Path, repair: str) -> pd.DataFrame:
    """The table of a gzipped CSV. InputError for a file that is damaged or unpacks to more than a table may have."""
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
        while part := packed.read(1 << 20):
            file.write(part)
            if file.tell() > LARGEST_MB * 1_000_000:
                raise InputError(f"{path} unpacks to more than {LARGEST_MB:,} MB", "at most that", repair)
