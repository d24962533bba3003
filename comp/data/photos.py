"""Photos from disk: reading, checking, the deterministic resize, and the decoded-image cache. No torch.

Every photo is cropped and resized once, by `base_image`; what the cache holds is exactly what reading gives, so
`cache=false` changes the speed and not one pixel.
"""

import hashlib
import io
import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import joblib
import numpy as np
from PIL import Image, ImageOps

from comp.errors import InputError, listed
from comp.io import files

Image.MAX_IMAGE_PIXELS = 100_000_000  # a "photo" of more is a decompression bomb, not a face
VERSION = 1  # of the pixels: raise it where base_image changes, and old caches are not read
THUMBNAIL = (16, 17, 3)
CHUNK = 64  # photos a joblib task: small enough for the progress bar, large enough for the overhead


def decode(data: bytes) -> np.ndarray:
    """RGB uint8 (H, W, 3) of an image file's bytes, turned upright by its EXIF tag. Raises OSError or ValueError.

    PIL, because OpenCV decodes a truncated JPEG to grey without a word.
    """
    try:
        with Image.open(io.BytesIO(data)) as image:
            if image.width * image.height > Image.MAX_IMAGE_PIXELS:  # PIL itself only warns up to twice as many
                raise ValueError(f"{image.width} x {image.height} pixels: a decompression bomb, not a photo")
            return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    except (SyntaxError, Image.DecompressionBombError) as error:  # PIL's words for a broken PNG and for a bomb
        raise ValueError(str(error)) from None


def base_image(pixels: np.ndarray, crop: int, size: int) -> np.ndarray:
    """Centre crop of `crop` pixels (0: none; at most what there is), resized to (size, size, 3) uint8."""
    height, width = pixels.shape[:2]
    h, w = (min(crop, height), min(crop, width)) if crop else (height, width)
    top, left = (height - h) // 2, (width - w) // 2
    cut = np.ascontiguousarray(pixels[top : top + h, left : left + w])
    method = cv2.INTER_AREA if h >= size else cv2.INTER_CUBIC  # area averages: no aliasing when shrinking
    return cv2.resize(cut, (size, size), interpolation=method)


def read(path: Path, crop: int, size: int) -> np.ndarray:
    """`base_image` of a file; InputError where it cannot be read."""
    try:
        return base_image(decode(path.read_bytes()), crop, size)
    except (OSError, ValueError) as error:
        raise unreadable([f"{path}: {error}"]) from None


def unreadable(problems: Sequence[str]) -> InputError:
    return InputError(
        f"{len(problems)} photo(s) cannot be read:{listed(problems, limit=1000)}",
        "whole JPEG or PNG files",
        "unpack those files again",
    )


@dataclass(frozen=True)
class Look:
    """What is remembered of a photo: SHA-256 of its bytes (16 digits), and a thumbnail uint8 (16, 17, 3)."""

    digest: str
    thumbnail: np.ndarray


def check(inputs: Path, images: Sequence[str], progress: Callable[[int], None], jobs: int = -1) -> dict[str, Look]:
    """Decode every photo once. InputError lists all that cannot be read.

    progress is called with the number of photos just finished.
    """
    looks: dict[str, Look] = {}
    problems: list[str] = []
    for part in _parallel(_check_chunk, inputs, images, jobs):
        for image, look, problem in part:
            looks[image] = look
            problems += [f"{image}: {problem}"] if problem else []
        progress(len(part))
    if problems:
        raise unreadable(problems)
    return looks


def _check_chunk(inputs: Path, images: Sequence[str]) -> list[tuple[str, Look, str]]:
    result = []
    for image in images:
        data, thumbnail, problem = b"", np.zeros(THUMBNAIL, np.uint8), ""
        try:
            data = (inputs / image).read_bytes()
            thumbnail = cv2.resize(decode(data), THUMBNAIL[1::-1], interpolation=cv2.INTER_AREA)
        except (OSError, ValueError) as error:
            problem = str(error)
        result.append((image, Look(files.digest_of(data), thumbnail), problem))
    return result


def _parallel(work: Callable, inputs: Path, images: Sequence[str], jobs: int, *more):
    """Run `work` on chunks, in order, through joblib: processes here, or a Dask or Ray cluster by its backend."""
    chunks = [(i, images[i : i + CHUNK]) for i in range(0, len(images), CHUNK)]
    tasks = (joblib.delayed(work)(inputs, part, *[argument(i) for argument in more]) for i, part in chunks)
    # a short list is done before worker processes have started
    return joblib.Parallel(n_jobs=jobs if len(chunks) > 4 else 1, return_as="generator")(tasks)


class Photos:
    """The base images of a list of files, by position: uint8 (N, size, size, 3), from the cache or from the files."""

    def __init__(self, inputs: Path, images: Sequence[str], crop: int, size: int, pixels: np.ndarray | None = None):
        self.inputs, self.images, self.crop, self.size, self.pixels = Path(inputs), list(images), crop, size, pixels

    def __len__(self) -> int:
        return len(self.images)

    def batch(self, indices: Sequence[int]) -> np.ndarray:
        """(len(indices), size, size, 3) uint8, writable."""
        if self.pixels is not None:
            return self.pixels[np.asarray(indices)]
        return np.stack([read(self.inputs / self.images[i], self.crop, self.size) for i in indices])


def cache_file(folder: Path, inputs: Path, images: Sequence[str], crop: int, size: int) -> Path:
    """The cache of these files at this crop and size: its name is a hash of names, bytes' sizes and times."""
    key = hashlib.sha256(json.dumps([VERSION, crop, size]).encode())
    for image in images:
        stat = os.stat(inputs / image)
        key.update(f"{image}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode())
    return folder / f"{key.hexdigest()[:16]}_{size}px.npy"


def cached(
    folder: Path,
    inputs: Path,
    images: Sequence[str],
    crop: int,
    size: int,
    progress: Callable[[int], None],
    jobs: int = -1,
    say: Callable[[str], None] = lambda text: None,
) -> Photos:
    """Photos read through a memory-mapped uint8 file that is built once, by all cores, and shared by all folds.

    say is told the size before the file is built.
    Raises InputError for photos that cannot be read (all of them), and where the disk has no room for the file.
    """
    try:
        path = cache_file(folder, inputs, images, crop, size)
    except FileNotFoundError as error:
        raise unreadable([f"{error.filename}: no such file"]) from None
    if not path.is_file():
        with files.lock(folder / "building", "the photo cache", wait=True):  # who waited finds it built
            if not path.is_file():
                gigabytes = _bytes(images, size) / 1e9
                say(f"decoding {len(images):,} photos once, to a cache of {gigabytes:.2f} GB in {folder}")
                _build(path, inputs, images, crop, size, progress, jobs)
    try:
        pixels = np.load(path, mmap_mode="r", allow_pickle=False)
        whole = pixels.shape == (len(images), size, size, 3) and pixels.dtype == np.uint8
    except (OSError, ValueError):
        whole = False
    if not whole:
        raise InputError(f"{path} is damaged", "a whole cache", f"rm {path}")
    return Photos(inputs, images, crop, size, pixels)


def _bytes(images: Sequence[str], size: int) -> int:
    return len(images) * size * size * 3


def _build(path: Path, inputs: Path, images, crop: int, size: int, progress, jobs: int) -> None:
    need = _bytes(images, size)
    path.parent.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(path.parent).free
    if need > free:
        raise InputError(
            f"the photo cache needs {need / 1e9:.1f} GB, {path.parent} has {free / 1e9:.1f} GB",
            "room",
            "make clean-cache, or SET=cache=false",
        )
    problems: list[str] = []
    with files.replacing(path) as temporary:
        shape = (len(images), size, size, 3)
        np.lib.format.open_memmap(temporary, mode="w+", dtype=np.uint8, shape=shape).flush()
        for done, bad in _parallel(_fill, inputs, images, jobs, lambda i: (temporary, i, crop, size)):
            problems += bad
            progress(done)
        if problems:
            raise unreadable(problems)


def _fill(inputs: Path, images, where) -> tuple[int, list[str]]:
    """Write the base images of one chunk to its rows of the file; how many were done, and what failed."""
    temporary, first, crop, size = where
    pixels, problems = np.load(temporary, mmap_mode="r+"), []
    for row, image in enumerate(images, first):
        try:
            pixels[row] = base_image(decode((inputs / image).read_bytes()), crop, size)
        except (OSError, ValueError) as error:
            problems.append(f"{image}: {error}")
    pixels.flush()
    return len(images), problems
