"""Text as people type it: lists of names, numbers, and the two Unicode forms of a name.

Names of runs, columns and files may contain spaces, commas and brackets, and make passes several of them as one text.
macOS writes file names in Unicode NFD, other systems in NFC; `same_text` makes equal names compare equal.
"""

import math
import re
import shlex
import unicodedata
from collections.abc import Callable

import pandas as pd

BETWEEN = re.compile(r"[\s,|]+")


def split_names(text: str, exists: Callable[[str], bool]) -> list[str]:
    """The names in a text, separated by spaces, commas, | or line ends.

    exists(name): whether there is such a name. A space or comma inside a name is recognised because the whole name
    exists and its parts do not. If that is not enough, names may be quoted as in a shell. If no split gives only
    existing names, the text is split at every separator.
    """
    text = text.strip(" \t\r\n,|")
    if not text:
        return []
    return _split_into_existing(text, exists) or _split_quoted(text, exists) or BETWEEN.split(text)


def _split_into_existing(text: str, exists: Callable[[str], bool]) -> list[str] | None:
    """The split into existing names, each as short as possible; None if there is no such split."""
    gaps = list(BETWEEN.finditer(text))
    starts, ends = [0, *(gap.end() for gap in gaps)], [*(gap.start() for gap in gaps), len(text)]
    rest: list[list[str] | None] = [None] * len(starts) + [[]]  # the split of the words from position i on
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
    """The number that the text is; None for anything else, and for NaN and infinity."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def same_text(text: str) -> str:
    """A text in NFC."""
    return unicodedata.normalize("NFC", text)


def same_texts(texts: pd.Series) -> pd.Series:
    """Many texts (N,) in NFC."""
    return texts if all(map(str.isascii, texts)) else texts.str.normalize("NFC")
