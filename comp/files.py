"""Write files completely or not at all, check files when they are read, and lock files while they are used.

With `replacing`, a file is written under a temporary name and renamed when it is complete. `write_json` adds a checksum
to a JSON file, and `read_json` checks it. `lock` makes sure that only one process works on a file or a fold.
`write_arrays` writes numpy arrays to an npz file, and `read_arrays` reads them. Because an npz file may come from other
people, `read_arrays` never unpickles objects and does not trust the sizes that the file states.
"""

import contextlib
import errno
import fcntl
import functools
import hashlib
import io
import json
import os
import shutil
import socket
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from comp import console
from comp.errors import InputError, quoted

# ---- write

UNSUPPORTED = (errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL)  # what a disk answers that lacks a call
ROOM = "make clean-cache && df -h"  # the advice of an InputError if the disk is full


@contextlib.contextmanager
def replacing(path: Path, need: int = 0, room: str = ROOM) -> Iterator[Path]:
    """Write the file `path` completely or not at all: yield a temporary path, which is then renamed to `path`.

    The block of the `with` statement writes the file at the temporary path. If the block fails, the temporary file is
    deleted, and an existing file at `path` stays unchanged. need: the number of bytes that the block will write, or 0
    if the number is not known; room: what the error tells the user to do if the disk is full. Raises InputError if the
    file cannot be written, or if the disk has fewer than `need` free bytes.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path)
        check_room(path, need, room)
        yield temporary
        with open(temporary, "rb+") as file, _may_be_unsupported():
            os.fsync(file.fileno())  # without it, a power cut may leave an empty file
        os.replace(temporary, path)
    except OSError as error:
        raise cannot_write(path, error, need, room) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def _may_be_unsupported() -> Iterator[None]:
    """Context manager: ignore the OSError of a disk that lacks a call of the system. Other errors are raised."""
    try:
        yield
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise


def _sweep(path: Path) -> None:
    """Delete temporary files that were meant for `path` and whose process no longer runs."""
    for left in path.parent.glob(f".{path.name}.*.tmp"):
        process = left.name.split(".")[-2]
        if not (process.isdecimal() and Path("/proc", process).exists()):
            left.unlink(missing_ok=True)


def check_room(path: Path, need: int, room: str = ROOM) -> None:
    """Raise InputError unless the disk of `path` has `need` free bytes. room: what the error tells the user to do."""
    if need > free_bytes(path):
        raise _no_room(path, "No space left on device", need, room)


def free_bytes(path: Path) -> int:
    """Return the number of free bytes on the disk of `path`. The file at `path` need not exist."""
    return shutil.disk_usage(next((parent for parent in path.parents if parent.is_dir()), Path("/"))).free


def cannot_write(path: Path, error: OSError, need: int = 0, room: str = ROOM) -> InputError:
    """Return an InputError which says that the file `path` could not be written, and why.

    error: the OSError that was raised; need: the number of bytes to write, or 0 if the number is not known; room: what
    the user should do if the disk is full.
    """
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return _no_room(path, error.strerror, need, room)
    return InputError(
        f"cannot write {path}: {error.strerror or error}",
        f"permission to write to the folder {path.parent}, or another folder as OUTPUTS",
        f"ls -ld {quoted(path.parent)}",
    )


def _no_room(path: Path, problem: str, need: int, room: str) -> InputError:
    expected = f"at least {need / 1e6:,.1f} MB of free disk space" if need else "more free disk space"
    return InputError(f"cannot write {path}: {problem}, only {free_bytes(path) / 1e6:,.1f} MB free", expected, room)


def write_bytes(path: Path, data: bytes) -> None:
    with replacing(path, len(data)) as temporary:
        temporary.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    write_bytes(path, text.encode())


# ---- checksums and JSON

LARGEST_JSON = 50_000_000  # bytes of the largest file that `read_json` reads


def digest(path: Path) -> str:
    """Return the SHA-256 of the file at `path`, shortened to 16 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def digest_of(data: bytes) -> str:
    """Return the SHA-256 of `data`, shortened to 16 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()[:16]


def checksum(value) -> str:
    """Return the SHA-256 of a value that JSON can store, shortened to 16 hexadecimal digits.

    Dictionaries that differ only in the order of their keys have the same checksum.
    """
    return digest_of(json.dumps(value, sort_keys=True).encode())


def write_json(path: Path, value: dict) -> None:
    """Write the dictionary `value` to a JSON file, together with a checksum, which `read_json` checks."""
    write_text(path, json.dumps({**value, "sha256": checksum(value)}, indent=2) + "\n")


def read_json(path: Path, expected: str, run: str) -> dict:
    """Return the dictionary that `write_json` wrote to the file at `path`, without the checksum.

    Raises InputError if the file is missing, damaged or edited. expected: what the error says was expected; run: what
    the error tells the user to do.
    """
    try:
        if path.stat().st_size > LARGEST_JSON:
            raise ValueError(f"its {path.stat().st_size:,} bytes are too many")
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"there is no file {path}", expected, run) from None
    except (ValueError, OSError, RecursionError) as error:
        raise InputError(f"{path} is not readable: {error}", expected, run) from None
    if not isinstance(value, dict):
        raise InputError(f"{path} holds a {type(value).__name__}, not a JSON object", expected, run)
    written, now = value.pop("sha256", None), checksum(value)
    if written != now:
        problem = f"its content has the checksum {now}, not {written}, which the file states"
        raise InputError(f"{path} was damaged or edited: {problem}", expected, run)
    return value


# ---- locks

# what the system answers if a disk has no locks: a network disk without a lock service, some disks of user programs
NO_LOCKS = (errno.ENOLCK, *UNSUPPORTED)


@contextlib.contextmanager
def lock(path: Path, what: str, wait: bool = False) -> Iterator[None]:
    """Hold a lock on the file `path` while the block of the `with` statement runs.

    If another process holds the lock, this function waits until the lock is free (if `wait` is true), or raises an
    InputError that names the other process (if `wait` is false). what: the name of the locked thing in this error, such
    as "fold 1 of resnet34". The lock is also released if the process is killed. Some network disks have no locks. There
    the block runs without a lock, and a warning says that the user must start only one command at a time.
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
                "only one process at a time",
                "the same command after that process has ended, or now with another value of FOLD or RUN",
            ) from None
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise cannot_write(path, error) from error
            _warn_without_locks(path.parent, error.strerror)
        with contextlib.suppress(OSError):  # the text is only for the error of another process
            file.truncate(0)
            file.write(f"process {os.getpid()} on {socket.gethostname()}\n")
            file.flush()
        yield


@functools.cache  # one warning for each folder
def _warn_without_locks(folder: Path, problem: str) -> None:
    console.warn(
        f"the disk of {folder} has no file locks ({problem}). So start only one command at a time with this OUTPUTS, "
        "or use an OUTPUTS on a disk of this machine"
    )


# ---- arrays

LARGEST_ARRAY = 8_000_000_000  # bytes of the largest array that `read_arrays` unpacks
MOST_PACKED = 200  # the largest allowed ratio of the unpacked size to the packed size


def write_arrays(path: Path, **arrays: np.ndarray) -> None:
    """Write arrays to an npz file, each array under the name of its keyword argument.

    The same arrays always give a file with the same bytes.
    """
    need = sum(array.nbytes for array in arrays.values()) + 10_000
    with replacing(path, need) as temporary, open(temporary, "wb") as file:
        np.savez(file, **arrays)


def read_arrays(path: Path, names: Sequence[str], optional: Sequence[str] = ()) -> dict[str, np.ndarray]:
    """Return, by name, the arrays `names` of an npz file, and those arrays in `optional` that the file has.

    The arrays are in C order. Raises ValueError if an array in `names` is missing, has Python objects or is too large,
    or if the file is damaged. The reader of numpy is not used, because it may skip the checksums of the zip archive,
    and because it allocates as much memory as the file claims to need.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.namelist()
            missing = [name for name in names if f"{name}.npy" not in members]
            if missing:
                raise ValueError(f"it has no array {', '.join(missing)}; it has {', '.join(members) or 'no arrays'}")
            wanted = [*names, *(name for name in optional if f"{name}.npy" in members)]
            return {name: _array(archive, name, path.stat().st_size) for name in wanted}
    except Exception as error:  # for damaged files, zipfile, zlib and numpy raise many types of errors
        raise ValueError(str(error) if type(error) is ValueError else f"{type(error).__name__}: {error}") from None


def _array(archive: zipfile.ZipFile, name: str, packed: int) -> np.ndarray:
    size = archive.getinfo(f"{name}.npy").file_size
    if size > min(LARGEST_ARRAY, MOST_PACKED * packed):
        raise ValueError(f"the array {name} claims to have {size:,} bytes, which is too many")
    with archive.open(f"{name}.npy") as file:
        data = file.read()  # reading to the end checks the checksum of the zip archive
    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    read_header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
    shape, fortran, dtype = read_header(stream)
    if dtype.hasobject:
        raise ValueError(f"{name} holds Python objects, which are never unpickled; save {name}.astype(str) instead")
    count = int(np.prod(shape, dtype=object))
    if count < 0 or count * dtype.itemsize != len(data) - stream.tell():
        raise ValueError(
            f"the array {name} claims the shape {shape} and the type {dtype}, "
            f"but has {len(data) - stream.tell():,} bytes"
        )
    flat = np.frombuffer(data, dtype, count, stream.tell())
    return np.ascontiguousarray(flat.reshape(shape, order="F")) if fortran else flat.reshape(shape)
