import threading
import time

from comp.data.loader import watched

PATIENCE = 0.1


def acted(awaited, seconds=4 * PATIENCE):
    """How often the watchdog acts while the block runs, and then after it."""
    calls = []
    with watched(awaited, PATIENCE, lambda: calls.append(threading.current_thread())):
        time.sleep(seconds)
    during = len(calls)
    time.sleep(2 * PATIENCE)
    return during, len(calls) - during


def test_it_acts_where_one_thing_is_waited_for_too_long_and_again_where_that_did_not_help():
    during, after = acted(lambda: "batch 3")
    assert 1 <= during <= 4
    assert after == 0


def test_it_leaves_alone_what_moves_and_what_does_not_wait():
    assert acted(time.monotonic) == (0, 0)
    assert acted(lambda: None) == (0, 0)


def test_it_ends_with_the_block():
    assert acted(lambda: 1, seconds=PATIENCE / 4) == (0, 0)
