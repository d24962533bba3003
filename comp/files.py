"""Write files so that each is whole or missing, check files when they are read, and lock files while they are used.

`replacing` writes any file under a temporary name, flushes it and renames it. `write_json` adds a checksum, which
`read_json` checks. `lock` keeps other processes away from a file or a fold. `write_arrays` and `read_arrays` are for
npz files of numpy arrays. An npz file may come from other people, so nothing is unpickled, and the sizes in its headers
are not trusted.
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
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from comp.errors import InputError

# ---- write

ROOM = "make clean-cache && df -h"  # advice for a full disk


@contextlib.contextmanager
def replacing(path: Path, need: int = 0, room: str = ROOM) -> Iterator[Path]:
    """Yield a temporary path next to `path`. That file is renamed to `path` if the block succeeds, else it is deleted.

    need: the number of bytes that will be written, 0 if it is not known; room: the advice for a full disk.
    Raises InputError if the file cannot be written. A file that exists at `path` then stays unchanged.
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


def _sweep(path: Path) -> None:
    """Delete the temporary files of `path` that killed processes left behind."""
    for left in path.parent.glob(f".{path.name}.*.tmp"):
        process = left.name.split(".")[-2]
        if not (process.isdecimal() and Path("/proc", process).exists()):
            left.unlink(missing_ok=True)


def check_room(path: Path, need: int, room: str = ROOM) -> None:
    """Raise InputError unless the disk of `path` has `need` bytes free. room: the advice for a full disk."""
    if need > free_bytes(path):
        raise _no_room(path, "No space left on device", need, room)


def free_bytes(path: Path) -> int:
    """The number of free bytes on the disk of `path`. The file itself need not exist."""
    return shutil.disk_usage(next((parent for parent in path.parents if parent.is_dir()), Path("/"))).free


def cannot_write(path: Path, error: OSError, need: int = 0, room: str = ROOM) -> InputError:
    """The InputError for a file that the system does not let us write. need, room: as for `replacing`."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return _no_room(path, error.strerror, need, room)
    return InputError(
        f"cannot write {path}: {error.strerror or error}",
        "a folder that can be written to, this one or another one as OUTPUTS",
        f"ls -ld {path.parent}",
    )


def _no_room(path: Path, problem: str, need: int, room: str) -> InputError:
    expected = f"at least {need / 1e6:,.1f} MB of free disk space" if need else "more free disk space"
    return InputError(f"cannot write {path}: {problem}, {free_bytes(path) / 1e6:,.1f} MB free there", expected, room)


def write_bytes(path: Path, data: bytes) -> None:
    with replacing(path, len(data)) as temporary:
        temporary.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    write_bytes(path, text.encode())


# ---- checksums and JSON

LARGEST_JSON = 50_000_000  # bytes, at most


def digest(path: Path) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of a file, which is read in parts."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def digest_of(data: bytes) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of `data`."""
    return hashlib.sha256(data).hexdigest()[:16]


def checksum(value) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of plain values. The order of keys does not matter."""
    return digest_of(json.dumps(value, sort_keys=True).encode())


def write_json(path: Path, value: dict) -> None:
    """Write the object `value` as JSON with its checksum, which `read_json` checks."""
    write_text(path, json.dumps({**value, "sha256": checksum(value)}, indent=2) + "\n")


def read_json(path: Path, expected: str, run: str) -> dict:
    """Read the object that `write_json` wrote. Raises InputError if the file is missing, damaged or edited.

    expected, run: what the InputError expects and advises.
    """
    try:
        if path.stat().st_size > LARGEST_JSON:
            raise ValueError(f"{path.stat().st_size:,} bytes")
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"no {path}", expected, run) from None
    except (ValueError, OSError, RecursionError) as error:
        raise InputError(f"{path} is not readable: {error}", expected, run) from None
    if not isinstance(value, dict):
        raise InputError(f"{path} holds a {type(value).__name__}, not a JSON object", expected, run)
    written, now = value.pop("sha256", None), checksum(value)
    if written != now:
        raise InputError(f"{path} was damaged or edited: its checksum is {written}, not {now}", expected, run)
    return value


# ---- locks


@contextlib.contextmanager
def lock(path: Path, what: str, wait: bool = False) -> Iterator[None]:
    """Hold a lock on `path` while the block runs.

    what: the name of what is locked, for the error. If another process holds the lock and `wait` is true, wait for it;
    otherwise raise an InputError that names the process. The system releases the lock when the process ends, even if
    the process is killed.
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
                "the same command after the process has ended, or now with another FOLD or RUN",
            ) from None
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}\n")
        file.flush()
        yield


# ---- arrays

LARGEST_ARRAY = 8_000_000_000  # bytes of an unpacked array, at most
MOST_PACKED = 200  # largest ratio of unpacked to packed size


def write_arrays(path: Path, **arrays: np.ndarray) -> None:
    """Write the arrays to an npz file under their names. Equal arrays give files with equal bytes."""
    need = sum(array.nbytes for array in arrays.values()) + 10_000
    with replacing(path, need) as temporary, open(temporary, "wb") as file:
        np.savez(file, **arrays)


def read_arrays(path: Path, names: Sequence[str], optional: Sequence[str] = ()) -> dict[str, np.ndarray]:
    """Read the arrays `names` of an npz file, and those of `optional` that it has. Returns them by name, in C order.

    Raises ValueError for a damaged file. numpy's own reader is not used, because it may skip the checksums of the zip
    archive and allocates as much memory as the header asks for.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.namelist()
            missing = [name for name in names if f"{name}.npy" not in members]
            if missing:
                raise ValueError(f"no array {', '.join(missing)} among {', '.join(members) or 'none'}")
            wanted = [*names, *(name for name in optional if f"{name}.npy" in members)]
            return {name: _array(archive, name, path.stat().st_size) for name in wanted}
    except Exception as error:  # for damaged files, zipfile, zlib and numpy raise many types of errors
        raise ValueError(str(error) if type(error) is ValueError else f"{type(error).__name__}: {error}") from None


def _array(archive: zipfile.ZipFile, name: str, packed: int) -> np.ndarray:
    size = archive.getinfo(f"{name}.npy").file_size
    if size > min(LARGEST_ARRAY, MOST_PACKED * packed):
        raise ValueError(f"{name} claims {size:,} bytes, which is too many")
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
        raise ValueError(f"{name} claims the shape {shape} of {dtype}, but has {len(data) - stream.tell():,} bytes")
    flat = np.frombuffer(data, dtype, count, stream.tell())
    return np.ascontiguousarray(flat.reshape(shape, order="F")) if fortran else flat.reshape(shape)
