"""The deterministic resize: a photo of any size becomes a square of fixed size. No torch."""

import cv2
import numpy as np

VERSION = 2  # of the pixels: raise it if decode or base_image changes, so that old caches are not used
FITS = ("squash", "crop", "pad")
BORDER = (124, 116, 104)  # mean of ImageNet: about 0 after the usual normalisation


def base_image(pixels: np.ndarray, crop: int, size: int, fit: str = "squash") -> np.ndarray:
    """A square (size, size, 3) uint8: first a centre crop of `crop` pixels (0: no crop), then a resize by `fit`.

    squash: both sides are resized to `size`; crop: the centre square is cut out and resized; pad: the longer side is
    resized to `size`, and the rest of the square is filled with BORDER on both sides. For a square photo all three are
    the same. A crop larger than the photo keeps the whole photo.
    """
    pixels = centre(pixels, crop, crop) if crop else pixels
    height, width = pixels.shape[:2]
    if fit == "crop":
        pixels = centre(pixels, min(height, width), min(height, width))
    elif fit == "pad":
        return padded(pixels, size)
    elif fit != "squash":
        raise ValueError(f"fit={fit!r} is none of {', '.join(FITS)}")
    return resized(pixels, size, size)


def centre(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """The centre of `pixels`, at most (height, width, 3), as an array of its own."""
    h, w = min(height, pixels.shape[0]), min(width, pixels.shape[1])
    top, left = (pixels.shape[0] - h) // 2, (pixels.shape[1] - w) // 2
    return np.ascontiguousarray(pixels[top : top + h, left : left + w])


def padded(pixels: np.ndarray, size: int) -> np.ndarray:
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
