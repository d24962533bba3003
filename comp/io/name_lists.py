"""Split a text with several names, as make passes it on. Names may contain spaces, commas and brackets."""

import re
import shlex
from collections.abc import Callable

BETWEEN = re.compile(r"[\s,|]+")


def split_names(text: str, there: Callable[[str], bool]) -> list[str]:
    """The names in a text, separated by spaces, commas, | or line ends.

    there(name): whether a name exists. A space or comma inside a name is recognised because the whole name exists and
    its parts do not. If that is not enough, names may be quoted as in a shell. If no split gives only existing names,
    the text is split at every separator.
    """
    text = text.strip(" \t\r\n,|")
    return _split_by_what_is_there(text, there) or _split_quoted(text, there) or BETWEEN.split(text) if text else []


def _split_by_what_is_there(text: str, there: Callable[[str], bool]) -> list[str] | None:
    """The split into existing names, each as short as possible; None if there is no such split."""
    gaps = list(BETWEEN.finditer(text))
    starts, ends = [0, *(gap.end() for gap in gaps)], [*(gap.start() for gap in gaps), len(text)]
    rest: list[list[str] | None] = [None] * len(starts) + [[]]  # the split of the words from position i on
    for i in reversed(range(len(starts))):
        for j in range(i, len(starts)):
            if rest[j + 1] is not None and there(text[starts[i] : ends[j]]):
                rest[i] = [text[starts[i] : ends[j]], *rest[j + 1]]
                break
    return rest[0]


def _split_quoted(text: str, there: Callable[[str], bool]) -> list[str] | None:
    try:
        names = shlex.split(text)
    except ValueError:  # a quote that is not closed
        return None
    return names if all(map(there, names)) else None
