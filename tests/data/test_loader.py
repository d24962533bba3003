"""Workers that die, fail, stop, or find shared memory full: the same batches, or one error; never a hang."""

import errno
import multiprocessing
import os
import resource
import signal
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import get_worker_info
from torch.utils.data.dataloader import _MultiProcessingDataLoaderIter

from comp.data.batches import Batches, Order
from comp.data.loader import Loader, affordable, loss_of_workers, watched
from comp.data.photos import Photos
from comp.errors import InputError

CPU, ROWS = torch.device("cpu"), 40


@pytest.fixture(autouse=True)
def quick_looks(monkeypatch):
    """torch looks every five seconds whether its workers live; here it looks more often."""
    monkeypatch.setattr(_MultiProcessingDataLoaderIter._try_get_data, "__defaults__", (0.2,))


class Disturbed(Batches):
    """Batches that do something in a worker, before the batch of row 17; `always`: in any process."""

    def __init__(self, trouble=lambda: None, always=False):
        pixels = np.random.default_rng(0).integers(0, 256, (ROWS, 16, 16, 3), np.uint8)
        super().__init__(Photos("", [""] * ROWS, 0, 16, pixels), np.arange(ROWS), np.arange(ROWS), "moves", seed=4)
        self.trouble, self.always = trouble, always

    def __getitem__(self, key):
        if (self.always or get_worker_info()) and 17 in key[1]:
            self.trouble()
        return super().__getitem__(key)


def load(batches, workers=2, **options):
    return Loader(batches, Order(batches.labels, 4, "shuffle", 4), workers, CPU, **options)


def started() -> Loader:
    """A loader after its first epoch: its workers run, however long a loaded machine took to start them."""
    loader = load(Disturbed(), patience=60.0)
    list(loader)
    return loader


def same(loaded, expected):
    return len(loaded) == len(expected) and all(
        torch.equal(a, b) for pair in zip(loaded, expected, strict=True) for a, b in zip(*pair, strict=True)
    )


def killed():
    os.kill(os.getpid(), signal.SIGKILL)


def fails():
    raise ValueError("no such thing")


def fills_shared_memory():
    """Files of this process, those in /dev/shm too, can hold no more than 100 bytes."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))


@pytest.mark.parametrize(
    ("trouble", "words"),
    [(killed, "signal 9"), (fails, "ValueError: no such thing"), (fills_shared_memory, "--shm-size")],
)
def test_batches_of_lost_workers_are_loaded_without_them(capsys, trouble, words):
    whole = list(load(Disturbed(), workers=0))
    loader = load(Disturbed(trouble))
    assert same(list(loader), whole)
    assert loader.workers == 0
    printed = capsys.readouterr().err
    assert words in " ".join(printed.split())
    assert printed.count("warning: ") == 1
    assert same(list(loader), whole)  # the next epoch
    assert not capsys.readouterr().err


def test_a_worker_that_dies_does_not_disturb_what_is_done_with_a_batch():
    expected = list(load(Disturbed(), workers=0))
    others = multiprocessing.active_children()
    loader, batches = load(Disturbed()), []
    for loaded in loader:
        batches.append(loaded)
        if len(batches) == 2:
            next(child for child in multiprocessing.active_children() if child not in others).kill()
            time.sleep(0.1)
    assert same(batches, expected)
    assert same(list(loader), expected)


def test_a_photo_that_cannot_be_read_is_the_same_error_with_and_without_workers(capsys):
    def unreadable():
        raise InputError("photo 17 cannot be read", "a photo", "rm it")

    for workers in (0, 2):
        with pytest.raises(InputError) as error:
            list(load(Disturbed(unreadable, always=True), workers))
        assert str(error.value) == "photo 17 cannot be read\nexpected: a photo\nrun:      rm it"
    assert not capsys.readouterr().err


@pytest.mark.parametrize("trouble", [lambda: time.sleep(1000), lambda: os.kill(os.getpid(), signal.SIGSTOP)])
def test_workers_that_bring_nothing_are_an_error_and_are_ended(trouble):
    others = multiprocessing.active_children()
    with pytest.raises(InputError, match=r"no batch for 0\.5 seconds") as error:
        list(load(Disturbed(trouble), patience=0.5))
    assert "SET=workers=0" in error.value.run
    assert all(child in others for child in multiprocessing.active_children())


def test_workers_that_stop_between_two_epochs_are_an_error_too():
    others = multiprocessing.active_children()
    loader = started()
    loader.patience = 0.5
    for child in multiprocessing.active_children():
        if child not in others:
            os.kill(child.pid, signal.SIGSTOP)
    with pytest.raises(InputError, match="no batch for"):
        list(loader)


def test_a_batch_that_is_used_for_long_is_no_reason_to_give_workers_up():
    loader, batches = started(), []
    loader.patience = 1.0
    for loaded in loader:
        batches.append(loaded)
        if len(batches) == 3:
            time.sleep(1.5)
    assert loader.workers == 2
    assert len(batches) == 10


def test_what_is_drawn_beside_the_batches_does_not_depend_on_workers():
    """Dropout: in a first epoch and in later ones, where the workers are there already."""
    drawn = {}
    for workers in (0, 2):
        loader = load(Disturbed(), workers)
        for epoch in range(2):
            torch.manual_seed(epoch)
            list(loader)
            drawn[workers, epoch] = torch.rand(3).tolist()
    assert drawn[0, 0] == drawn[2, 0]
    assert drawn[0, 1] == drawn[2, 1]


# How many workers, and why they were lost -----------------------------------------------------------------------------


@given(st.integers(0, 64), st.integers(1, 10**9), st.integers(0, 10**11))
def test_as_many_workers_as_shared_memory_holds_the_batches_of_and_not_one_less(workers, batch, free):
    count = affordable(workers, batch, free)
    assert 0 <= count <= workers
    assert count == 0 or (2 * count + 2) * batch <= free
    assert count == workers or (2 * (count + 1) + 2) * batch > free


@pytest.mark.parametrize(
    ("megabytes", "expected"),
    [(1, 0), (64, 5), (24_000, 8)],  # a tmpfs of 1 MB, docker's own, a machine's
)
def test_eight_workers_with_batches_of_32_photos_of_224_pixels(megabytes, expected):
    assert affordable(8, 32 * 224 * 224 * 3, megabytes * 1_000_000) == expected


@pytest.mark.parametrize(
    ("codes", "words"),
    [
        ([None, -signal.SIGKILL], ("1 of 2", "signal 9", "memory runs out", "SET=workers=1")),
        ([-signal.SIGBUS, None], ("/dev/shm", "--shm-size", "--ipc=host")),
        ([-signal.SIGSEGV, -signal.SIGSEGV], ("2 of 2", "signal 11")),
        ([3, 0], ("1 of 2", "status 3")),
        ([None, None], ("ValueError: bad",)),
    ],
)
def test_how_workers_ended_is_said_with_what_helps(codes, words):
    reason = loss_of_workers(
        [SimpleNamespace(exitcode=code) for code in codes], RuntimeError("Traceback\n  …\nValueError: bad")
    )
    for word in words:
        assert word in reason


def test_no_room_for_the_workers_own_locks_is_shared_memory_that_is_too_small():
    assert "--shm-size" in loss_of_workers([], OSError(errno.ENOSPC, "No space left on device"))
    assert "Resource" in loss_of_workers([], OSError(errno.EAGAIN, "Resource temporarily unavailable"))


# The watchdog ---------------------------------------------------------------------------------------------------------


PATIENCE = 0.1


def acted(awaited, seconds=4 * PATIENCE):
    """How often the watchdog acts while the block runs, and then after it."""
    calls = []
    with watched(awaited, PATIENCE, lambda: calls.append(threading.current_thread())):
        time.sleep(seconds)
    during = len(calls)
    time.sleep(2 * PATIENCE)
    return during, len(calls) - during


def test_it_acts_if_one_thing_is_waited_for_too_long_and_again_if_that_did_not_help():
    during, after = acted(lambda: "batch 3")
    assert 1 <= during <= 4
    assert after == 0


def test_it_leaves_alone_what_moves_and_what_does_not_wait():
    assert acted(time.monotonic) == (0, 0)
    assert acted(lambda: None) == (0, 0)


def test_it_ends_with_the_block():
    assert acted(lambda: 1, seconds=PATIENCE / 4) == (0, 0)
