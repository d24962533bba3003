import numpy as np
import pytest

from comp.data import photos
from comp.data.photos import base_image


def wide():
    """20 x 60: a black left third, a white middle, a black right third."""
    pixels = np.zeros((20, 60, 3), np.uint8)
    pixels[:, 20:40] = 255
    return pixels


def test_centre_crop_keeps_the_centre():
    pixels = np.zeros((40, 30, 3), np.uint8)
    pixels[10:30, 5:25] = 255
    assert (base_image(pixels, 20, 10) == 255).all()
    assert base_image(pixels, 0, 10).min() == 0
    assert base_image(pixels, 999, 10).shape == (10, 10, 3)  # larger than the photo: the whole of it


def test_squash_keeps_all_of_the_photo_and_crop_the_centre_square():
    squashed = base_image(wide(), 0, 30)
    assert (squashed[:, 11:19] == 255).all()
    assert (squashed[:, [0, -1]] == 0).all()
    assert (base_image(wide(), 0, 10, "crop") == 255).all()


def test_pad_keeps_the_proportions_and_fills_both_sides_alike():
    padded = base_image(wide(), 0, 30, "pad")
    assert (padded[[0, 9, 20, 29]] == photos.BORDER).all()
    assert (padded[10:20, 10:20] == 255).all()
    assert (padded[10:20, [0, 29]] == 0).all()
    thin = base_image(np.zeros((1, 999, 3), np.uint8), 0, 30, "pad")
    assert (thin == 0).all(2).sum() == 30  # a side is never less than one pixel


@pytest.mark.parametrize("crop", [0, 12])
def test_a_square_is_the_same_however_it_is_fitted(crop):
    pixels = np.random.default_rng(0).integers(0, 256, (25, 25, 3), np.uint8)
    first, *others = [base_image(pixels, crop, 16, fit) for fit in photos.FITS]
    assert all((first == other).all() for other in others)


def test_an_unknown_fit_is_refused():
    with pytest.raises(ValueError, match="squash, crop, pad"):
        base_image(wide(), 0, 8, "stretch")
