"""The photos of a run by position, resized to squares (resize.py), from the files or from the cache. No torch.

The cache (photo_cache.py) holds exactly the same pixels as reading the files: `cache=false` changes only the speed.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from comp.data.decode import decode
from comp.data.photo_files import read_bytes
from comp.data.resize import base_image
from comp.errors import InputError, listed


def square(path: Path, crop: int, size: int, fit: str = "squash") -> np.ndarray:
    """`base_image` of a file, (size, size, 3) uint8. Raises ValueError if it cannot be read.

    A large JPEG is decoded at a fraction of its size if that leaves twice the pixels needed. This is not done with a
    crop, because a crop is given in pixels of the full photo.
    """
    enough = 0 if crop else 2 * size
    return base_image(decode(read_bytes(path), enough), crop, size, fit)


def read(path: Path, crop: int, size: int, fit: str = "squash") -> np.ndarray:
    """Like `square`, but raises InputError if the file cannot be read."""
    try:
        return square(path, crop, size, fit)
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
        return np.stack([read(self.inputs / self.images[i], self.crop, self.size, self.fit) for i in indices])
