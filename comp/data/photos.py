"""Process many photos in chunks with joblib: in local processes, or on a Dask or Ray cluster.

The deterministic resize: a photo of any size becomes a square of fixed size. No torch.

The photos of a run by position, resized to squares (resize.py), from the files or from the cache. No torch.

The cache (photo_cache.py) holds exactly the same pixels as reading the files: `cache=false` changes only the speed.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import joblib
import numpy as np

from comp.data.decoding import decode, read_bytes
from comp.errors import InputError, listed

CHUNK = 64  # photos per task: small enough for the progress bar, large enough for the overhead


def in_chunks(work: Callable, inputs: Path, images: Sequence[str], jobs: int, *more: Callable) -> Iterator:
    """Yield work(inputs, chunk, *arguments) for each chunk of images, in order.

    more: functions that give the further arguments, from the position of the first image of the chunk. Results are
    yielded one by one, so memory does not grow with the number of photos.
    """
    starts = range(0, len(images), CHUNK)
    tasks = (joblib.delayed(work)(inputs, images[i : i + CHUNK], *[argument(i) for argument in more]) for i in starts)
    # a short list is finished before worker processes have started
    return joblib.Parallel(n_jobs=jobs if len(starts) > 4 else 1, return_as="generator")(tasks)


RESIZE_VERSION = 2  # of the pixels: raise it if decode or base_image changes, so that old caches are not used
FITS = ("squash", "crop", "pad")
BORDER = (124, 116, 104)  # mean of ImageNet: about 0 after the usual normalisation


def base_image(pixels: np.ndarray, crop: int, size: int, fit: str = "squash") -> np.ndarray:
    """A square (size, size, 3) uint8: first a centre crop of `crop` pixels (0: no crop), then a resize by `fit`.

    squash: both sides are resized to `size`; crop: the centre square is cut out and resized; pad: the longer side is
    resized to `size`, and the rest of the square is filled with BORDER on both sides. For a square photo all three are
    the same. A crop larger than the photo keeps the whole photo.
    """
    pixels = centre_crop(pixels, crop, crop) if crop else pixels
    height, width = pixels.shape[:2]
    if fit == "crop":
        pixels = centre_crop(pixels, min(height, width), min(height, width))
    elif fit == "pad":
        return padded_square(pixels, size)
    elif fit != "squash":
        raise ValueError(f"fit={fit!r} is none of {', '.join(FITS)}")
    return resized(pixels, size, size)


def centre_crop(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """The centre of `pixels`, at most (height, width, 3), as an array of its own."""
    h, w = min(height, pixels.shape[0]), min(width, pixels.shape[1])
    top, left = (pixels.shape[0] - h) // 2, (pixels.shape[1] - w) // 2
    return np.ascontiguousarray(pixels[top : top + h, left : left + w])


def padded_square(pixels: np.ndarray, size: int) -> np.ndarray:
    """The whole photo, its longer side `size`, in the middle of a square of colour BORDER."""
    height, width = pixels.shape[:2]
    h, w = (max(1, round(side * size / max(height, width))) for side in (height, width))
    square = np.full((size, size, 3), BORDER, np.uint8)
    top, left = (size - h) // 2, (size - w) // 2
    square[top : top + h, left : left + w] = resized(pixels, h, w)
    return square


def resized(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """(height, width, 3) uint8."""
    # area averages give no aliasing when shrinking
    method = cv2.INTER_AREA if pixels.shape[0] >= height else cv2.INTER_CUBIC
    return cv2.resize(pixels, (width, height), interpolation=method)


def photo_square(path: Path, crop: int, size: int, fit: str = "squash") -> np.ndarray:
    """`base_image` of a file, (size, size, 3) uint8. Raises ValueError if it cannot be read.

    A large JPEG is decoded at a fraction of its size if that leaves twice the pixels needed. This is not done with a
    crop, because a crop is given in pixels of the full photo.
    """
    enough = 0 if crop else 2 * size
    return base_image(decode(read_bytes(path), enough), crop, size, fit)


def read_photo(path: Path, crop: int, size: int, fit: str = "squash") -> np.ndarray:
    """Like `square`, but raises InputError if the file cannot be read."""
    try:
        return photo_square(path, crop, size, fit)
    except ValueError as error:
        raise unreadable([f"{path}: {error}"]) from None


def unreadable(problems: Sequence[str]) -> InputError:
    """The error for photos that cannot be read; problems: one line each, "path: problem"."""
    return InputError(
        f"{len(problems)} photo(s) cannot be read:{listed(problems, limit=1000)}",
        "whole image files: JPEG, PNG, TIFF, WebP, BMP, GIF, AVIF; HEIC with pillow-heif",
        "the commands in brackets; unpack or download the other photos again, or delete their rows",
    )


class Photos:
    """The base images of a list of files, by position: uint8 (N, size, size, 3), from the cache or from the files."""

    def __init__(
        self,
        inputs: Path,
        images: Sequence[str],
        crop: int,
        size: int,
        pixels: np.ndarray | None = None,
        fit: str = "squash",
    ):
        self.inputs, self.images, self.pixels = Path(inputs), list(images), pixels
        self.crop, self.size, self.fit = crop, size, fit

    def __len__(self) -> int:
        return len(self.images)

    def batch(self, indices: Sequence[int]) -> np.ndarray:
        """(len(indices), size, size, 3) uint8, writable."""
        if self.pixels is not None:
            return self.pixels[np.asarray(indices)]
        return np.stack([read_photo(self.inputs / self.images[i], self.crop, self.size, self.fit) for i in indices])


class JoinedPhotos:
    """Two lists of photos as one: first all of `first`, then all of `second`, which have the same size."""

    def __init__(self, first: Photos, second: Photos):
        self.first, self.second, self.start_of_second = first, second, len(first)
        self.images = [*first.images, *second.images]

    def __len__(self) -> int:
        return len(self.first) + len(self.second)

    def batch(self, indices: Sequence[int]) -> np.ndarray:
        """(len(indices), size, size, 3) uint8, writable."""
        indices = np.asarray(indices)
        second = indices >= self.start_of_second
        pixels = np.empty((len(indices), self.first.size, self.first.size, 3), np.uint8)
        for photos, rows, start in ((self.first, ~second, 0), (self.second, second, self.start_of_second)):
            if rows.any():
                pixels[rows] = photos.batch(indices[rows] - start)
        return pixels
