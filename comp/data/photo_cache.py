"""The cache of decoded photos: one memory-mapped file for each list of photos, crop, size and fit. No torch."""

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from comp import files
from comp.data.photos import RESIZE_VERSION, Photos, in_chunks, photo_square, unreadable
from comp.errors import InputError

STATS = 1000  # photos per task when sizes and times are read
THREADS = 16  # more than cores: on a network disk they mostly wait


def cached(
    folder: Path,
    inputs: Path,
    images: Sequence[str],
    crop: int,
    size: int,
    progress: Callable[[int], None],
    jobs: int = -1,
    say: Callable[[str], None] = lambda text: None,
    fit: str = "squash",
) -> Photos:
    """Photos read through a memory-mapped uint8 file that is built once, by all cores, and shared by all folds.

    say(text) prints the size before the file is built. Raises InputError that lists all unreadable
    photos, and if the disk has no room for the file.
    """
    path = cache_file(folder, inputs, images, crop, size, fit)
    if not path.is_file():
        with files.lock(folder / "building", "the photo cache", wait=True):  # the process before may have built it
            if not path.is_file():
                gigabytes = _bytes(images, size) / 1e9
                say(f"decoding {len(images):,} photos once, to a cache of {gigabytes:.2f} GB in {folder}")
                _build(path, inputs, images, crop, size, fit, progress, jobs)
    return Photos(inputs, images, crop, size, _opened(path, (len(images), size, size, 3)), fit)


def cache_file(folder: Path, inputs: Path, images: Sequence[str], crop: int, size: int, fit: str = "squash") -> Path:
    """The cache file for these photos, crop, size and fit. Its name is a hash of their names, sizes and times.

    It reads the state of every file, so call it once per command. InputError lists missing files.
    """
    key = hashlib.sha256(json.dumps([RESIZE_VERSION, crop, size, fit]).encode())
    missing: list[str] = []
    parts = [images[i : i + STATS] for i in range(0, len(images), STATS)]
    with ThreadPoolExecutor(THREADS) as pool:
        for lines, absent in pool.map(lambda part: _states(inputs, part), parts):
            key.update(lines.encode())
            missing += absent
    if missing:
        raise unreadable(missing)
    return folder / f"{key.hexdigest()[:16]}_{size}px.npy"


def _states(inputs: Path, images: Sequence[str]) -> tuple[str, list[str]]:
    """A line with name, size and time of change for each file; and a line for each missing file."""
    lines, missing, root = [], [], os.fspath(inputs)
    for image in images:
        try:
            state = os.stat(os.path.join(root, image))
            lines.append(f"{image}\0{state.st_size}\0{state.st_mtime_ns}\n")
        except FileNotFoundError:
            missing.append(f"{image}: no such file")
        except OSError as error:
            missing.append(f"{image}: {error.strerror}")
    return "".join(lines), missing


def _opened(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    try:
        pixels = np.load(path, mmap_mode="r", allow_pickle=False)
        whole = pixels.shape == shape and pixels.dtype == np.uint8
    except (OSError, ValueError):
        whole = False
    if not whole:
        raise InputError(f"{path} is damaged", "a complete cache", f"rm {path}")
    return pixels


def _bytes(images: Sequence[str], size: int) -> int:
    return len(images) * size * size * 3


def _build(path: Path, inputs: Path, images, crop: int, size: int, fit: str, progress, jobs: int) -> None:
    problems: list[str] = []
    room = "make clean-cache, or SET=cache=false"
    with files.replacing(path, _bytes(images, size), room) as temporary:
        shape = (len(images), size, size, 3)
        np.lib.format.open_memmap(temporary, mode="w+", dtype=np.uint8, shape=shape).flush()
        for done, bad in in_chunks(_fill, inputs, images, jobs, lambda i: (temporary, i, crop, size, fit)):
            problems += bad
            progress(done)
        if problems:
            raise unreadable(problems)


def _fill(inputs: Path, images, where) -> tuple[int, list[str]]:
    """Write the base images of one chunk to its rows of the file. Returns how many, and the problems."""
    temporary, first, crop, size, fit = where
    pixels, problems = np.load(temporary, mmap_mode="r+"), []
    for row, image in enumerate(images, first):
        try:
            pixels[row] = photo_square(inputs / image, crop, size, fit)
        except ValueError as error:
            problems.append(f"{image}: {error}")
    pixels.flush()
    return len(images), problems
