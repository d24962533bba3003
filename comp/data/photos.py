"""Read the photos of a run by their position in a list, as squares of one size. This module does not import torch.

`base_image` turns a photo of any size into a square of fixed size, without random numbers. `Photos` returns these
squares by position, from a cache (see photo_cache.py) or from the files. `JoinedPhotos` joins several `Photos`, such as
training photos and test photos. `in_chunks` divides work on many photos among processes, with joblib.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import joblib
import numpy as np

from comp.data.decoding import decode, read_bytes
from comp.errors import InputError, listed

# ---- work on many photos

CHUNK = 64  # photos per task: few enough for a smooth progress bar, and enough to outweigh the cost of a task


def in_chunks(work: Callable, inputs: Path, images: Sequence[str], jobs: int, *more: Callable) -> Iterator:
    """Cut `images` into chunks, and yield the result of work(inputs, chunk, *arguments) for each chunk, in order.

    more: functions that return the further arguments of `work`. Each function is called with the position of the
    chunk's first image, and returns one argument. jobs: the number of processes, or -1 for one per core. The processes
    run on this machine, or on a Dask or Ray cluster if joblib is configured for one. Results are yielded one by one, so
    memory does not grow with the number of photos.
    """
    starts = range(0, len(images), CHUNK)
    tasks = (joblib.delayed(work)(inputs, images[i : i + CHUNK], *[argument(i) for argument in more]) for i in starts)
    # a short list is finished before worker processes would have started
    return joblib.Parallel(n_jobs=jobs if len(starts) > 4 else 1, return_as="generator")(tasks)


def unreadable(problems: Sequence[str]) -> InputError:
    """Return the InputError for photos that cannot be read.

    problems: for each photo, a line with its path and what is wrong, such as "a.jpg: no such file".
    """
    return InputError(
        f"{len(problems)} photo(s) cannot be read:{listed(problems, limit=1000)}",
        "whole image files of the format JPEG, PNG, TIFF, WebP, BMP, GIF or AVIF (or HEIC, with pillow-heif installed)",
        "follow the advice in brackets; unpack or download the other photos again, or delete the rows of such training "
        "photos in the training table",
    )


# ---- resize

RESIZE_VERSION = 2  # increase this if decode or base_image changes, so that no old cache is used
FITS = ("squash", "crop", "pad")
BORDER = (124, 116, 104)  # mean colour of ImageNet, which the usual normalisation turns into about 0


def base_image(pixels: np.ndarray, crop: int, size: int, fit: str = "squash") -> np.ndarray:
    """Turn a photo into a square (size, size, 3) uint8. If `crop` is not 0, first keep only the centre of the photo.

    pixels: the photo, (H, W, 3) uint8. crop: the height and width of the centre in pixels. A side of the photo that is
    shorter than `crop` is not cut.
    fit: how a photo that is not square becomes a square. "squash" resizes both sides to `size`. "crop" cuts out the
    largest square in the centre and resizes it. "pad" resizes the longer side to `size` and fills the rest of the
    square with the colour BORDER.
    """
    pixels = centre_crop(pixels, crop, crop) if crop else pixels
    height, width = pixels.shape[:2]
    if fit == "crop":
        pixels = centre_crop(pixels, min(height, width), min(height, width))
    elif fit == "pad":
        return padded_square(pixels, size)
    elif fit != "squash":
        raise ValueError(f"fit={fit!r} is not one of {', '.join(FITS)}")
    return resized(pixels, size, size)


def centre_crop(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """Return a copy of the centre of `pixels`, of at most `height` x `width` pixels."""
    h, w = min(height, pixels.shape[0]), min(width, pixels.shape[1])
    top, left = (pixels.shape[0] - h) // 2, (pixels.shape[1] - w) // 2
    return np.ascontiguousarray(pixels[top : top + h, left : left + w])


def padded_square(pixels: np.ndarray, size: int) -> np.ndarray:
    """Return a square (size, size, 3) uint8 with the whole photo in its middle, and the colour BORDER around it.

    The longer side of the photo is resized to `size`.
    """
    height, width = pixels.shape[:2]
    h, w = (max(1, round(side * size / max(height, width))) for side in (height, width))
    square = np.full((size, size, 3), BORDER, np.uint8)
    top, left = (size - h) // 2, (size - w) // 2
    square[top : top + h, left : left + w] = resized(pixels, h, w)
    return square


def resized(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    # the mean over areas (INTER_AREA) avoids aliasing when a photo shrinks
    method = cv2.INTER_AREA if pixels.shape[0] >= height else cv2.INTER_CUBIC
    return cv2.resize(pixels, (width, height), interpolation=method)


# ---- photos by position


def photo_square(path: Path, crop: int, size: int, fit: str = "squash") -> np.ndarray:
    """Read a photo, and return it as a square (size, size, 3) uint8. Raises ValueError if the file cannot be read.

    crop, fit: how the photo becomes a square, as in `base_image`. Without a crop, a large JPEG is decoded at a fraction
    of its size if both sides keep at least twice `size` pixels. With a crop, every photo is decoded at full size,
    because `crop` is a number of pixels of the full photo.
    """
    enough = 0 if crop else 2 * size
    return base_image(decode(read_bytes(path), enough), crop, size, fit)


def read_photo(path: Path, crop: int, size: int, fit: str = "squash") -> np.ndarray:
    """Return the same square as `photo_square`, but raise InputError if the file cannot be read."""
    try:
        return photo_square(path, crop, size, fit)
    except ValueError as error:
        raise unreadable([f"{path}: {error}"]) from None


class Photos:
    """A list of photos that are read by position, as square images.

    images: the photos, as paths in `inputs`. crop, size, fit: how a photo becomes a square (see `base_image`). pixels:
    None if the photos are read from their files; otherwise their cache, which is an array (N, size, size, 3) uint8 of N
    squares, or a `photo_cache.JpegPixels` that can be indexed in the same way.
    """

    def __init__(
        self,
        inputs: Path,
        images: Sequence[str],
        crop: int,
        size: int,
        pixels=None,
        fit: str = "squash",
    ):
        self.inputs, self.images, self.pixels = Path(inputs), list(images), pixels
        self.crop, self.size, self.fit = crop, size, fit

    def __len__(self) -> int:
        return len(self.images)

    @property
    def is_decoded(self) -> bool:
        """Whether the squares only need to be copied from an array, so that no worker processes are needed."""
        return isinstance(self.pixels, np.ndarray)

    def batch(self, positions: Sequence[int]) -> np.ndarray:
        """Return the squares at the B `positions`, as a writable array (B, size, size, 3) uint8."""
        if self.pixels is not None:
            return self.pixels[np.asarray(positions)]
        return np.stack([read_photo(self.inputs / self.images[i], self.crop, self.size, self.fit) for i in positions])


class JoinedPhotos(Photos):
    """Several `Photos` with the same square size, joined to one list in the order of `parts`."""

    def __init__(self, parts: Sequence[Photos]):
        first = parts[0]
        images = [image for part in parts for image in part.images]
        super().__init__(first.inputs, images, first.crop, first.size, fit=first.fit)
        self.parts, self.starts = list(parts), np.cumsum([0, *map(len, parts)])

    @property
    def is_decoded(self) -> bool:
        """Whether all squares only need to be copied from arrays, so that no worker processes are needed."""
        return all(part.is_decoded for part in self.parts)

    def batch(self, positions: Sequence[int]) -> np.ndarray:
        """Return the squares at the B `positions`, as a writable array (B, size, size, 3) uint8."""
        positions = np.asarray(positions)
        pixels = np.empty((len(positions), self.size, self.size, 3), np.uint8)
        for part, start in zip(self.parts, self.starts, strict=False):
            inside = (positions >= start) & (positions < start + len(part))
            if inside.any():
                pixels[inside] = part.batch(positions[inside] - start)
        return pixels
