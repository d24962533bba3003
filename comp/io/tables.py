"""CSV tables as others write them: any usual encoding and separator, clear errors, line numbers as an editor counts."""

import csv
import io
import shlex
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from comp.errors import InputError, listed
from comp.io import csv_format
from comp.io.csv_format import is_blank
from comp.io.csv_text import LARGEST_MB, CsvText


def read_table(path: Path, columns: Sequence[str], run: str, text: Sequence | None = None) -> pd.DataFrame:
    """A table with a header and at least one row; its encoding and separator are recognised.

    columns: those that it must have, others are kept; text: names or positions of columns that stay as they are written
    (ids keep their leading zeros), None for all; run: what the user is told to do where the table is wrong.
    Names of columns are without blanks around them; rows without any value are left out.
    Raises InputError for a file that is missing, too large, not a table, without those columns, with a column twice, or
    with rows of more fields than the header.
    """
    path = Path(path)
    expected = f"a CSV file with {','.join(columns)}" if columns else "a CSV file"
    if not path.is_file():
        raise InputError(f"no {path}", expected, run)
    if path.stat().st_size > LARGEST_MB * 1e6:
        raise InputError(f"{path} has {path.stat().st_size / 1e6:,.0f} MB", f"at most {LARGEST_MB}", run)
    try:
        problem, table = _parsed(CsvText(path, columns), columns, text)
    except (OSError, ValueError) as error:  # pandas' parser errors are ValueErrors
        problem, table = f"is not a readable table: {error}", None
    if problem:
        raise InputError(f"{path} {problem}", expected, run)
    return table


def _parsed(source: CsvText, columns: Sequence[str], text: Sequence | None) -> tuple[str, pd.DataFrame | None]:
    """What is wrong with a table, and the table."""
    problem = _header_problem(source, columns)
    if problem:
        return problem, None
    try:
        with source.opened() as file:
            table = _read(file, source, text)
        # pandas takes what is too much for an index of the rows
        ragged = not (isinstance(table.index, pd.RangeIndex) and source.plain)
    except pd.errors.ParserError as error:
        if "EOF" in str(error):  # a quote that is not closed would swallow the rows below it
            raise
        ragged = True
    if ragged:
        problem = _ragged(source)
        table = None if problem else _read(_cut(source), source, text)
    return problem or ("has no rows" if table.empty else ""), table


def _read(file, source: CsvText, text: Sequence | None) -> pd.DataFrame:
    kinds = {"dtype": str} if text is None else {"converters": dict.fromkeys(text, str)}
    names = [name or f"Unnamed: {i}" for i, name in enumerate(source.names)]
    table = pd.read_csv(file, sep=source.separator, names=names, header=0, keep_default_na=text is not None, **kinds)
    first = table.iloc[:, 0]
    if not (first.isna() | (first == "")).any():
        return table
    blank = (table.isna() | (table.astype(str).apply(lambda column: column.str.strip()) == "")).all(axis=1)
    return table[~blank].reset_index(drop=True)


def _header_problem(source: CsvText, columns: Sequence[str]) -> str:
    names = source.names
    missing = [column for column in columns if csv_format.column_name(column) not in names]
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if source.zeros:
        line = source.path.read_bytes().partition(b"\0")[0].count(b"\n") + 1
        return f"has NUL bytes, the first on line {line}: it is damaged, or no text"
    if not names:
        return "is empty"
    if missing:
        return f"has columns {','.join(names)[:1000]}, not {','.join(missing)}"
    return f"has the column {', '.join(twice[:20])} twice" if twice else ""


def _ragged(source: CsvText) -> str:
    """Names the rows that have more fields than the header, and not only empty ones."""
    size = len(source.names)
    try:
        longer = [f"line {line}: {len(record)} fields" for line, record in source.records()
                  if not is_blank(record[size:])]  # fmt: skip
    except (csv.Error, ValueError) as error:
        return f"is not a readable table: {error}"
    return f"has rows of more fields than its header of {size}: {len(longer)}{listed(longer)}" if longer else ""


def _cut(source: CsvText) -> io.StringIO:
    """The table without records of no value, and without the empty fields that some have beyond the header."""
    file = io.StringIO(newline="")
    size = len(source.names)
    csv.writer(file, delimiter=source.separator).writerows(record[:size] for _, record in source.records())
    file.seek(0)
    return file


def line_numbers(path: Path, rows: int) -> np.ndarray:
    """The line (rows,) on which each row of the table begins, as an editor counts: the header is usually line 1.

    Blank lines count, and so do line breaks within quotes. Where quotes are so wrong that the csv module finds another
    number of rows than pandas did, the rows are counted.
    """
    lines = [line for line, _ in CsvText(Path(path)).records()][1:]
    return np.array(lines if len(lines) == rows else range(2, rows + 2), int)


def encoding_of(path: Path) -> str:
    """The encoding of a file; see `csv_format.encoding_of`."""
    return csv_format.encoding_of(Path(path).read_bytes())


def correct(path: Path) -> str:
    """What to do about a table of the user's that is wrong; where its encoding was guessed, also how to tell it."""
    encoding = encoding_of(path)
    if encoding not in csv_format.GUESSED:
        return f"correct {path}"
    name = shlex.quote(str(path))
    other = f"iconv -f <its encoding> -t utf-8 {name} > utf8.csv && mv utf8.csv {name}"
    return f"correct {path}, or, where {encoding} is not its encoding: {other}"
