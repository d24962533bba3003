"""Look at all photos once: size, format, brightness, contrast, and which of them cannot be read. Nothing is fatal."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from comp.data import decode
from comp.data.parallel import in_chunks
from comp.data.photo_check import ENOUGH, THUMBNAIL, PhotoSummary
from comp.data.photo_files import read_bytes
from comp.io import files


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


def scan(inputs: Path, images: Sequence[str], progress: Callable[[int], None], jobs: int = -1) -> dict[str, PhotoFacts]:
    """Decode every photo once and return its PhotoFacts by its path. About 1.5 kB of memory per photo.

    progress is called with the number of photos just finished.
    """
    facts: dict[str, PhotoFacts] = {}
    for part in in_chunks(_scan_chunk, inputs, images, jobs):
        facts.update(part)
        progress(len(part))
    return facts


def _scan_chunk(inputs: Path, images: Sequence[str]) -> list[tuple[str, PhotoFacts]]:
    return [(image, _look(inputs / image)) for image in images]


def _look(path: Path) -> PhotoFacts:
    try:
        data = read_bytes(path)
        pixels = decode.decode(data, ENOUGH)
    except ValueError as error:
        return PhotoFacts("", np.zeros(THUMBNAIL, np.uint8), "", 0, 0, 0, 0.0, 0.0, str(error))
    kind, width, height = decode.header(data)
    if (width > height) != (pixels.shape[1] > pixels.shape[0]):  # turned upright by its EXIF tag
        width, height = height, width
    mean, deviation = (float(value[0, 0]) for value in cv2.meanStdDev(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)))
    thumbnail = cv2.resize(pixels, THUMBNAIL[1::-1], interpolation=cv2.INTER_AREA)
    return PhotoFacts(files.digest_of(data), thumbnail, kind, width, height, len(data), mean, deviation)
