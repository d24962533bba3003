import threading
import time

from comp.hardware.watchdog import watched

PATIENCE = 0.1


def acted(awaited, seconds=4 * PATIENCE):
    """How often the watchdog acts while the block runs, and then after it."""
    calls = []
    with watched(awaited, PATIENCE, lambda: calls.append(threading.current_thread())):
        time.sleep(seconds)
    during = len(calls)
    time.sleep(2 * PATIENCE)
    return during, len(calls) - during


def test_it_acts_once_where_one_thing_is_waited_for_too_long():
    assert acted(lambda: "batch 3") == (1, 0)


def test_it_leaves_alone_what_moves_and_what_does_not_wait():
    assert acted(time.monotonic) == (0, 0)
    assert acted(lambda: None) == (0, 0)


def test_it_ends_with_the_block():
    assert acted(lambda: 1, seconds=PATIENCE / 4) == (0, 0)
