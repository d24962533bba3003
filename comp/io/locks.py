"""Locks: one process at a time on a file or a fold."""

import contextlib
import fcntl
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from comp.errors import InputError
from comp.io.files import cannot_write


@contextlib.contextmanager
def lock(path: Path, what: str, wait: bool = False) -> Iterator[None]:
    """Hold a lock on `path` while the block runs.

    what: the name of the locked thing, for the message. If another process holds the lock: wait if `wait` is true, else
    raise InputError that names the process. The system releases the lock when the process ends, even if it is killed.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = open(path, "a+")  # noqa: SIM115  open as long as the lock is held
    except OSError as error:
        raise cannot_write(path, error) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            file.seek(0)
            raise InputError(
                f"{what} is in use by {file.read().strip() or 'another process'}",
                "one process at a time",
                "the same command when that process has ended; another FOLD or RUN can be started now",
            ) from None
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}\n")
        file.flush()
        yield
