"""A thread that acts once the main thread has waited too long for one and the same thing."""

import contextlib
import threading
from collections.abc import Callable, Iterator

TICKS = 20  # looks at the state within the patience


@contextlib.contextmanager
def watched(awaited: Callable[[], object], patience: float, act: Callable[[], None]) -> Iterator[None]:
    """Call `act` once, from another thread, if `awaited()` gave the same value, not None, for `patience` seconds.

    Looks are counted, not the clock: a process that was stopped (Ctrl-Z) and goes on has not waited meanwhile.
    """
    done = threading.Event()

    def watch() -> None:
        before, same = None, 0
        while same < TICKS:
            if done.wait(patience / TICKS):
                return
            now = awaited()
            same = same + 1 if now is not None and now == before else 0
            before = now
        act()

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        done.set()
