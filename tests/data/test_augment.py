"""Augmentation of a photo depends on (seed, epoch, photo) alone, and does what its name says."""

import numpy as np
import pytest
import torch

from comp.data import augment
from comp.data.augment import augmented_batch, uniform_draws
from comp.errors import InputError

IMAGES = torch.randn(6, 3, 20, 20)
ROWS = np.array([3, 9, 14, 0, 2, 77])


# Photo by photo -------------------------------------------------------------------------------------------------------


def test_moves_never_mirror_and_any_side_up_shows_all_eight():
    """A picture of one bright corner: its place tells which flip or turn was drawn."""
    corner = np.zeros((1, 24, 24, 3), np.uint8)
    corner[0, :6, :9] = 255
    places = {}
    for name in ("moves", "upright", "any_side_up"):
        seen = [augment.augmented(name, corner, [(0, epoch, 0)])[0].astype(float).mean(2) for epoch in range(60)]
        quarters = [p.reshape(2, 12, 2, 12).sum((1, 3)).argmax() for p in seen]
        places[name] = set(map(int, quarters))
    assert places["moves"] == {0}
    assert places["upright"] == {0, 1}
    assert places["any_side_up"] == {0, 1, 2, 3}


def test_unknown_augmentation():
    with pytest.raises(InputError, match="none, flip"):
        augment.pipeline("faces")


# A batch at once ------------------------------------------------------------------------------------------------------


def test_a_photo_looks_the_same_in_an_epoch_whatever_its_batch():
    whole, part = augmented_batch(IMAGES, 1, 2, ROWS), augmented_batch(IMAGES[2:4], 1, 2, ROWS[2:4])
    torch.testing.assert_close(whole[2:4], part)


@pytest.mark.parametrize("seed_epoch", [(1, 3), (2, 2)])
def test_another_epoch_or_seed_looks_different(seed_epoch):
    assert (augmented_batch(IMAGES, 1, 2, ROWS) - augmented_batch(IMAGES, *seed_epoch, ROWS)).abs().amax(
        (1, 2, 3)
    ).min() > 0.01


def test_without_moves_and_light_it_is_a_flip_or_nothing(monkeypatch):
    for name in ("SCALE", "SHIFT", "TURN", "CONTRAST", "BRIGHTNESS"):
        monkeypatch.setattr(augment, name, 0.0)
    flipped = 0
    for epoch in range(20):
        for image, moved in zip(IMAGES, augmented_batch(IMAGES, 0, epoch, ROWS), strict=True):
            is_flip = torch.allclose(moved, image.flip(2), atol=1e-4)
            assert is_flip or torch.allclose(moved, image, atol=1e-4)
            flipped += is_flip
    assert 30 < flipped < 90  # of 120


def test_a_plain_picture_keeps_its_place_and_light_stays_within_its_range():
    plain = torch.ones(50, 3, 8, 8)
    moved = augmented_batch(plain, 0, 0, np.arange(50))
    torch.testing.assert_close(moved, moved[:, :1, :1, :1].expand_as(moved))
    low, high = (1 + s * augment.CONTRAST + s * augment.BRIGHTNESS for s in (-1, 1))
    assert low <= moved.min() < 1 < moved.max() <= high


def test_hashed_numbers_are_uniform_and_unlike_each_other():
    drawn = np.stack([uniform_draws(0, epoch, np.arange(5000), 3) for epoch in range(2)], 2).reshape(5000, 6)
    assert drawn.min() >= 0
    assert drawn.max() < 1
    np.testing.assert_allclose(np.histogram(drawn, 10, (0, 1))[0] / 3000, 1, atol=0.1)
    assert np.abs(np.corrcoef(drawn.T) - np.eye(6)).max() < 0.05
