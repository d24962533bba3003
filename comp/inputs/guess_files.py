"""List the files of a competition folder: photos, tables, JSON files, packed archives, and other files.

`make init` guesses a competition.toml from this list. Each table is read in full, because the guesses need its values.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import pandas as pd

from comp.errors import InputError
from comp.inputs import mask_gender_age, photo_listing, source_table
from comp.inputs.photo_listing import EXTENSIONS
from comp.inputs.sample_submission import TABLES
from comp.table_formats import OTHER_TABLES
from comp.tables import read_table
from comp.text import same_text

LARGEST_MAP = 10_000_000  # a JSON file with more bytes is not searched for class names


@dataclass
class Files:
    """The files in an inputs folder. All paths are relative to the inputs folder, have forward slashes, and are sorted.

    inputs: the inputs folder.
    photos: the paths of the photos, in the Unicode form NFC.
    tables: a dictionary from the path of each table (CSV, TSV or COCO JSON) to the table, with all values as text.
    class_numbers: the class numbers, as text, to which a JSON file such as {"0": "cat", "1": "dog"} gives names.
    archives: a dictionary from the path of each archive that is not unpacked yet to the command that unpacks it.
    others: texts about files that look like photos but are not read, with what the user can do.
    unreadable: a dictionary from the path of each table that cannot be read to what is wrong with it.
    not_utf8: the paths of files and folders that are left out because their names are not UTF-8.
    """

    inputs: Path
    photos: list[str] = field(default_factory=list)
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    class_numbers: set[str] = field(default_factory=set)
    archives: dict[str, str] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)
    unreadable: dict[str, str] = field(default_factory=dict)
    not_utf8: list[str] = field(default_factory=list)


def scan(inputs: Path) -> Files:
    """Return the files in `inputs` and in its subfolders.

    A subfolder that holds another competition is left out, such as the folder that `make demo` makes.
    """
    files, others = Files(inputs), []
    for path in sorted(_paths(inputs), key=same_text):
        kind = next(
            (end for end in source_table.ENDS if path.lower().endswith(end)), PurePosixPath(path).suffix.lower()
        )
        if not photo_listing.is_utf8(path):
            files.not_utf8 += [path] if kind in (*EXTENSIONS, *TABLES, *source_table.ENDS) else []
        elif kind in EXTENSIONS:
            files.photos.append(same_text(path))
        elif kind in (*TABLES, *OTHER_TABLES):
            _add_table(files, path, lambda file: read_table(file, (), ""))
        elif kind == ".json":
            numbers = _class_numbers(inputs / path)
            files.class_numbers |= numbers
            if not numbers:
                _add_table(files, path, source_table.read_coco)
        elif path.lower().endswith(source_table.PACKED_TABLES):
            unpacked = path.rpartition(".")[0]
            if not (inputs / unpacked).exists():
                files.archives[path] = source_table.unpack_command(inputs, unpacked)
        elif kind in source_table.ENDS and not (inputs / path[: -len(kind)]).exists():  # not unpacked yet
            files.archives[path] = source_table.unpack_command(inputs, path[: -len(kind)])
        elif kind not in source_table.ENDS:
            others.append(path)
    files.others = photo_listing.not_read(inputs, others)
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
        advice = f"; {error.run}" if error.run and not path.lower().endswith(".json") else ""
        files.unreadable[path] = f"{error.found}{advice}"


def _paths(inputs: Path) -> Iterator[str]:
    """Yield the path of each file in `inputs` and in its subfolders, relative to `inputs`.

    Hidden files are left out. Subfolders are left out if they are hidden, if their name begins with "__", or if they
    hold another competition.
    """

    def is_left_out(folder: Path) -> bool:
        return (folder / "competition.toml").is_file() or mask_gender_age.is_here(folder)

    for folder, names in photo_listing.walk(inputs, skip=is_left_out):
        for name in names:
            yield photo_listing.joined(folder, name)
