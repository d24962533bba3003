"""Decode each photo once, to find photos that cannot be read and to describe the others.

`check_photos` raises an error that lists all photos that cannot be read. `scan_photos` raises no error, and it returns
more about each photo: size, format, brightness and contrast. Both functions make small copies of each photo.
near_duplicates.py uses the copies to find near-identical photos. This module does not import torch.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from comp import files
from comp.data.decoding import decode, header, read_bytes
from comp.data.photo_similarity import PICTURE
from comp.data.photos import in_chunks, unreadable

THUMBNAIL = (16, 17, 3)
UNREADABLE = np.zeros((1, 1, 3), np.uint8)  # stands for a photo that cannot be read
ENOUGH = 512  # number of pixels that each side keeps when a large JPEG is decoded at a fraction of its size


@dataclass(frozen=True)
class PhotoSummary:
    """A short description of one photo.

    digest: a hash of the photo's file (the first 16 digits of its SHA-256). thumbnail: a small copy of the photo in
    colour, as an array (16, 17, 3) uint8. picture: a small grey copy, (PICTURE, PICTURE) uint8. aspect: the width of
    the photo divided by its height.
    """

    digest: str
    thumbnail: np.ndarray
    picture: np.ndarray
    aspect: float


@dataclass(frozen=True)
class PhotoFacts(PhotoSummary):
    """The properties of one photo. If the photo cannot be read, all properties except `problem` are 0 or empty.

    format: PIL's name of the file format, such as "JPEG". width, height: the sides of the upright photo in pixels.
    size: the size of the file in bytes. brightness, contrast: the mean and the standard deviation of the grey values,
    which are from 0 to 255. problem: why the photo cannot be read, or "" if it can be read.
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
    """Decode every photo once. Returns a dictionary with the hash and the thumbnail of each photo, by its path.

    images: the photos, as paths in `inputs`. progress: a function that is called with the number of photos finished
    since its last call. jobs: the number of processes, or -1 for one per core. The result takes about 5 kB of memory
    for each photo. Raises InputError with a list of all photos that cannot be read.
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
    """Decode every photo once. Returns a dictionary with the properties of each photo, by its path.

    images: the photos, as paths in `inputs`. progress: a function that is called with the number of photos finished
    since its last call. jobs: the number of processes, or -1 for one per core. The result takes about 6 kB of memory
    for each photo. A photo that cannot be read raises no error.
    """
    return dict(_looked_at(_facts_of, inputs, images, progress, jobs))


def _looked_at(look: Callable, inputs: Path, images: Sequence[str], progress: Callable, jobs: int) -> Iterator:
    """Call look(path) for each photo in several processes. Yields pairs (image, result) in the order of `images`.

    images, progress, jobs: as in `check_photos`.
    """
    for part in in_chunks(_looked_at_chunk, inputs, images, jobs, lambda i: look):
        yield from part
        progress(len(part))


def _looked_at_chunk(inputs: Path, images: Sequence[str], look: Callable) -> list[tuple]:
    return [(image, look(inputs / image)) for image in images]


def _summary_of(path: Path) -> tuple[PhotoSummary, str]:
    """Return the summary of a photo, and a text that says why the photo cannot be read, or "" if it can be read."""
    try:
        data = read_bytes(path)
        return PhotoSummary(files.digest_of(data), *small_copies(decode(data, ENOUGH))), ""
    except ValueError as error:
        return PhotoSummary("", *small_copies(UNREADABLE)), str(error)


def _facts_of(path: Path) -> PhotoFacts:
    try:
        data = read_bytes(path)
        pixels = decode(data, ENOUGH)
    except ValueError as error:
        return PhotoFacts("", *small_copies(UNREADABLE), "", 0, 0, 0, 0.0, 0.0, str(error))
    kind, width, height = header(data)
    if (width > height) != (pixels.shape[1] > pixels.shape[0]):  # the photo was turned upright
        width, height = height, width
    mean, deviation = (float(value[0, 0]) for value in cv2.meanStdDev(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)))
    copies = small_copies(pixels)
    return PhotoFacts(files.digest_of(data), *copies, kind, width, height, len(data), mean, deviation)


def small_copies(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the thumbnail, the small grey picture and the aspect of a photo, as `PhotoSummary` has them.

    pixels (H, W, 3) uint8: the photo.
    """
    grey, (height, width) = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), pixels.shape[:2]
    picture = cv2.resize(grey, (PICTURE, PICTURE), interpolation=cv2.INTER_AREA)
    return cv2.resize(pixels, THUMBNAIL[1::-1], interpolation=cv2.INTER_AREA), picture, width / height
