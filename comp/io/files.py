"""Files that are whole or not there, that say when they were damaged, and that two processes do not write at once.

Written under a temporary name, flushed, renamed. JSON carries its own checksum; arrays lie in a zip, which has one.
What is read may come from anyone: nothing is unpickled or evaluated, and no claim of a size is believed unchecked.
"""

import contextlib
import errno
import fcntl
import hashlib
import io
import json
import os
import shutil
import socket
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from comp.errors import InputError

LARGEST = 8_000_000_000  # bytes of an array, once unpacked
MOST_PACKED = 200  # times that an archive may grow when it is unpacked
LARGEST_JSON = 50_000_000
ROOM = "make clean-cache, or df -h"  # what to run where a disk is full


@contextlib.contextmanager
def replacing(path: Path, need: int = 0, room: str = ROOM) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it over `path` once the block ends well, else delete it.

    need: bytes that will be written, if known: too little room is said before anything is; room: what to run then.
    Raises InputError for whatever the disk refuses; what was there before stays.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path)
        _check_room(path, need)
        yield temporary
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())  # or a power cut leaves a renamed, empty file
        os.replace(temporary, path)
    except OSError as error:
        raise _cannot_write(path, error, need, room) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _check_room(path: Path, need: int) -> None:
    if need > shutil.disk_usage(path.parent).free:
        raise OSError(errno.ENOSPC, "no room on the disk")


def _cannot_write(path: Path, error: OSError, need: int, room: str = ROOM) -> InputError:
    folder = next((parent for parent in path.parents if parent.is_dir()), Path("/"))
    free = f"{shutil.disk_usage(folder).free / 1e6:,.1f} MB free there"
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        expected = f"at least {need / 1e6:,.1f} MB of free disk space" if need else "more free disk space"
        return InputError(f"cannot write {path}: {error.strerror}, {free}", expected, room)
    return InputError(f"cannot write {path}: {error.strerror or error}", "a folder that can be written to",
                      f"ls -ld {path.parent}, or another OUTPUTS=")  # fmt: skip


def _sweep(path: Path) -> None:
    """Delete what killed processes left of earlier attempts at this file."""
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
    """Write an object with its checksum, which `read_json` looks at."""
    write_text(path, json.dumps({**value, "sha256": checksum(value)}, indent=2) + "\n")


def read_json(path: Path, expected: str, run: str) -> dict:
    """The object that `write_json` wrote; InputError where it is missing, damaged or edited."""
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


def write_arrays(path: Path, **arrays: np.ndarray) -> None:
    """Write an npz; equal arrays give equal bytes."""
    need = sum(array.nbytes for array in arrays.values()) + 10_000
    with replacing(path, need) as temporary, open(temporary, "wb") as file:
        np.savez(file, **arrays)


def read_arrays(path: Path, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """The named arrays of an npz. Raises ValueError for anything that is not whole: numpy's own reader skips the zip's
    checksums where it reads no further than it has to, and makes room for as many rows as a file claims to have."""
    try:
        with zipfile.ZipFile(path) as archive:
            return {name: _array(archive, f"{name}.npy", path.stat().st_size) for name in names}
    except Exception as error:  # hostile bytes make zipfile, zlib and numpy raise a dozen kinds
        raise ValueError(f"{type(error).__name__}: {error}") from None


def _array(archive: zipfile.ZipFile, name: str, packed: int) -> np.ndarray:
    size = archive.getinfo(name).file_size
    if size > min(LARGEST, MOST_PACKED * packed):
        raise ValueError(f"{name} claims {size:,} bytes")
    with archive.open(name) as file:
        data = file.read()  # to its end: the zip's checksum is looked at there
    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    read_header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
    shape, fortran, dtype = read_header(stream)
    count = int(np.prod(shape, dtype=object))
    if dtype.hasobject or fortran or count < 0 or count * dtype.itemsize != len(data) - stream.tell():
        raise ValueError(f"{name} claims {shape} of {dtype}, and has {len(data) - stream.tell():,} bytes")
    return np.frombuffer(data, dtype, count, stream.tell()).reshape(shape)


@contextlib.contextmanager
def lock(path: Path, what: str, wait: bool = False) -> Iterator[None]:
    """Hold `path` while the block runs. InputError says which process holds it; with `wait`, it is waited for.

    The system lets go of it when the process ends, however it ends.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = open(path, "a+")  # noqa: SIM115  open as long as it is held
    except OSError as error:
        raise _cannot_write(path, error, 0) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            file.seek(0)
            raise InputError(
                f"{what} is in the hands of {file.read().strip() or 'another process'}",
                "one process at a time",
                "wait for it, or take another FOLD or RUN meanwhile",
            ) from None
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}\n")
        file.flush()
        yield
