"""A few photos of each class, drawn with a fixed seed, as small pictures, and the mean picture of each class."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from comp.competition import labels
from comp.competition.competition import Competition
from comp.data.decode import decode
from comp.data.parallel import in_chunks
from comp.data.photo_files import read_bytes
from comp.data.resize import resized

HEIGHT = 72  # pixels of a small picture
WIDEST = 4  # times its height
RANGES = 5  # of a number that is the target


def rows_of_kinds(table: pd.DataFrame, competition: Competition) -> list[tuple[str, np.ndarray]]:
    """Name and positions of the rows of each class, of each label, or of each of RANGES ranges of a number."""
    values = labels.to_array(table["label"], competition)
    if values.ndim == 2:
        return [(name, np.flatnonzero(values[:, c])) for c, name in enumerate(competition.classes)]
    if competition.target != "regression":
        return [(name, np.flatnonzero(values == c)) for c, name in enumerate(competition.classes)]
    kind = labels.strata(values, RANGES)
    parts = [np.flatnonzero(kind == c) for c in range(RANGES)]
    return [(f"{values[part].min():.4g} to {values[part].max():.4g}", part) for part in parts if len(part)]


def drawn(rows: np.ndarray, count: int, seed: int = 0) -> np.ndarray:
    """At most `count` of the rows, at random but the same ones each time."""
    return np.random.default_rng([seed, len(rows)]).permutation(rows)[:count]


def small_pictures(
    inputs: Path, images: Sequence[str], progress: Callable[[int], None], jobs: int = -1
) -> dict[str, np.ndarray]:
    """Image to its small picture uint8 (HEIGHT, W, 3), in its own aspect ratio. Unreadable photos are left out."""
    made: dict[str, np.ndarray] = {}
    for part in in_chunks(_small_chunk, inputs, images, jobs):
        made.update((image, pixels) for image, pixels in part if pixels is not None)
        progress(len(part))
    return made


def mean_picture(pictures: Sequence[np.ndarray]) -> np.ndarray | None:
    """The mean of small pictures, uint8 (HEIGHT, W, 3), where W is their median width; None without any."""
    if not pictures:
        return None
    width = int(np.median([picture.shape[1] for picture in pictures]))
    total = np.zeros((HEIGHT, width, 3))
    for picture in pictures:
        total += resized(picture, HEIGHT, width)
    return np.rint(total / len(pictures)).astype(np.uint8)


def _small_chunk(inputs: Path, images: Sequence[str]) -> list[tuple[str, np.ndarray | None]]:
    return [(image, _small(inputs / image)) for image in images]


def _small(path: Path) -> np.ndarray | None:
    try:
        pixels = decode(read_bytes(path), 2 * HEIGHT)
    except ValueError:
        return None
    height, width = pixels.shape[:2]
    return resized(pixels, HEIGHT, min(max(1, round(width * HEIGHT / height)), WIDEST * HEIGHT))
