"""One look at each photo: which ones cannot be read, and what the others are like. No torch.

`check_photos` raises an error that lists all unreadable photos. `scan_photos` raises nothing and says more of each
photo: size, format, brightness and contrast. Both keep a thumbnail, by which near-identical photos are found.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from comp import files
from comp.data.decoding import decode, header, read_bytes
from comp.data.photos import in_chunks, unreadable

THUMBNAIL = (16, 17, 3)
ENOUGH = 512  # pixels that both sides of a large JPEG keep for its thumbnail


@dataclass(frozen=True)
class PhotoSummary:
    """SHA-256 of the bytes of a photo (16 digits), and a thumbnail uint8 (16, 17, 3)."""

    digest: str
    thumbnail: np.ndarray


@dataclass(frozen=True)
class PhotoFacts(PhotoSummary):
    """What one photo is like.

    format: as PIL names it; width, height: pixels, upright; size: bytes of the file; brightness, contrast: mean and
    standard deviation of the grey values, 0 … 255. problem: why it cannot be read; all else is then 0 or empty.
    """

    format: str
    width: int
    height: int
    size: int
    brightness: float
    contrast: float
    problem: str = ""


def check_photos(
    inputs: Path, images: Sequence[str], progress: Callable[[int], None], jobs: int = -1
) -> dict[str, PhotoSummary]:
    """Decode every photo once and return its PhotoSummary by its path. InputError lists all unreadable photos.

    progress is called with the number of photos just finished. About 1 kB of memory per photo.
    """
    summaries: dict[str, PhotoSummary] = {}
    problems: list[str] = []
    for image, (summary, problem) in _looked_at(_summary_of, inputs, images, progress, jobs):
        summaries[image] = summary
        problems += [f"{image}: {problem}"] if problem else []
    if problems:
        raise unreadable(problems)
    return summaries


def scan_photos(
    inputs: Path, images: Sequence[str], progress: Callable[[int], None], jobs: int = -1
) -> dict[str, PhotoFacts]:
    """Decode every photo once and return its PhotoFacts by its path. About 1.5 kB of memory per photo.

    progress is called with the number of photos just finished.
    """
    return dict(_looked_at(_facts_of, inputs, images, progress, jobs))


def _looked_at(look: Callable, inputs: Path, images: Sequence[str], progress: Callable, jobs: int) -> Iterator:
    """Yield (image, look(path)) for each photo, in order; chunks of photos are shared among processes."""
    for part in in_chunks(_looked_at_chunk, inputs, images, jobs, lambda i: look):
        yield from part
        progress(len(part))


def _looked_at_chunk(inputs: Path, images: Sequence[str], look: Callable) -> list[tuple]:
    return [(image, look(inputs / image)) for image in images]


def _summary_of(path: Path) -> tuple[PhotoSummary, str]:
    """The summary of a photo, and why it cannot be read or ""."""
    try:
        data = read_bytes(path)
        return PhotoSummary(files.digest_of(data), _thumbnail(decode(data, ENOUGH))), ""
    except ValueError as error:
        return PhotoSummary("", np.zeros(THUMBNAIL, np.uint8)), str(error)


def _facts_of(path: Path) -> PhotoFacts:
    try:
        data = read_bytes(path)
        pixels = decode(data, ENOUGH)
    except ValueError as error:
        return PhotoFacts("", np.zeros(THUMBNAIL, np.uint8), "", 0, 0, 0, 0.0, 0.0, str(error))
    kind, width, height = header(data)
    if (width > height) != (pixels.shape[1] > pixels.shape[0]):  # turned upright by its EXIF tag
        width, height = height, width
    mean, deviation = (float(value[0, 0]) for value in cv2.meanStdDev(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)))
    return PhotoFacts(files.digest_of(data), _thumbnail(pixels), kind, width, height, len(data), mean, deviation)


def _thumbnail(pixels: np.ndarray) -> np.ndarray:
    return cv2.resize(pixels, THUMBNAIL[1::-1], interpolation=cv2.INTER_AREA)
