"""Numpy arrays in npz files, which may be untrusted: nothing is unpickled, and sizes in headers are checked."""

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from comp.io.files import replacing

LARGEST = 8_000_000_000  # bytes of an unpacked array, at most
MOST_PACKED = 200  # largest ratio of unpacked to packed size


def write_arrays(path: Path, **arrays: np.ndarray) -> None:
    """Write an npz file; equal arrays give equal bytes."""
    need = sum(array.nbytes for array in arrays.values()) + 10_000
    with replacing(path, need) as temporary, open(temporary, "wb") as file:
        np.savez(file, **arrays)


def read_arrays(path: Path, names: Sequence[str], optional: Sequence[str] = ()) -> dict[str, np.ndarray]:
    """The named arrays of an npz file, in C order; arrays in `optional` only if they exist.

    Raises ValueError for damaged files. numpy's own reader may skip the checksums of the zip archive, and it allocates
    as much memory as the header asks for.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.namelist()
            missing = [name for name in names if f"{name}.npy" not in members]
            if missing:
                raise ValueError(f"no array {', '.join(missing)} among {', '.join(members) or 'none'}")
            wanted = [*names, *(name for name in optional if f"{name}.npy" in members)]
            return {name: _array(archive, name, path.stat().st_size) for name in wanted}
    except Exception as error:  # for damaged files, zipfile, zlib and numpy raise many types
        raise ValueError(str(error) if type(error) is ValueError else f"{type(error).__name__}: {error}") from None


def _array(archive: zipfile.ZipFile, name: str, packed: int) -> np.ndarray:
    size = archive.getinfo(f"{name}.npy").file_size
    if size > min(LARGEST, MOST_PACKED * packed):
        raise ValueError(f"{name} claims {size:,} bytes")
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
        raise ValueError(f"{name} claims {shape} of {dtype}, but has {len(data) - stream.tell():,} bytes")
    flat = np.frombuffer(data, dtype, count, stream.tell())
    return np.ascontiguousarray(flat.reshape(shape, order="F")) if fortran else flat.reshape(shape)
