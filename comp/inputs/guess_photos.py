"""Guess the template of photo paths for a table: combinations of columns, folders and extensions are tried.

A template is a path relative to inputs with column names in braces, such as train/{label}/{id}.jpg.
"""

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

import pandas as pd

from comp.inputs.path_templates import fill

ENOUGH = 0.8  # share of rows that must have a photo
LOOKED_AT = 400  # rows that templates are made from
MOST = 12  # templates to try on all rows


@dataclass(frozen=True)
class Found:
    """A template, the column that names the photo, the number of rows with a photo, of all rows, and the photos."""

    template: str
    column: str
    found: int
    rows: int
    photos: frozenset[str]

    @property
    def reason(self) -> str:
        return f"found {self.found:,} of {self.rows:,}"


class Index:
    """Photos by file name, with and without the extension."""

    def __init__(self, photos: Iterable[str]):
        self.photos, self.by_name = set(photos), defaultdict(list)
        for path in sorted(self.photos):
            name = path.rsplit("/", 1)[-1]
            self.by_name[name].append(path)
            self.by_name[name[: len(name) - len(PurePosixPath(name).suffix)]].append(path)

    def of(self, value: str) -> list[tuple[str, str]]:
        """(folder, extension) of each photo with a path that ends in `value`, with or without the extension."""
        found = []
        for path in self.by_name.get(value.rsplit("/", 1)[-1], []):
            extension = "" if path.endswith(value) else PurePosixPath(path).suffix
            start = path[: len(path) - len(extension) - len(value)]
            if path == start + value + extension and (not start or start.endswith("/")):
                found.append((start, extension))
        return found


def find(table: pd.DataFrame, photos: Iterable[str], part: str, first: Iterable[str] = ()) -> Found | None:
    """The template that finds the most photos, or None if no template finds photos for ENOUGH of the rows.

    part: train or test. Among equally good templates, one with that word in it wins, then the columns in `first`.
    """
    index = Index(photos)
    order = list(dict.fromkeys([name for name in first if name in table] + list(table)))
    made = [tried for column in order for tried in _of_column(table, column, index)]
    made = [one for one in made if one.found >= ENOUGH * one.rows and _tells_apart(one, len(index.photos))]
    return max(made, key=lambda one: (len(one.photos), _says(one.template, part), one.found), default=None)


def _tells_apart(one: Found, photos: int) -> bool:
    """Whether there are enough different photos. A few photos for many rows mean that the column holds labels."""
    return len(one.photos) >= min(one.rows, photos) / 4


def _says(template: str, part: str) -> int:
    other = "test" if part == "train" else "train"
    return (part in template.lower()) - (other in template.lower())


def _of_column(table: pd.DataFrame, column: str, index: Index) -> list[Found]:
    some = table.iloc[:: max(1, len(table) // LOOKED_AT)]
    exact, free = Counter(), Counter()
    for row in some.to_dict("records"):
        for start, extension in index.of(row[column]) if row[column] else []:
            folders = start.split("/")[:-1]
            exact.update(_templates(folders, row, column, extension))
            free.update([_with_a_free_folder(folders, column, extension)])
    made = [_tried(table, column, template, index) for template, _ in exact.most_common(MOST)]
    if made and max(one.found for one in made) >= ENOUGH * len(table):
        return made
    return made + [_free(table, column, template, index) for template, _ in free.most_common(MOST) if template]


def _templates(folders: list[str], row: dict, column: str, extension: str) -> list[str]:
    """All ways to write the folders: as they are, or as a column that has the same value."""
    ways = [[folder, *[f"{{{name}}}" for name in row if row[name] == folder and name != column]] for folder in folders]
    return ["/".join([*way, f"{{{column}}}{extension}"]) for way in itertools.islice(itertools.product(*ways), 64)]


def _tried(table: pd.DataFrame, column: str, template: str, index: Index) -> Found:
    paths = fill(template, table)
    there = paths[paths.isin(index.photos)]
    return Found(template, column, len(there), len(table), frozenset(there))


def _with_a_free_folder(folders: list[str], column: str, extension: str) -> str:
    """A template with {folder} as the last folder. It is not a column, so it matches any name."""
    return "/".join([*folders[:-1], "{folder}", f"{{{column}}}{extension}"]) if folders else ""


def _free(table: pd.DataFrame, column: str, template: str, index: Index) -> Found:
    start, extension = template.split("{folder}", maxsplit=1)[0], template.rsplit("}", 1)[-1]
    there = {
        value: [
            f"{folder}{value}{ext}"
            for folder, ext in index.of(value)
            if ext == extension and folder.startswith(start) and folder.count("/") == start.count("/") + 1
        ]
        for value in set(table[column])
        if value
    }
    found = table[column].map(lambda value: bool(there.get(value)))
    return Found(template, column, int(found.sum()), len(table), frozenset(itertools.chain(*there.values())))
