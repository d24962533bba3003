"""CSV tables as others write them: any usual encoding and separator, clear errors, line numbers as an editor counts."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from comp.errors import InputError, listed

LARGEST_MB = 2000
SEPARATORS = (",", ";", "\t", "|")
MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}  # byte-order mark: encoding
CHUNK = 1 << 20  # characters


def read_table(path: Path, columns: Sequence[str], run: str, text: Sequence | None = None) -> pd.DataFrame:
    """A table with a header and at least one row; its encoding and separator are recognised.

    columns: those that it must have, others are kept; text: names or positions of columns that stay as they are written
    (ids keep their leading zeros), None for all; run: what the user is told to do where the table is wrong.
    Raises InputError for a file that is missing, too large, not a table, without those columns, or with rows of more
    fields than the header.
    """
    path = Path(path)
    expected = f"a CSV file with {','.join(columns)}" if columns else "a CSV file"
    if not path.is_file():
        raise InputError(f"no {path}", expected, run)
    if path.stat().st_size > LARGEST_MB * 1e6:
        raise InputError(f"{path} has {path.stat().st_size / 1e6:,.0f} MB", f"at most {LARGEST_MB}", run)
    kinds = {"dtype": str} if text is None else {"converters": dict.fromkeys(text, str)}
    try:
        encoding = encoding_of(path)
        separator = separator_of(path, encoding, columns)
        table = pd.read_csv(path, encoding=encoding, sep=separator, keep_default_na=text is not None, **kinds)
    except (OSError, ValueError) as error:  # pandas' parser errors are ValueErrors
        problem = _ragged(path) or f"is not a readable table: {error}"
        raise InputError(f"{path} {problem}", expected, run) from None
    problem = _problem(path, table, columns)
    if problem:
        raise InputError(f"{path} {problem}", expected, run)
    return table


def _problem(path: Path, table: pd.DataFrame, columns: Sequence[str]) -> str:
    missing = [column for column in columns if column not in table]
    if not isinstance(table.index, pd.RangeIndex):  # pandas takes what is too much for an index of the rows
        return _ragged(path) or "has rows of more fields than its header"
    if missing:
        return f"has columns {','.join(map(str, table))}, not {','.join(missing)}"
    return "has no rows" if table.empty else ""


def correct(path: Path) -> str:
    """What to do about a table of the user's that is wrong, its encoding included."""
    found = encoding_of(path)
    other = "cp949" if found.startswith("utf-8") else found
    return f"correct {path}; or save it as UTF-8 with commas: iconv -f {other} -t utf-8 {path} > corrected.csv"


def encoding_of(path: Path) -> str:
    """The encoding of a text file: by its byte-order mark, else the first of UTF-8 and CP949 that fits, else Latin-1.

    Latin-1 fits any bytes.
    """
    with open(path, "rb") as file:
        head = file.read(3)
    for mark, encoding in MARKS.items():
        if head.startswith(mark):
            return encoding
    return next(name for name in ("utf-8", "cp949", "latin-1") if _decodes(path, name))


def _decodes(path: Path, encoding: str) -> bool:
    try:
        with open(path, encoding=encoding, newline="") as file:
            while file.read(CHUNK):
                pass
    except UnicodeError:
        return False
    return True


def separator_of(path: Path, encoding: str, columns: Sequence[str] = ()) -> str:
    """The separator with which the header has all `columns`, else the one that gives it the most (a comma first)."""
    with open(path, encoding=encoding, newline="") as file:
        header = next((line for line in file if line.strip()), "")
    fields = {separator: next(csv.reader([header], delimiter=separator), []) for separator in SEPARATORS}
    fitting = [separator for separator in SEPARATORS if columns and set(columns) <= set(fields[separator])]
    return fitting[0] if fitting else max(SEPARATORS, key=lambda separator: len(fields[separator]))


def line_numbers(path: Path, rows: int) -> np.ndarray:
    """The line (rows,) on which each row of the table begins, as an editor counts: the header is usually line 1.

    Blank lines count, and so do line breaks within quotes. Where quotes are so wrong that the csv module finds another
    number of rows than pandas did, the rows are counted.
    """
    lines = [line for line, _ in _records(path)][1:]
    return np.array(lines if len(lines) == rows else range(2, rows + 2), int)


def _records(path: Path) -> Iterator[tuple[int, list[str]]]:
    """First line and fields of each record, the header among them; blank lines are left out as pandas does."""
    encoding = encoding_of(path)
    csv.field_size_limit(CHUNK * LARGEST_MB)  # the module's own limit is 128 kB, pandas has none
    with open(path, encoding=encoding, newline="") as file:
        reader, line = csv.reader(file, delimiter=separator_of(path, encoding)), 1
        for record in reader:
            if record and not (len(record) == 1 and record[0].isspace()):
                yield line, record
            line = reader.line_num + 1


def _ragged(path: Path) -> str:
    """Names the rows that have more fields than the header; empty where there is none, or where it is no table."""
    try:
        records = _records(path)
        size = len(next(records, (1, []))[1])
        longer = [f"line {line}: {len(record)} fields" for line, record in records if len(record) > size]
    except (csv.Error, OSError, ValueError):
        return ""
    return f"has rows of more fields than its header of {size}: {len(longer)}{listed(longer)}" if longer else ""
