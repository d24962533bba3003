import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from comp.recipes.recipe_settings import MIXES, Recipe
from comp.training import mixing


def batch(size, side=16):
    """Image i is filled with i, target i is class i: what was mixed can be read off the pixels."""
    return torch.arange(size).float().view(-1, 1, 1, 1).expand(size, 3, side, side).clone(), torch.eye(size)


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(["mixup", "cutmix", "halfmix"]), st.integers(2, 7), st.integers(0, 10_000))
def test_lambda_is_the_share_of_the_pixels(kind, size, seed):
    images, targets = batch(size)
    mixed, soft = mixing.mix(images, targets, {kind: 1.0}, 1.0, np.random.default_rng(seed))
    assert mixed.shape == images.shape
    torch.testing.assert_close(soft.sum(1), torch.ones(size))
    # the mean pixel of image i is sum_j share_j * j, and its target holds the shares
    torch.testing.assert_close(mixed.mean((1, 2, 3)), soft @ torch.arange(size).float(), atol=1e-4, rtol=1e-4)


@given(st.integers(0, 10_000))
def test_halfmix_cuts_between_46_and_54_percent(seed):
    top, bottom, left, right = mixing.half_box(100, 100, np.random.default_rng(seed))
    assert (top, bottom) == (0, 100)
    assert (left == 0 and 46 <= right <= 54) or (right == 100 and 46 <= left <= 54)


def test_shares_are_kept():
    rng = np.random.default_rng(0)
    drawn = [mixing.drawn_way({"mixup": 0.35, "cutmix": 0.35}, rng) for _ in range(4000)]
    assert drawn.count("mixup") / 4000 == pytest.approx(0.35, abs=0.03)
    assert drawn.count(None) / 4000 == pytest.approx(0.30, abs=0.03)


def test_plain_batches_and_single_images_pass_unchanged():
    for size, shares in ((4, {"mixup": 0.0}), (1, {"mixup": 1.0})):
        images, targets = batch(size)
        mixed, soft = mixing.mix(images, targets, shares, 1.0, np.random.default_rng(0))
        assert torch.equal(mixed, images)
        assert torch.equal(soft, targets)


def test_the_same_generator_mixes_the_same():
    images, targets = batch(5)
    first, second = (mixing.mix(images, targets, {"cutmix": 1.0}, 1.0, np.random.default_rng(3))[0] for _ in range(2))
    assert torch.equal(first, second)


@given(st.lists(st.integers(0, 2), min_size=2, max_size=9), st.integers(0, 10_000))
def test_partners_are_a_permutation_within_groups(groups, seed):
    groups = np.array(groups)
    partner = mixing.partners(len(groups), np.random.default_rng(seed), groups)
    assert sorted(partner) == list(range(len(groups)))
    np.testing.assert_array_equal(groups[partner], groups)


def test_halves_can_be_swapped_within_a_group_only():
    images, targets = batch(6)
    groups = np.array([0, 0, 1, 1, 2, 2])
    for seed in range(5):
        _, soft = mixing.mix(images, targets, {"halfmix": 1.0}, 1.0, np.random.default_rng(seed), groups)
        assert all(soft[i, groups != groups[i]].sum() == 0 for i in range(6))


def test_every_way_of_mixing_has_its_setting():
    assert tuple(mixing.WAYS) == MIXES
    assert mixing.shares(Recipe(mixup=0.2, halfmix=0.3)) == {"mixup": 0.2, "cutmix": 0.0, "halfmix": 0.3}
