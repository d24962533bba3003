import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from comp.data import augment
from comp.data.batches import Batches, Order, epoch_order, split, to_model
from comp.data.loader import Loader
from comp.data.photos import Photos


@given(st.integers(1, 50), st.integers(1, 9))
def test_batches_hold_every_row_once_and_none_is_a_single_image(rows, size):
    parts = split(np.arange(rows), size)
    np.testing.assert_array_equal(np.concatenate(parts), np.arange(rows))
    assert size == 1 or rows == 1 or min(map(len, parts)) > 1


def test_an_epoch_is_a_permutation_of_seed_and_epoch():
    labels = np.zeros(20, int)
    orders = {key: epoch_order(labels, "shuffle", *key) for key in ((0, 0), (0, 1), (1, 0))}
    assert all(sorted(order) == list(range(20)) for order in orders.values())
    assert len({tuple(order) for order in orders.values()}) == 3
    np.testing.assert_array_equal(orders[0, 1], epoch_order(labels, "shuffle", 0, 1))


def test_balanced_draws_classes_equally_and_rows_within_a_class_equally():
    labels = np.array([0] * 30 + [1] * 6 + [3] * 3)
    drawn = epoch_order(labels, "balanced", 0, 0)
    assert np.bincount(labels[drawn]).tolist() == [13, 13, 0, 13]
    for c in (0, 1, 3):
        times = np.bincount(drawn, minlength=len(labels))[labels == c]
        assert times.max() - times.min() <= 1


def test_one_of_each_draws_one_photo_a_unit_and_in_time_all_of_them():
    units = np.array([0, 0, 0, 0, 0, 1, 2, 2])
    epochs = [epoch_order(np.zeros(8, int), "one_of_each", 0, e, units) for e in range(60)]
    assert all(sorted(units[order]) == [0, 1, 2] for order in epochs)
    assert set(np.concatenate(epochs)) == set(range(8))


@given(st.integers(1, 40), st.integers(2, 16), st.integers(2, 4))
def test_processes_share_each_batch_and_make_the_same_number_of_steps(rows, size, world):
    labels, shares = np.zeros(rows, int), []
    for rank in range(world):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("WORLD_SIZE", str(world))
            patch.setenv("RANK", str(rank))
            shares.append([part for _, part in Order(labels, size, "shuffle", 0)])
    steps = split(Order(labels, size, "shuffle", 0).rows(), size)
    assert {len(parts) for parts in shares} == {len(steps)}
    for whole, *parts in zip(steps, *shares, strict=True):
        assert set(np.concatenate(parts)) == set(whole)
        assert min(map(len, parts)) >= 2
        assert len(whole) < 2 * world or len(np.concatenate(parts)) == len(whole)


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 256, (10, 24, 24, 3), np.uint8)


@pytest.mark.parametrize("name", augment.NAMES)
def test_a_photo_looks_the_same_in_an_epoch_whatever_its_batch(pixels, name):
    photos = Photos("", [""] * 10, 0, 24, pixels)
    batches = Batches(photos, np.arange(10), np.arange(10), name, seed=4)
    whole, labels, _ = batches[2, np.array([3, 1, 7])]
    alone, _, _ = batches[2, np.array([7])]
    assert torch.equal(whole[2], alone[0])
    assert labels.tolist() == [3, 1, 7]
    assert whole.dtype == torch.uint8
    if name in ("none", "batched"):  # batched: on the device, see test_augment.py
        assert torch.equal(whole, torch.from_numpy(pixels[[3, 1, 7]]))
    elif name != "flip":
        assert not torch.equal(batches[3, np.array([7])][0], alone)


def test_labels_of_every_target_travel_with_the_pixels(pixels):
    photos = Photos("", [""] * 10, 0, 24, pixels)
    for labels in (np.arange(10), np.eye(10, 4, dtype=np.uint8), np.linspace(0, 1, 10)):
        batches = Batches(photos, np.arange(10), labels, "none", seed=0)
        order = Order(batches.labels, 4, "shuffle", 0)
        for _, part, positions in Loader(batches, order, 0, torch.device("cpu")):
            np.testing.assert_array_equal(part.numpy(), labels[positions.numpy()])


def test_workers_do_not_change_a_pixel(pixels):
    photos = Photos("", [""] * 10, 0, 24, pixels)
    batches = Batches(photos, np.arange(10), np.zeros(10, int), "strong", seed=4)
    runs = []
    for workers in (0, 2):
        order = Order(batches.labels, 4, "shuffle", 4)
        order.epoch = 1
        runs.append([part for part, _, _ in Loader(batches, order, workers, torch.device("cpu"))])
    assert all(torch.equal(a, b) for a, b in zip(*runs, strict=True))


def test_normalisation():
    mean, std = (0.548, 0.504, 0.479), (0.237, 0.247, 0.246)
    image = to_model(torch.full((1, 2, 2, 3), 255, dtype=torch.uint8), mean, std, torch.device("cpu"))
    assert image.shape == (1, 3, 2, 2)
    torch.testing.assert_close(image[0, :, 0, 0], (1 - torch.tensor(mean)) / torch.tensor(std))


def test_only_some_rows_in_any_order_are_those_rows():
    photos = Photos("", [""] * 4, 0, 2, np.zeros((4, 2, 2, 3), np.uint8))
    batches = Batches(photos, np.arange(4), np.arange(4), "none", 0)
    for positions in ([0, 1, 2, 3], [3, 2, 1, 0], [2, 0]):
        np.testing.assert_array_equal(batches.only(np.array(positions)).labels, positions)
