"""Write files completely or not at all, detect damaged ones, and lock them against other processes.

A file is written under a temporary name, flushed and renamed. JSON files have a checksum. Arrays are in arrays.py.
"""

import contextlib
import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from comp.errors import InputError

LARGEST_JSON = 50_000_000  # bytes, at most
ROOM = "make clean-cache, or df -h"  # advice for a full disk


@contextlib.contextmanager
def replacing(path: Path, need: int = 0, room: str = ROOM) -> Iterator[Path]:
    """Yield a temporary path next to `path`. It is renamed to `path` if the block succeeds, else it is deleted.

    need: how many bytes will be written, if known, for `check_room`; room: advice for a full disk.
    Raises InputError if the file cannot be written; then an existing file stays unchanged.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path)
        check_room(path, need, room)
        yield temporary
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())  # without it, a power cut may leave an empty file
        os.replace(temporary, path)
    except OSError as error:
        raise cannot_write(path, error, need, room) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def check_room(path: Path, need: int, room: str = ROOM) -> None:
    """Raise InputError unless the disk of `path` has `need` bytes free. room: advice for a full disk."""
    if need > _free(path):
        raise _no_room(path, "No space left on device", need, room)


def _free(path: Path) -> int:
    """Free bytes on the disk of `path`, which need not exist yet."""
    return shutil.disk_usage(next((parent for parent in path.parents if parent.is_dir()), Path("/"))).free


def _no_room(path: Path, problem: str, need: int, room: str) -> InputError:
    expected = f"at least {need / 1e6:,.1f} MB of free disk space" if need else "more free disk space"
    return InputError(f"cannot write {path}: {problem}, {_free(path) / 1e6:,.1f} MB free there", expected, room)


def cannot_write(path: Path, error: OSError, need: int = 0, room: str = ROOM) -> InputError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return _no_room(path, error.strerror, need, room)
    return InputError(f"cannot write {path}: {error.strerror or error}", "a folder that can be written to",
                      f"ls -ld {path.parent}, or another OUTPUTS=")  # fmt: skip


def _sweep(path: Path) -> None:
    """Delete temporary files of this path that killed processes left."""
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
    """Write an object with its checksum; `read_json` checks it."""
    write_text(path, json.dumps({**value, "sha256": checksum(value)}, indent=2) + "\n")


def read_json(path: Path, expected: str, run: str) -> dict:
    """Read the object that `write_json` wrote. Raises InputError if the file is missing, damaged or edited."""
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
    """SHA-256 of plain values for any order of keys, first 16 hexadecimal digits."""
    return digest_of(json.dumps(value, sort_keys=True).encode())


def digest_of(data: bytes) -> str:
    """SHA-256 of bytes, first 16 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()[:16]


def digest(path: Path) -> str:
    """SHA-256 of the bytes of a file, first 16 hexadecimal digits; the file is read in parts."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
