"""CSV tables as others write them: one reader, one way to say what is wrong with them. No torch."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from comp.errors import InputError

LARGEST_MB = 2000


def read_table(path: Path, columns: Sequence[str], run: str, text: Sequence | None = None) -> pd.DataFrame:
    """A CSV file (UTF-8, with or without a byte-order mark) with a header and at least one row.

    columns: those that it must have, others are kept; text: names or positions of columns that stay as they are written
    (ids keep their leading zeros), None for all. Raises InputError for a file that is missing, too large, not a table,
    without those columns, or with rows of more fields than the header.
    """
    expected = f"a CSV file with {','.join(columns)}" if columns else "a CSV file"
    kinds = {"dtype": str} if text is None else {"converters": dict.fromkeys(text, str)}
    if not path.is_file():
        raise InputError(f"no {path}", expected, run)
    if path.stat().st_size > LARGEST_MB * 1e6:
        raise InputError(f"{path} has {path.stat().st_size / 1e6:,.0f} MB", f"at most {LARGEST_MB}", run)
    try:
        table = pd.read_csv(path, encoding="utf-8-sig", keep_default_na=text is not None, **kinds)
    except (OSError, ValueError) as error:  # pandas' parser errors and bad encodings are ValueErrors
        raise InputError(f"{path} is not a readable table: {error}", expected, run) from None
    problem, missing = "", [column for column in columns if column not in table]
    if not isinstance(table.index, pd.RangeIndex):  # pandas takes what is too much for an index of the rows
        problem = "has rows of more fields than its header"
    elif missing:
        problem = f"has columns {','.join(map(str, table))}, not {','.join(missing)}"
    elif table.empty:
        problem = "has no rows"
    if problem:
        raise InputError(f"{path} {problem}", expected, run)
    return table
