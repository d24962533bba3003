"""Files that are whole or not there, that say when they were damaged, and that two processes do not write at once.

Written under a temporary name, flushed, renamed. JSON carries its own checksum. Arrays are in arrays.py.
"""

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

from comp.errors import InputError

LARGEST_JSON = 50_000_000  # bytes
ROOM = "make clean-cache, or df -h"  # what to run where a disk is full


@contextlib.contextmanager
def replacing(path: Path, need: int = 0, room: str = ROOM) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it over `path` once the block ends well, else delete it.

    need: bytes that will be written, where that is known, for `check_room`; room: what to run where the disk is full.
    Raises InputError for whatever the disk refuses; what was there before stays.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path)
        check_room(path, need, room)
        yield temporary
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())  # or a power cut leaves a renamed, empty file
        os.replace(temporary, path)
    except OSError as error:
        raise _cannot_write(path, error, need, room) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def check_room(path: Path, need: int, room: str = ROOM) -> None:
    """Raise InputError unless the disk of `path` has `need` bytes free. room: how to make room, or how to need less."""
    if need > _free(path):
        raise _no_room(path, "No space left on device", need, room)


def _free(path: Path) -> int:
    """Bytes free on the disk that `path` is on, or will be on."""
    return shutil.disk_usage(next((parent for parent in path.parents if parent.is_dir()), Path("/"))).free


def _no_room(path: Path, problem: str, need: int, room: str) -> InputError:
    expected = f"at least {need / 1e6:,.1f} MB of free disk space" if need else "more free disk space"
    return InputError(f"cannot write {path}: {problem}, {_free(path) / 1e6:,.1f} MB free there", expected, room)


def _cannot_write(path: Path, error: OSError, need: int = 0, room: str = ROOM) -> InputError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return _no_room(path, error.strerror, need, room)
    return InputError(f"cannot write {path}: {error.strerror or error}", "a folder that can be written to",
                      f"ls -ld {path.parent}, or another OUTPUTS=")  # fmt: skip


def _sweep(path: Path) -> None:
    """Delete the temporary files that killed processes left when they wrote this file."""
    for left in path.parent.glob(f".{path.name}.*.tmp"):
        process = left.name.split(".")[-2]
        if not (process.isdecimal() and Path("/proc", process).exists()):
            left.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes) -> None:
    with replacing(path, len(data)) as temporary:
        temporary.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    write_bytes(path, text.encode())


def write_json(path: Path, value: dict) -> None:
    """Write an object with its checksum, which `read_json` checks."""
    write_text(path, json.dumps({**value, "sha256": checksum(value)}, indent=2) + "\n")


def read_json(path: Path, expected: str, run: str) -> dict:
    """The object that `write_json` wrote; InputError if it is missing, damaged or edited."""
    try:
        if path.stat().st_size > LARGEST_JSON:
            raise ValueError(f"{path.stat().st_size:,} bytes")
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"no {path}", expected, run) from None
    except (ValueError, OSError, RecursionError) as error:
        raise InputError(f"{path} is not readable: {error}", expected, run) from None
    if not isinstance(value, dict):
        raise InputError(f"{path} holds a {type(value).__name__}", expected, run)
    found = value.pop("sha256", None)
    if found != checksum(value):
        raise InputError(f"{path} was damaged or edited: its checksum is {found}, not {checksum(value)}", expected, run)
    return value


def checksum(value) -> str:
    """SHA-256 of plain values, whatever the order of keys; 16 hexadecimal digits."""
    return digest_of(json.dumps(value, sort_keys=True).encode())


def digest_of(data: bytes) -> str:
    """SHA-256 of bytes, first 16 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()[:16]


def digest(path: Path) -> str:
    """`digest_of` a file's bytes, without reading it whole."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


@contextlib.contextmanager
def lock(path: Path, what: str, wait: bool = False) -> Iterator[None]:
    """Hold a lock on `path` while the block runs.

    what: what is locked, for the message. Where another process holds the lock: wait for it if `wait`, else raise
    InputError that names the process. The system releases the lock when the process ends, however it ends.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = open(path, "a+")  # noqa: SIM115  open as long as it is held
    except OSError as error:
        raise _cannot_write(path, error) from error
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
