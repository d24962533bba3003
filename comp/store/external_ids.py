"""The ids of external predictions as this fold table and sample write them.

A teammate's file may have them in another Unicode form, without the extension, with other folders in front, or with
Windows' separators: they are matched where that is possible for all, without a doubt.
"""

from collections.abc import Callable, Sequence

import numpy as np

from comp.competition.layout.photo_extensions import END
from comp.io.unicode_names import same_text

MOST_PARTS = 6  # of a path that are compared


def matched(ids: np.ndarray, wanted: Sequence[str]) -> np.ndarray:
    """`ids` (N,) str, each as it is in `wanted`; as they are where not all of them can be matched.

    The longest ends of paths are compared first.
    """
    wanted = list(map(str, wanted))
    if set(ids) == set(wanted):
        return ids
    for key in (_plain, *(_end(parts) for parts in range(MOST_PARTS, 0, -1))):
        known = {key(name): name for name in wanted}
        keys = [key(name) for name in ids]
        if len(known) == len(set(wanted)) and set(keys) == set(known):
            return np.array([known[name] for name in keys], dtype=str)
    return ids


def _plain(name: str) -> str:
    return same_text(name.strip()).replace("\\", "/").removeprefix("./")


def _end(parts: int) -> Callable[[str], str]:
    """The last parts of a path, without the extension of a photo."""
    return lambda name: "/".join(END.sub("", _plain(name)).split("/")[-parts:])
