"""Read one table of the competition, CSV or COCO JSON, with all columns as text.

The first section reads a table and names its rows in messages: by the line in a CSV file, and by the image in a JSON
file. The second section turns COCO JSON into a table with one row per image. The third section is for missing files: it
finds an archive that was not unpacked, and returns the command that unpacks the archive.
"""

import json
import os
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from comp.errors import InputError, quoted
from comp.table_formats import PACKERS
from comp.tables import advice_to_correct, line_numbers, read_table

ENDS = (".zip", ".7z", ".tar", ".tar.gz", ".tgz", ".rar")  # the extensions of archives
PACKED_TABLES = tuple(table + end for table in (".csv", ".tsv", ".json") for end in PACKERS)
LOOKED_AT = 1000  # at most this many entries of a folder are read in the search for archives
LABEL = "category_id"  # the label column of a table that is read from COCO JSON
SEVERAL = " "  # the text between the categories of an image that has several categories
IMAGE_ID = ("id", "image_id")
CATEGORY_ID = ("id", "category_id")


@dataclass(frozen=True)
class SourceTable:
    """A table that was read from a file.

    path: the path of the file; size: the number of rows in the file; table: all rows of the file or some of them, with
    text columns. The index of `table` is the row number in the file, which starts at 0.
    """

    path: Path
    size: int
    table: pd.DataFrame

    @property
    def is_json(self) -> bool:
        """Whether the file is COCO JSON, and not CSV."""
        return self.path.suffix.lower() == ".json"

    def named(self, rows) -> list[str]:
        """Return a text for each row by which the user finds it: "line 7" in a CSV file, "image a.jpg" in a JSON file.

        rows: row numbers, as in the index of `table`.
        """
        if self.is_json:
            return [f"image {self.table['file_name'][row]}" for row in rows]
        lines = line_numbers(self.path, self.size)
        return [f"line {lines[row]}" for row in rows]


def check_columns(table: pd.DataFrame, names, key: str, file: str) -> None:
    """Raise InputError, with a list of the existing columns, if the table lacks one of the columns in `names`.

    key: the key of competition.toml that names the columns; file: the path of the table. The error shows both.
    """
    missing = [name for name in names if name not in table]
    if missing:
        known = ", ".join(map(str, table))
        raise InputError(
            f"there is no column {', '.join(missing[:20])} in {file}, but the key {key} of competition.toml names it",
            f"one of the columns {known[:1000]}",
            f"edit {key} in competition.toml",
        )


def read_source(inputs: Path, name: str, key: str) -> SourceTable:
    """Read the table at the path `name`, relative to inputs. Raises InputError if the file is missing or not a table.

    key: the key of competition.toml that names the table, for the error.
    """
    path = Path(inputs) / name
    if not path.is_file():
        others = sorted(p.name for p in path.parent.glob("*") if p.suffix.lower() in (".csv", ".tsv", ".txt", ".json"))
        expected = f"the path of a table, such as {', '.join(others[:20])}" if others else "the path of a table"
        raise InputError(
            f'there is no file {path} ({key} = "{name}" in competition.toml)',
            expected,
            unpack_command(Path(inputs), name) or f"edit {key} in competition.toml",
        )
    table = read_coco(path) if path.suffix.lower() == ".json" else read_text_table(path)
    return SourceTable(path, len(table), table)


def read_text_table(path: Path, columns: tuple[str, ...] = ()) -> pd.DataFrame:
    """Read a CSV file as a table with text columns.

    columns: the columns that the file must have; it may have more. Raises InputError if the file lacks one of these
    columns or cannot be read.
    """
    try:
        return read_table(path, columns, "")
    except InputError as error:
        raise InputError(error.found, error.expected, _advice(path)) from None


def _advice(path: Path) -> str:
    """Return what the error tells the user to do with a wrong table: correct it or, if needed, convert its encoding."""
    try:
        return advice_to_correct(path)
    except OSError:
        return f"correct {path}"


# ---- COCO JSON


def read_coco(path: Path) -> pd.DataFrame:
    """Read a COCO JSON file as a table with text columns and one row per image.

    The columns are the fields of the image, category_id, category_name, and the other fields of the image's first
    annotation. The id of the image is in both `id` and `image_id`. If an image has several categories, they are
    separated by a space. If the file has annotations, images without an annotation are left out. The file may also be a
    list of images without annotations. Raises InputError for any other file.
    """
    content = _content(path)
    images = _table(_records(path, content, "images"))
    images = images.assign(**dict.fromkeys(IMAGE_ID, _id(images, IMAGE_ID, path, "images")))
    if "file_name" not in images:
        raise _unusable(path, f"the images have no file_name, but only {', '.join(images)}")
    if isinstance(content, list) or not content.get("annotations"):
        return images
    annotations = _table(_records(path, content, "annotations"))
    if not {"image_id", "category_id"} <= set(annotations):
        raise _unusable(path, f"the annotations lack image_id or category_id; they have {', '.join(annotations)}")
    labels = _labels(annotations, _names(content, path))
    return images.drop(columns=[c for c in labels if c in images and c != "image_id"]).merge(labels, on="image_id")


def _content(path: Path):
    try:
        with open(path, encoding="utf-8-sig") as file:
            content = json.load(file)
    except (ValueError, RecursionError) as error:
        raise _unusable(path, f"it is not JSON: {error}") from None
    if not isinstance(content, (list, dict)):
        raise _unusable(path, f"its content is a {type(content).__name__}, not an object or a list")
    return content


def _records(path: Path, content, key: str) -> list[dict]:
    records = content if isinstance(content, list) else content.get(key)
    if not isinstance(records, list) or not records or not all(isinstance(record, dict) for record in records):
        given = "a list of other values" if isinstance(content, list) else f"the keys {', '.join(map(str, content))}"
        raise _unusable(path, f"it has no list of {key}, but {given}")
    return records


def _table(records: list[dict]) -> pd.DataFrame:
    """Return a table with text columns and one row for each JSON object in `records`.

    The columns are the fields of the first object, without fields that hold lists or objects, such as boxes.
    """
    keys = [key for key, value in records[0].items() if not isinstance(value, (list, dict))]
    return pd.DataFrame({key: pd.Series([_text(record.get(key)) for record in records], dtype=str) for key in keys})


def _text(value) -> str:
    return "" if value is None else str(value)


def _id(table: pd.DataFrame, names: tuple[str, ...], path: Path, what: str) -> pd.Series:
    name = next((name for name in names if name in table), None)
    if name is None:
        raise _unusable(path, f"the {what} have no {' or '.join(names)}, but only {', '.join(table)}")
    return table[name]


def _names(content: dict, path: Path) -> dict[str, str]:
    """Return a dictionary from the id of each category to its name, or {} if the categories have no names.

    content: the content of a COCO JSON file; path: its path, for the error.
    """
    records = content.get("categories")
    categories = _table(records) if isinstance(records, list) and records and isinstance(records[0], dict) else None
    if categories is None or "name" not in categories:
        return {}
    return dict(zip(_id(categories, CATEGORY_ID, path, "categories"), categories["name"], strict=True))


def _labels(annotations: pd.DataFrame, names: dict[str, str]) -> pd.DataFrame:
    """Return a table with one row per image: its different categories and the other columns of its first annotation.

    annotations: one row for each annotation; names: a dictionary from the id of each category to its name, or {}.
    """
    annotations = annotations.drop(columns="id", errors="ignore").drop_duplicates(["image_id", "category_id"])
    if names:
        annotations = annotations.assign(category_name=annotations["category_id"].map(names).fillna(""))
    first = annotations.drop_duplicates("image_id").set_index("image_id")
    repeated = annotations[annotations["image_id"].duplicated(keep=False)]
    for column in [c for c in ("category_id", "category_name") if c in annotations and len(repeated)]:
        several = repeated.groupby("image_id", sort=False)[column].agg(SEVERAL.join)
        first.loc[several.index, column] = several
    return first.reset_index()


def _unusable(path: Path, problem: str) -> InputError:
    return InputError(
        f"{path} is not COCO JSON: {problem}",
        "images with file_name and id, and annotations with image_id and category_id",
        f"correct {path}, or name another table in competition.toml",
    )


# ---- archives that were not unpacked


def first_names(folder: Path) -> list[str]:
    """Return the names of the files and folders in a folder, at most 1000 (LOOKED_AT) and without hidden files.

    If the folder does not exist, return [].
    """
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        return [entry.name for entry, _ in zip(entries, range(LOOKED_AT), strict=False) if entry.name[0] != "."]


def leave_out(file) -> str:
    """Return advice to leave rows out of a training table; the user's file itself stays as it is."""
    return f"copy {file} without those rows and name the copy in the key train of competition.toml"


def unpack_command(inputs: Path, wanted: str = "") -> str:
    """Return the command that unpacks the archive that probably contains a missing file, or "" if there is no archive.

    wanted: the path of the missing file or folder, relative to inputs, or "" for any archive in inputs. Archives are
    searched for in inputs and in each folder on the path. An archive is preferred if it is named after a folder on the
    path, such as train.zip for train/1.jpg.
    """
    parts = wanted.split("/") if wanted else []
    places = [inputs / "/".join(parts[:n]) for n in range(len(parts) + 1)]
    archives = [
        place / name for place in places for name in first_names(place) if name.lower().endswith(ENDS + PACKED_TABLES)
    ]
    if not archives:
        return ""
    archive = min(
        archives,
        key=lambda path: (not path.name.startswith(tuple(f"{part}." for part in parts)), len(path.name), path.name),
    )
    return _command(archive, parts)


def _command(archive: Path, parts: list[str]) -> str:
    end, name, parent = archive.name.lower(), quoted(archive), quoted(archive.parent)
    if end.endswith(PACKED_TABLES):
        return f"{PACKERS[archive.suffix.lower()][1]} -k {name}"
    if end.endswith(".7z"):
        return f"7z x {name} -o{parent}"
    if end.endswith(".rar"):
        return f"unrar x {name} {parent}/"
    into = parent if _has_one_of(archive, parts) else quoted(archive.parent / archive.name.partition(".")[0])
    if end.endswith(".zip"):
        return f"unzip -q {name} -d {into}"
    return f"mkdir -p {into} && tar -xf {name} -C {into}"


def _has_one_of(archive: Path, parts: list[str]) -> bool:
    """Return whether the archive contains one of the wanted folders or files at its top level.

    Only the first entry of a tar archive is looked at. If an archive cannot be read, the result is True.
    parts: the names of the wanted folders and files. If the list is empty, every folder is wanted.
    """
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as file:
                names = file.namelist()
        else:
            with tarfile.open(archive) as file:
                first = file.next()
                names = [first.name.removeprefix("./")] if first else []
    except (OSError, tarfile.TarError, zipfile.BadZipFile):
        return True
    return any(name.partition("/")[0] in parts if parts else "/" in name for name in names)
