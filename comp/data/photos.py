"""Give the photos of a run by position, as squares of one size. Torch is not imported.

`base_image` turns a photo of any size into a square of fixed size, without random numbers. `Photos` gives these squares
by position, from a cache (see photo_cache.py) or from the files. `JoinedPhotos` joins several `Photos`, such as
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

CHUNK = 64  # photos per task; few enough for a smooth progress bar, and enough to outweigh the cost of a task


def in_chunks(work: Callable, inputs: Path, images: Sequence[str], jobs: int, *more: Callable) -> Iterator:
    """Yield the result of work(inputs, chunk, *arguments) for each chunk of images, in order.

    more: for each of `arguments`, a function of the position of the chunk's first image that returns the argument.
    jobs: the number of processes, -1 for one per core. The processes run on this machine, or on a Dask or Ray cluster
    if joblib was told to use one. Results are yielded one by one, so memory does not grow with the number of photos.
    """
    starts = range(0, len(images), CHUNK)
    tasks = (joblib.delayed(work)(inputs, images[i : i + CHUNK], *[argument(i) for argument in more]) for i in starts)
    # a short list is finished before worker processes have started
    return joblib.Parallel(n_jobs=jobs if len(starts) > 4 else 1, return_as="generator")(tasks)


def unreadable(problems: Sequence[str]) -> InputError:
    """The InputError for photos that cannot be read. problems: a line "path: problem" for each photo."""
    return InputError(
        f"{len(problems)} photo(s) cannot be read:{listed(problems, limit=1000)}",
        "whole image files: JPEG, PNG, TIFF, WebP, BMP, GIF, AVIF; HEIC with pillow-heif",
        "the commands in brackets; for the other photos, unpack or download them again, or delete their rows",
    )


# ---- resize

RESIZE_VERSION = 2  # version of the pixels; raise it if decode or base_image changes, so that no old cache is used
FITS = ("squash", "crop", "pad")
BORDER = (124, 116, 104)  # mean colour of ImageNet, which is about 0 after the usual normalisation


def base_image(pixels: np.ndarray, crop: int, size: int, fit: str = "squash") -> np.ndarray:
    """Turn a photo into a square (size, size, 3) uint8, by a centre crop and then a resize.

    crop: the side of the centre crop in pixels, 0 for no crop; a side that is shorter is kept whole. fit: the way to
    make a square. squash: both sides are resized to `size`; crop: the centre square is cut out and resized; pad: the
    longer side is resized to `size`, and the rest of the square is filled with BORDER on both sides. For a square photo
    the result is the same with each fit.
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
    """A copy of the centre of `pixels`, of at most `height` x `width` pixels."""
    h, w = min(height, pixels.shape[0]), min(width, pixels.shape[1])
    top, left = (pixels.shape[0] - h) // 2, (pixels.shape[1] - w) // 2
    return np.ascontiguousarray(pixels[top : top + h, left : left + w])


def padded_square(pixels: np.ndarray, size: int) -> np.ndarray:
    """A square of colour BORDER with the whole photo in its middle, whose longer side is resized to `size`."""
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
    """The `base_image` of the photo in a file, (size, size, 3) uint8. Raises ValueError if the file cannot be read.

    Without a crop, a large JPEG is decoded at a fraction of its size if both sides then still have twice `size` pixels.
    With a crop it is decoded at full size, because the crop is given in pixels of the full photo.
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
    """The squares of a list of photos, by position.

    images: the paths of the photos in `inputs`. pixels: a cache that returns squares (B, size, size, 3) uint8 for
    positions (B,), either an array (N, size, size, 3) or `photo_cache.JpegPixels`. Without a cache, files are read.
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
        """Whether a photo is read by copying its pixels, which needs no worker processes."""
        return isinstance(self.pixels, np.ndarray)

    def batch(self, positions: Sequence[int]) -> np.ndarray:
        """The squares at `positions` (B,), as a writable array (B, size, size, 3) uint8."""
        if self.pixels is not None:
            return self.pixels[np.asarray(positions)]
        return np.stack([read_photo(self.inputs / self.images[i], self.crop, self.size, self.fit) for i in positions])


class JoinedPhotos(Photos):
    """Several `Photos` of one size, joined to one sequence in the order of the parts."""

    def __init__(self, parts: Sequence[Photos]):
        first = parts[0]
        images = [image for part in parts for image in part.images]
        super().__init__(first.inputs, images, first.crop, first.size, fit=first.fit)
        self.parts, self.starts = list(parts), np.cumsum([0, *map(len, parts)])

    @property
    def is_decoded(self) -> bool:
        """Whether the photos of all parts are read by copying pixels."""
        return all(part.is_decoded for part in self.parts)

    def batch(self, positions: Sequence[int]) -> np.ndarray:
        """The squares at `positions` (B,), as a writable array (B, size, size, 3) uint8."""
        positions = np.asarray(positions)
        pixels = np.empty((len(positions), self.size, self.size, 3), np.uint8)
        for part, start in zip(self.parts, self.starts, strict=False):
            inside = (positions >= start) & (positions < start + len(part))
            if inside.any():
                pixels[inside] = part.batch(positions[inside] - start)
        return pixels
