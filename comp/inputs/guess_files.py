"""List the files of a competition folder: photos, tables, JSON files, packed archives, and other files.

`make init` guesses a competition.toml from this list. Each table is read in full, because the guesses need its values.
"""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import pandas as pd

from comp.errors import InputError
from comp.inputs import mask_gender_age, source_table
from comp.inputs.photo_listing import EXTENSIONS
from comp.inputs.sample_submission import TABLES
from comp.tables import read_table

NOT_PHOTOS = {  # the extension of files that are not read as photos, and the content of the files
    ".npy": "arrays of numpy",
    ".npz": "arrays of numpy",
    ".bson": "BSON",
    ".dcm": "DICOM",
    ".dicom": "DICOM",
    ".nii": "volumes",
    ".mha": "volumes",
    ".h5": "HDF5",
    ".hdf5": "HDF5",
    ".tfrec": "TFRecord",
    ".tfrecord": "TFRecord",
    ".parquet": "Parquet",
    ".mp4": "video",
    ".avi": "video",
}
LARGEST_MAP = 10_000_000  # a JSON file with more bytes is not searched for class names


@dataclass
class Files:
    """The files in an inputs folder. All paths are relative to the inputs folder, have forward slashes, and are sorted.

    inputs: the inputs folder.
    photos: the paths of the photos.
    tables: a dictionary from the path of each table (CSV, TSV or COCO JSON) to the table, with all values as text.
    class_numbers: the class numbers, as text, to which a JSON file such as {"0": "cat", "1": "dog"} gives names.
    archives: a dictionary from the path of each archive that is not unpacked yet to the command that unpacks it.
    others: a dictionary from each known file type that is not read, such as ".npy (arrays of numpy)", to its number of
    files.
    unreadable: a text for each table that cannot be read, which says what is wrong with the table.
    """

    inputs: Path
    photos: list[str] = field(default_factory=list)
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    class_numbers: set[str] = field(default_factory=set)
    archives: dict[str, str] = field(default_factory=dict)
    others: Counter = field(default_factory=Counter)
    unreadable: list[str] = field(default_factory=list)


def scan(inputs: Path) -> Files:
    """Return the files in `inputs` and in its subfolders.

    A subfolder that holds another competition is left out, such as the folder that `make demo` makes.
    """
    files = Files(inputs)
    for path in sorted(_paths(inputs)):
        kind = next(
            (end for end in source_table.ENDS if path.lower().endswith(end)), PurePosixPath(path).suffix.lower()
        )
        if kind in EXTENSIONS:
            files.photos.append(path)
        elif kind in TABLES:
            _add_table(files, path, lambda file: read_table(file, (), ""))
        elif kind == ".json":
            numbers = _class_numbers(inputs / path)
            files.class_numbers |= numbers
            if not numbers:
                _add_table(files, path, source_table.read_coco)
        elif kind in source_table.ENDS and not (inputs / path[: -len(kind)]).exists():  # not unpacked yet
            files.archives[path] = source_table.unpack_command(inputs, path[: -len(kind)])
        elif kind in NOT_PHOTOS:
            files.others[f"{kind} ({NOT_PHOTOS[kind]})"] += 1
    return files


def _class_numbers(path: Path) -> set[str]:
    """Return the class numbers in a JSON file that gives names to the classes, such as {"0": "cat", "1": "dog"}.

    The result is a set of texts, such as "0" and "1". It is empty if the file has another form or is larger than 10 MB
    (LARGEST_MAP).
    """
    if path.stat().st_size > LARGEST_MAP:
        return set()
    try:
        content = json.loads(path.read_bytes())
    except ValueError:
        return set()
    names = isinstance(content, dict) and all(isinstance(value, str) for value in content.values())
    return set(content) if names else set()


def _add_table(files: Files, path: str, read: Callable[[Path], pd.DataFrame]) -> None:
    """Read the table at `path` and add it to `files.tables`. If that fails, add the reason to `files.unreadable`.

    read: the function that reads this type of table. It raises InputError if the table cannot be read.
    """
    try:
        files.tables[path] = read(files.inputs / path)
    except InputError as error:
        files.unreadable.append(error.found)


def _paths(inputs: Path) -> Iterator[str]:
    """Yield the path of each file in `inputs` and in its subfolders, relative to `inputs`.

    Hidden files are left out. Subfolders are left out if they are hidden, if their name begins with "__", or if they
    hold another competition.
    """
    for folder, inside, names in os.walk(inputs, followlinks=True):
        parent = Path(folder)
        inside[:] = [
            name
            for name in inside
            if not name.startswith((".", "__"))
            and not (parent / name / "competition.toml").is_file()
            and not mask_gender_age.is_here(parent / name)
        ]
        for name in names:
            if not name.startswith("."):
                yield (parent / name).relative_to(inputs).as_posix()
