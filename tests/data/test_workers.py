import errno
import signal
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comp.data.loader import affordable, loss_of_workers


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
    told = loss_of_workers(
        [SimpleNamespace(exitcode=code) for code in codes], RuntimeError("Traceback\n  …\nValueError: bad")
    )
    for word in words:
        assert word in told


def test_no_room_for_the_workers_own_locks_is_shared_memory_that_is_too_small():
    assert "--shm-size" in loss_of_workers([], OSError(errno.ENOSPC, "No space left on device"))
    assert "Resource" in loss_of_workers([], OSError(errno.EAGAIN, "Resource temporarily unavailable"))
