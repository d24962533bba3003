"""Read the cells of a table as people and programs write them: numbers, yes or no, and several labels in one cell.

Numbers may have a decimal comma, or signs between the thousands. Yes and no may be written True and False. Several
labels may be separated by commas with spaces, or be a list in brackets.
"""

import ast
import re
import warnings

import pandas as pd

from comp.text import finite_number

# ---- numbers

GROUP = "'’\u00a0\u202f"  # signs that only stand between thousands; the last two are spaces that do not break a line
LIKE_A_NUMBER = re.compile(rf"[-+]?[\d.,{GROUP}]*\d(?:[eE][-+]?\d+)?")
WRITTEN = {  # the sign before the decimals: how a number is then written, perhaps with signs between the thousands
    ".": re.compile(rf"[-+]?(?:\d+|[1-9]\d{{0,2}}(?:[,{GROUP}]\d{{3}})+)(?:\.\d*)?(?:[eE][-+]?\d+)?|[-+]?\.\d+"),
    ",": re.compile(rf"[-+]?(?:\d+|[1-9]\d{{0,2}}(?:[.{GROUP}]\d{{3}})+)(?:,\d*)?(?:[eE][-+]?\d+)?|[-+]?,\d+"),
}


def decimal_sign(column: pd.Series) -> str:
    """Return the sign before the decimals of the numbers in a text column: ".", ",", or "" if they do not show it.

    For example, 1,234 may mean 1234 or 1.234. Another cell such as 12,5 or 1,234.5 or 1,234,567 shows which is meant.
    Cells that do not look like numbers are ignored.
    """
    cells = {text.strip() for text in column.dropna().astype(str)}
    numbers = [text for text in cells if LIKE_A_NUMBER.fullmatch(text)]
    if not any("," in text for text in numbers):
        return "."
    fitting = [sign for sign, form in WRITTEN.items() if all(map(form.fullmatch, numbers))]
    if len(fitting) != 1:
        return "" if fitting else "."
    other = {".": ",", ",": "."}[fitting[0]]
    grouped = [text for text in numbers if other in text]
    return fitting[0] if not grouped or any(fitting[0] in t or t.count(other) > 1 for t in grouped) else ""


def to_numbers(column: pd.Series, sign: str = "") -> pd.Series:
    """Return a text column (N,) as numbers, with NaN for each cell that is not a number.

    sign: the sign before the decimals, "." or ",", or "" to recognise it from the column. If it is not recognised, a
    cell such as 1,234 is not a number.
    """
    numbers = pd.to_numeric(column, errors="coerce")
    if sign != "," and (numbers.notna() | column.isna()).all():
        return numbers
    sign = sign or decimal_sign(column)
    texts = column.fillna("").astype(str).str.strip()
    fits = texts.map(lambda text: bool(sign and WRITTEN[sign].fullmatch(text))).astype(bool)
    if not fits.any():
        return numbers
    between = GROUP + (".," if sign == "," else ",").replace(sign, "")
    plain = texts.str.replace(f"[{between}]", "", regex=True).str.replace(",", ".", regex=False)
    return numbers.where(~fits, pd.to_numeric(plain.where(fits), errors="coerce"))


# ---- yes or no

YES = ("1", "true", "yes", "y", "t")
NO = ("0", "false", "no", "n", "f")


def plain_value(text: str) -> str:
    """Return the text of a cell in lower case, without spaces around it. A number gets its shortest form: 1 for 1.0."""
    number = finite_number(text)
    return text.strip().lower() if number is None else f"{number:g}"


def zeros_and_ones(column: pd.Series, ones: tuple[str, ...] = ()) -> pd.Series:
    """Return a text column (N,) as floats: 1 for yes, 0 for no, and NaN for each cell that is neither.

    1, 1.0, True, yes, Y and T mean yes, in upper or lower case, and their opposites mean no. ones: the values that mean
    yes if the user has named them; all other values then mean no.
    """
    meaning = dict.fromkeys(YES, 1.0) | dict.fromkeys(NO, 0.0)
    if ones:
        named = {plain_value(text) for text in ones}
        return column.map({text: float(plain_value(text) in named) for text in column.unique()})
    return column.map({text: meaning.get(plain_value(text)) for text in column.unique()}).astype(float)


# ---- several labels in one cell

SIGNS = (";", "|", ",", "/")  # signs between labels; spaces around them belong to no label


def are_lists(column: pd.Series) -> bool:
    """Return whether all cells of a text column that are not empty are lists in brackets, such as ['cat', 'dog']."""
    cells = [text.strip() for text in column.unique() if text.strip()]
    return bool(cells) and all(text[0] == "[" and text[-1] == "]" for text in cells)


def split_labels(column: pd.Series, separator: str) -> pd.Series:
    """Return the list of the labels in each cell of a text column (N,). Empty labels are left out.

    separator: the text between two labels; spaces around one of the signs ; | , / do not count. If it is empty or a
    space, the labels are separated by white space. If all cells are lists in brackets, the separator does not matter.
    """
    if are_lists(column):
        lists = {text: _items(text) for text in column.unique()}
        return column.map(lists)
    if separator.strip() in SIGNS:
        separator = separator.strip()
    parts = column.str.split(separator, regex=False) if separator.strip() else column.str.split()
    return parts.map(lambda row: [part.strip() for part in row if part.strip()])


def _items(text: str) -> list[str]:
    """Return the items of a list in brackets, which Python, numpy or JSON may have written, as texts."""
    inside = re.sub(r"(?<=['\"])\s+(?=['\"])", ", ", text.strip()[1:-1].strip())  # numpy writes no commas
    try:
        with warnings.catch_warnings(action="ignore"):  # Python warns of a backslash that begins no escape
            items = ast.literal_eval(f"[{inside}]")
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        items = inside.split("," if "," in inside else None)
    return [str(item).strip(" '\"") for item in items if str(item).strip(" '\"")]
