"""Numpy arrays in an npz, which may come from anyone: nothing is unpickled, no claim of a size is believed."""

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from comp.io.files import replacing

LARGEST = 8_000_000_000  # bytes of an array, once unpacked
MOST_PACKED = 200  # times that an archive may grow when it is unpacked


def write_arrays(path: Path, **arrays: np.ndarray) -> None:
    """Write an npz; equal arrays give equal bytes."""
    need = sum(array.nbytes for array in arrays.values()) + 10_000
    with replacing(path, need) as temporary, open(temporary, "wb") as file:
        np.savez(file, **arrays)


def read_arrays(path: Path, names: Sequence[str], optional: Sequence[str] = ()) -> dict[str, np.ndarray]:
    """The named arrays of an npz, in C order; those of `optional` only where they are there.

    Raises ValueError for anything that is not whole. numpy's own reader skips the zip's checksums where it reads no
    further than it has to, and makes room for as many rows as a file claims to have.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.namelist()
            missing = [name for name in names if f"{name}.npy" not in members]
            if missing:
                raise ValueError(f"no array {', '.join(missing)} among {', '.join(members) or 'none'}")
            wanted = [*names, *(name for name in optional if f"{name}.npy" in members)]
            return {name: _array(archive, name, path.stat().st_size) for name in wanted}
    except Exception as error:  # hostile bytes make zipfile, zlib and numpy raise a dozen kinds
        raise ValueError(str(error) if type(error) is ValueError else f"{type(error).__name__}: {error}") from None


def _array(archive: zipfile.ZipFile, name: str, packed: int) -> np.ndarray:
    size = archive.getinfo(f"{name}.npy").file_size
    if size > min(LARGEST, MOST_PACKED * packed):
        raise ValueError(f"{name} claims {size:,} bytes")
    with archive.open(f"{name}.npy") as file:
        data = file.read()  # to its end: the zip's checksum is looked at there
    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    read_header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
    shape, fortran, dtype = read_header(stream)
    if dtype.hasobject:
        raise ValueError(f"{name} holds Python objects, which are never unpickled; save {name}.astype(str) instead")
    count = int(np.prod(shape, dtype=object))
    if count < 0 or count * dtype.itemsize != len(data) - stream.tell():
        raise ValueError(f"{name} claims {shape} of {dtype}, and has {len(data) - stream.tell():,} bytes")
    flat = np.frombuffer(data, dtype, count, stream.tell())
    return np.ascontiguousarray(flat.reshape(shape, order="F")) if fortran else flat.reshape(shape)
