"""The photos of a run by position, as squares of one size. No torch.

`base_image` is the deterministic resize: a photo of any size becomes a square of fixed size. `Photos` gives these
squares by position, from a cache (see photo_cache.py) or from the files; `JoinedPhotos` puts several of them one after
the other, as training photos and test photos. `in_chunks` shares work on many photos among processes, with joblib.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import joblib
import numpy as np

from comp.data.decoding import decode, read_bytes
from comp.errors import InputError, listed

# ---- work on many photos

CHUNK = 64  # photos per task: few enough for a smooth progress bar, enough to outweigh the cost of a task


def in_chunks(work: Callable, inputs: Path, images: Sequence[str], jobs: int, *more: Callable) -> Iterator:
    """Yield work(inputs, chunk, *arguments) for each chunk of images, in order.

    more: functions that give the further arguments, from the position of the first image of the chunk. The processes
    are local ones, or those of a Dask or Ray cluster that joblib was told to use. Results are yielded one by one, so
    memory does not grow with the number of photos.
    """
    starts = range(0, len(images), CHUNK)
    tasks = (joblib.delayed(work)(inputs, images[i : i + CHUNK], *[argument(i) for argument in more]) for i in starts)
    # a short list is finished before worker processes have started
    return joblib.Parallel(n_jobs=jobs if len(starts) > 4 else 1, return_as="generator")(tasks)


def unreadable(problems: Sequence[str]) -> InputError:
    """The error for photos that cannot be read; problems: one line each, "path: problem"."""
    return InputError(
        f"{len(problems)} photo(s) cannot be read:{listed(problems, limit=1000)}",
        "whole image files: JPEG, PNG, TIFF, WebP, BMP, GIF, AVIF; HEIC with pillow-heif",
        "the commands in brackets; unpack or download the other photos again, or delete their rows",
    )


# ---- resize

RESIZE_VERSION = 2  # of the pixels: raise it if decode or base_image changes, so that no cache of other pixels is used
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
    """A copy of the centre of `pixels`, at most (height, width, 3)."""
    h, w = min(height, pixels.shape[0]), min(width, pixels.shape[1])
    top, left = (pixels.shape[0] - h) // 2, (pixels.shape[1] - w) // 2
    return np.ascontiguousarray(pixels[top : top + h, left : left + w])


def padded_square(pixels: np.ndarray, size: int) -> np.ndarray:
    """The whole photo, with its longer side resized to `size`, in the middle of a square of colour BORDER."""
    height, width = pixels.shape[:2]
    h, w = (max(1, round(side * size / max(height, width))) for side in (height, width))
    square = np.full((size, size, 3), BORDER, np.uint8)
    top, left = (size - h) // 2, (size - w) // 2
    square[top : top + h, left : left + w] = resized(pixels, h, w)
    return square


def resized(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """The photo resized to (height, width, 3) uint8."""
    # averages over areas avoid aliasing when a photo shrinks
    method = cv2.INTER_AREA if pixels.shape[0] >= height else cv2.INTER_CUBIC
    return cv2.resize(pixels, (width, height), interpolation=method)


# ---- photos by position


def photo_square(path: Path, crop: int, size: int, fit: str = "squash") -> np.ndarray:
    """`base_image` of a file, (size, size, 3) uint8. Raises ValueError if it cannot be read.

    A large JPEG is decoded at a fraction of its size if that leaves twice the pixels needed. This is not done with a
    crop, because a crop is given in pixels of the full photo.
    """
    enough = 0 if crop else 2 * size
    return base_image(decode(read_bytes(path), enough), crop, size, fit)


def read_photo(path: Path, crop: int, size: int, fit: str = "squash") -> np.ndarray:
    """Like `photo_square`, but raises InputError if the file cannot be read."""
    try:
        return photo_square(path, crop, size, fit)
    except ValueError as error:
        raise unreadable([f"{path}: {error}"]) from None


class Photos:
    """The squares of a list of files, by position.

    pixels: a cache that gives uint8 (B, size, size, 3) for positions (B,): an array (N, size, size, 3) or
    `photo_cache.JpegPixels`; None reads the files.
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
        """Whether reading a photo is a copy of pixels, which needs no worker processes."""
        return isinstance(self.pixels, np.ndarray)

    def batch(self, positions: Sequence[int]) -> np.ndarray:
        """(len(positions), size, size, 3) uint8, writable."""
        if self.pixels is not None:
            return self.pixels[np.asarray(positions)]
        return np.stack([read_photo(self.inputs / self.images[i], self.crop, self.size, self.fit) for i in positions])


class JoinedPhotos(Photos):
    """Several Photos of one size as one sequence: first those of the first part, then those of the second, …"""

    def __init__(self, parts: Sequence[Photos]):
        first = parts[0]
        images = [image for part in parts for image in part.images]
        super().__init__(first.inputs, images, first.crop, first.size, fit=first.fit)
        self.parts, self.starts = list(parts), np.cumsum([0, *map(len, parts)])

    @property
    def is_decoded(self) -> bool:
        """Whether this is so for all parts."""
        return all(part.is_decoded for part in self.parts)

    def batch(self, positions: Sequence[int]) -> np.ndarray:
        """(len(positions), size, size, 3) uint8, writable."""
        positions = np.asarray(positions)
        pixels = np.empty((len(positions), self.size, self.size, 3), np.uint8)
        for part, start in zip(self.parts, self.starts, strict=False):
            inside = (positions >= start) & (positions < start + len(part))
            if inside.any():
                pixels[inside] = part.batch(positions[inside] - start)
        return pixels
