"""Check all photos: decode each one once, list all that cannot be read, and keep a thumbnail of each.

Look at all photos once: size, format, brightness, contrast, and which of them cannot be read. Nothing is fatal.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from comp import files
from comp.data import decoding
from comp.data.decoding import decode, read_bytes
from comp.data.photos import in_chunks, unreadable

THUMBNAIL = (16, 17, 3)
ENOUGH = 512  # pixels that both sides of a large JPEG keep for its thumbnail


@dataclass(frozen=True)
class PhotoSummary:
    """SHA-256 of the bytes of a photo (16 digits), and a thumbnail uint8 (16, 17, 3)."""

    digest: str
    thumbnail: np.ndarray


def check_photos(
    inputs: Path, images: Sequence[str], progress: Callable[[int], None], jobs: int = -1
) -> dict[str, PhotoSummary]:
    """Decode every photo once and return its PhotoSummary by its path. InputError lists all unreadable photos.

    progress is called with the number of photos just finished. About 1 kB of memory per photo.
    """
    summaries: dict[str, PhotoSummary] = {}
    problems: list[str] = []
    for part in in_chunks(_check_chunk, inputs, images, jobs):
        for image, summary, problem in part:
            summaries[image] = summary
            problems += [f"{image}: {problem}"] if problem else []
        progress(len(part))
    if problems:
        raise unreadable(problems)
    return summaries


def _check_chunk(inputs: Path, images: Sequence[str]) -> list[tuple[str, PhotoSummary, str]]:
    result = []
    for image in images:
        data, thumbnail, problem = b"", np.zeros(THUMBNAIL, np.uint8), ""
        try:
            data = read_bytes(inputs / image)
            thumbnail = cv2.resize(decode(data, ENOUGH), THUMBNAIL[1::-1], interpolation=cv2.INTER_AREA)
        except ValueError as error:
            problem = str(error)
        result.append((image, PhotoSummary(files.digest_of(data), thumbnail), problem))
    return result


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


def scan_photos(
    inputs: Path, images: Sequence[str], progress: Callable[[int], None], jobs: int = -1
) -> dict[str, PhotoFacts]:
    """Decode every photo once and return its PhotoFacts by its path. About 1.5 kB of memory per photo.

    progress is called with the number of photos just finished.
    """
    facts: dict[str, PhotoFacts] = {}
    for part in in_chunks(_scan_chunk, inputs, images, jobs):
        facts.update(part)
        progress(len(part))
    return facts


def _scan_chunk(inputs: Path, images: Sequence[str]) -> list[tuple[str, PhotoFacts]]:
    return [(image, _facts_of(inputs / image)) for image in images]


def _facts_of(path: Path) -> PhotoFacts:
    try:
        data = read_bytes(path)
        pixels = decoding.decode(data, ENOUGH)
    except ValueError as error:
        return PhotoFacts("", np.zeros(THUMBNAIL, np.uint8), "", 0, 0, 0, 0.0, 0.0, str(error))
    kind, width, height = decoding.header(data)
    if (width > height) != (pixels.shape[1] > pixels.shape[0]):  # turned upright by its EXIF tag
        width, height = height, width
    mean, deviation = (float(value[0, 0]) for value in cv2.meanStdDev(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)))
    thumbnail = cv2.resize(pixels, THUMBNAIL[1::-1], interpolation=cv2.INTER_AREA)
    return PhotoFacts(files.digest_of(data), thumbnail, kind, width, height, len(data), mean, deviation)
