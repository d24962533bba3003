"""What lies in a folder of competition files: photos, tables, JSON, and what was not unpacked or is no photo."""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import pandas as pd

from comp.competition import coco, home
from comp.errors import InputError
from comp.io.tables import read_table

PHOTOS = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".webp", ".gif")
TABLES = (".csv", ".tsv")
ARCHIVES = {
    ".zip": "unzip -q {file} -d {folder}",
    ".7z": "7z x {file} -o{folder}",
    ".tar": "tar xf {file} -C {folder}",
    ".tgz": "tar xf {file} -C {folder}",
    ".tar.gz": "tar xf {file} -C {folder}",
}
NOT_PHOTOS = {
    ".npy": "arrays of numpy", ".npz": "arrays of numpy", ".bson": "BSON", ".dcm": "DICOM", ".dicom": "DICOM",
    ".nii": "volumes", ".mha": "volumes", ".h5": "HDF5", ".hdf5": "HDF5", ".tfrec": "TFRecord",
    ".tfrecord": "TFRecord", ".parquet": "Parquet", ".mp4": "video", ".avi": "video",
}  # fmt: skip
LARGEST_MAP = 10_000_000  # bytes of a JSON file of class names


@dataclass
class Files:
    """Paths are relative to the inputs folder, with forward slashes, sorted.

    tables: path to table, every value as text; COCO JSON is a table too. class_numbers: those that a JSON file gives
    names to. archives: path to the command that unpacks it. others: kind of file that holds no photos, to how many.
    """

    inputs: Path
    photos: list[str] = field(default_factory=list)
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    class_numbers: set[str] = field(default_factory=set)
    archives: dict[str, str] = field(default_factory=dict)
    others: Counter = field(default_factory=Counter)
    unreadable: list[str] = field(default_factory=list)


def look(inputs: Path) -> Files:
    """Everything in the folder; folders that are a competition of their own (made by `make demo`) are left out."""
    made, archives = Files(inputs), []
    for path in sorted(_paths(inputs)):
        name = PurePosixPath(path)
        kind = next((kind for kind in ARCHIVES if path.lower().endswith(kind)), name.suffix.lower())
        if kind in PHOTOS:
            made.photos.append(path)
        elif kind in TABLES:
            _add(made, path, lambda file: read_table(file, (), ""))
        elif kind == ".json":
            numbers = class_numbers(inputs / path)
            made.class_numbers |= numbers
            if not numbers:
                _add(made, path, coco.read)
        elif kind in ARCHIVES:
            archives.append((path, kind))
        elif kind in NOT_PHOTOS:
            made.others[f"{kind} ({NOT_PHOTOS[kind]})"] += 1
    made.archives = {path: _command(inputs, path, kind) for path, kind in archives if _is_packed(inputs, path, kind)}
    return made


def class_numbers(path: Path) -> set[str]:
    """The keys of a JSON file that is a map of class numbers to names; empty for any other."""
    if path.stat().st_size > LARGEST_MAP:
        return set()
    try:
        content = json.loads(path.read_bytes())
    except ValueError:
        return set()
    names = isinstance(content, dict) and all(isinstance(value, str) for value in content.values())
    return set(content) if names else set()


def _add(made: Files, path: str, read: Callable[[Path], pd.DataFrame]) -> None:
    try:
        made.tables[path] = read(made.inputs / path)
    except InputError as error:
        made.unreadable.append(error.found)


def _paths(inputs: Path) -> Iterator[str]:
    for folder, inside, names in os.walk(inputs, followlinks=True):
        here = Path(folder)
        inside[:] = [
            name for name in inside
            if not name.startswith((".", "__")) and not (here / name / "competition.toml").is_file()
            and not home.is_here(here / name)
        ]  # fmt: skip
        for name in names:
            if not name.startswith("."):
                yield (here / name).relative_to(inputs).as_posix()


def _stem(path: str, kind: str) -> str:
    return path[: -len(kind)]


def _is_packed(inputs: Path, path: str, kind: str) -> bool:
    """Whether nothing lies beside the archive under its name: neither a folder nor a file such as train.csv."""
    return not (inputs / _stem(path, kind)).exists()


def _command(inputs: Path, path: str, kind: str) -> str:
    """Into a folder of the archive's name, unless it holds a single file such as train.csv.zip."""
    stem = inputs / _stem(path, kind)
    folder = stem.parent if stem.suffix.lower() in (*TABLES, ".json") else stem
    make = "" if kind in (".zip", ".7z") else f"mkdir -p {folder} && "
    return make + ARCHIVES[kind].format(file=inputs / path, folder=folder)
