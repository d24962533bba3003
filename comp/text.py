"""Read texts that people type: lists of names, numbers, and names in either of two Unicode forms; write numbers.

Names of runs, columns and files may contain spaces, commas and brackets. Options such as RUNS take several names as one
text, which `split_names` splits. macOS writes file names in Unicode NFD, and other systems write them in NFC.
`same_text` turns both forms into NFC, so that equal names compare as equal.
"""

import math
import re
import shlex
import unicodedata
from collections.abc import Callable

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


def same_texts(texts: pd.Series) -> pd.Series:
    """Return a column of texts (N,) with each text in Unicode NFC, so that equal texts compare as equal."""
    return texts if all(map(str.isascii, texts)) else texts.str.normalize("NFC")
