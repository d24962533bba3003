"""A table of a page: column names and rows; the macro `table` of parts.html.j2 draws it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral


@dataclass(frozen=True)
class Table:
    """columns (K,) and rows of K cells: text, numbers, or None for no value. title: above it, may be empty."""

    columns: Sequence[str]
    rows: Sequence[Sequence]
    title: str = ""


def shown(cell) -> str:
    """A cell as text: whole numbers with separators, other numbers with four decimals or digits, None as a dash."""
    if cell is None:
        return "–"
    if isinstance(cell, str):
        return cell
    if isinstance(cell, Integral):
        return f"{int(cell):,}"
    return f"{cell:.4f}" if abs(cell) < 10 else f"{cell:,.4g}"


def is_number(cell) -> bool:
    """Whether a cell is aligned to the right: a number, or text that reads as one."""
    return not isinstance(cell, str) or re.fullmatch(r"[-+]?[\d,.]*\d ?%?", cell) is not None
