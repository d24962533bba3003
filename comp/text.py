"""Read texts that people type: lists of names, numbers, and names in either of two Unicode forms; write numbers.

Names of runs, columns and files may contain spaces, commas and brackets. Options such as RUNS take several names as one
text, which `split_names` splits. macOS writes file names in Unicode NFD, and other systems write them in NFC.
`same_text` turns both forms into NFC, so that equal names compare as equal.
"""

import math
import re
import shlex
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable
from decimal import Decimal, getcontext

import numpy as np
import pandas as pd

DECIMALS = 6  # decimals of numbers in JSON files that are shown, such as scores
BETWEEN = re.compile(r"[\s,|]+")


def split_names(text: str, exists: Callable[[str], bool]) -> list[str]:
    """Split `text` into a list of names, which are separated by spaces, commas, | or line ends.

    exists: a function that tells whether a name is that of an existing run, file or column. A name that itself has
    spaces or commas stays whole if it exists and its parts do not. Names may also be quoted as in a shell. If no split
    gives only existing names, the text is split at every separator.
    """
    text = text.strip(" \t\r\n,|")
    if not text:
        return []
    return _split_into_existing(text, exists) or _split_quoted(text, exists) or BETWEEN.split(text)


def _split_into_existing(text: str, exists: Callable[[str], bool]) -> list[str] | None:
    """Split `text` into names that all exist, each as short as possible. Return None if this is not possible."""
    gaps = list(BETWEEN.finditer(text))
    starts, ends = [0, *(gap.end() for gap in gaps)], [*(gap.start() for gap in gaps), len(text)]
    rest: list[list[str] | None] = [None] * len(starts) + [[]]  # rest[i]: the names in the words from word i on
    for i in reversed(range(len(starts))):
        for j in range(i, len(starts)):
            if rest[j + 1] is not None and exists(text[starts[i] : ends[j]]):
                rest[i] = [text[starts[i] : ends[j]], *rest[j + 1]]
                break
    return rest[0]


def _split_quoted(text: str, exists: Callable[[str], bool]) -> list[str] | None:
    try:
        names = shlex.split(text)
    except ValueError:  # a quote that is not closed
        return None
    return names if all(map(exists, names)) else None


def finite_number(text: str) -> float | None:
    """Return `text` as a number, or None if the text is not a number, or is NaN or infinity."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def shortened(number: float) -> float:
    """Return a number with six decimals or, if it is below 0.1, with six significant digits."""
    number = float(number)
    if not 0 < abs(number) < 0.1:
        return round(number, DECIMALS)
    return float(f"{number:.{DECIMALS}g}")


def number_text(number: np.floating) -> str:
    """Return a float32 or float64 as decimal text without an exponent, from which it can be read back unchanged.

    The text of a float32 is as short as possible. That of a float64 has at most 15 significant digits, so that the
    mean of 0.1 and 0.2 is 0.15.
    """
    if isinstance(number, np.float32):
        return np.format_float_positional(number, trim="0")
    return np.format_float_positional(number, precision=15, fractional=False, trim="0")


def same_text(text: str) -> str:
    """Return `text` in Unicode NFC, so that equal texts compare as equal."""
    return unicodedata.normalize("NFC", text)


WHOLE = re.compile(r"\s*(-?(?:0|[1-9]\d*))(?:\.0*)?\s*", re.ASCII)
NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d{1,4})?", re.ASCII)


def same_value(text: str) -> str:
    """Return a name such that names of one value are equal: in Unicode NFC, and 1.0 as 1.

    Only whole numbers are changed, because pandas writes 1 as 1.0 if a column has empty fields. 01 stays 01.
    """
    number = WHOLE.fullmatch(text)
    return number[1] if number else same_text(text)


def one_spelling(values: pd.Series) -> pd.Series:
    """Return a column of texts (N,) in which each value is written in one way: the shortest that the column has.

    Texts such as 1 and 1.0, or the two Unicode forms of é, are one value (see `same_value`).
    """
    shortest: dict[str, str] = {}
    names = sorted(values.unique(), key=lambda name: (len(name), name))
    spelling = {name: shortest.setdefault(same_value(name), name) for name in names}
    return values.map(spelling) if len(shortest) < len(names) else values


def alike(names: Iterable[str]) -> list[list[str]]:
    """Return lists of names that differ only by spaces, case, Unicode form or the way in which a number is written."""
    sets = defaultdict(list)
    for name in sorted(set(names)):
        sets[_without_form(name)].append(name)
    return [several for several in sets.values() if len(several) > 1]


def _without_form(name: str) -> str:
    text = unicodedata.normalize("NFKC", name).casefold()
    text = "".join(letter for letter in text if not letter.isspace() and unicodedata.category(letter) != "Cf")
    is_number = NUMBER.fullmatch(text) and len(text) <= getcontext().prec  # a longer one would be rounded
    return str(Decimal(text).normalize() + 0) if is_number else text


def same_texts(texts: pd.Series) -> pd.Series:
    """Return a column of texts (N,) with each text in Unicode NFC, so that equal texts compare as equal."""
    return texts if all(map(str.isascii, texts)) else texts.str.normalize("NFC")
