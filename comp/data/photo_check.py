"""Check all photos: decode each one once, list all that cannot be read, and keep a thumbnail of each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from comp.data.decode import decode
from comp.data.parallel import in_chunks
from comp.data.photo_files import read_bytes
from comp.data.photos import unreadable
from comp.io import files

THUMBNAIL = (16, 17, 3)
ENOUGH = 512  # pixels that both sides of a large JPEG keep for its thumbnail


@dataclass(frozen=True)
class PhotoSummary:
    """SHA-256 of the bytes of a photo (16 digits), and a thumbnail uint8 (16, 17, 3)."""

    digest: str
    thumbnail: np.ndarray


def check(
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
