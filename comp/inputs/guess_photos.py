"""Guess the template of photo paths for a table by trying combinations of columns, folders and extensions.

A template is a path relative to inputs/ with column names in braces, such as train/{label}/{id}.jpg. Templates are made
from some rows of the table, whose photos are looked up by file name. The most frequent templates are then tried on all
rows.
"""

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

import pandas as pd

from comp.inputs.path_templates import fill

ENOUGH = 0.8  # the share of rows for which a template must find a photo
LOOKED_AT = 400  # about how many rows templates are made from
MOST = 12  # how many templates of a column are tried on all rows
WAYS = 64  # at most so many ways to write the folders of one photo as a template


@dataclass(frozen=True)
class PhotoTemplate:
    """A template that was tried on all rows of a table.

    column: the column with the file name of the photo; rows: the number of rows of the table; matched: the number of
    rows for which the template finds a photo; photos: the paths of the photos that the template finds.
    """

    template: str
    column: str
    matched: int
    rows: int
    photos: frozenset[str]

    @property
    def reason(self) -> str:
        return f"found {self.matched:,} of {self.rows:,}"

    @property
    def is_complete(self) -> bool:
        """Whether the template finds a photo for every row."""
        return self.matched == self.rows


def find_template(
    table: pd.DataFrame, photos: Iterable[str], part: str, first: Iterable[str] = ()
) -> PhotoTemplate | None:
    """Return the template that finds the most photos, or None if no template finds photos for ENOUGH of the rows.

    table: a table with text columns; photos: paths relative to inputs/; part: "train" or "test". Among templates that
    find equally many photos, a template that contains the word `part` is preferred, and then the template that finds
    photos for more rows. `first` names the columns that are tried before the other columns.
    """
    index = _PhotoIndex(photos)
    order = list(dict.fromkeys([name for name in first if name in table] + list(table)))
    tried = [template for column in order for template in _of_column(table, column, index)]
    fitting = [t for t in tried if t.matched >= ENOUGH * t.rows and _tells_apart(t, len(index.photos))]
    return max(fitting, key=lambda t: (len(t.photos), _says(t.template, part), t.matched), default=None)


def _tells_apart(tried: PhotoTemplate, photos: int) -> bool:
    """Whether the template finds enough different photos. Few photos for many rows mean that the column holds labels.

    photos: the number of all photos in the inputs folder.
    """
    return len(tried.photos) >= min(tried.rows, photos) / 4


def _says(template: str, part: str) -> int:
    """Return 1 if the template contains the word `part`, -1 if it contains the opposite word, 0 if both or neither.

    part: "train" or "test".
    """
    other = "test" if part == "train" else "train"
    return (part in template.lower()) - (other in template.lower())


class _PhotoIndex:
    """A look-up of photo paths by file name, with or without the extension."""

    def __init__(self, photos: Iterable[str]):
        self.photos, self.by_name = set(photos), defaultdict(list)
        for path in sorted(self.photos):
            name = path.rsplit("/", 1)[-1]
            self.by_name[name].append(path)
            self.by_name[name[: len(name) - len(PurePosixPath(name).suffix)]].append(path)

    def of(self, value: str) -> list[tuple[str, str]]:
        """Return the folder and the extension of each photo whose path, with or without extension, ends in `value`.

        The extension is "" if `value` contains it.
        """
        places = []
        for path in self.by_name.get(value.rsplit("/", 1)[-1], []):
            extension = "" if path.endswith(value) else PurePosixPath(path).suffix
            start = path[: len(path) - len(extension) - len(value)]
            if path == start + value + extension and (not start or start.endswith("/")):
                places.append((start, extension))
        return places


def _of_column(table: pd.DataFrame, column: str, index: _PhotoIndex) -> list[PhotoTemplate]:
    """Return the templates in which `column` gives the file name of the photo, each tried on all rows.

    Templates whose last folder may have any name are tried only if no other template finds photos for ENOUGH rows.
    """
    some = table.iloc[:: max(1, len(table) // LOOKED_AT)]
    exact, free = Counter(), Counter()
    for row in some.to_dict("records"):
        for start, extension in index.of(row[column]) if row[column] else []:
            folders = start.split("/")[:-1]
            exact.update(_templates(folders, row, column, extension))
            free.update([_with_a_free_folder(folders, column, extension)])
    tried = [_try(table, column, template, index) for template, _ in exact.most_common(MOST)]
    if tried and max(template.matched for template in tried) >= ENOUGH * len(table):
        return tried
    return tried + [_try_free(table, column, template, index) for template, _ in free.most_common(MOST) if template]


def _templates(folders: list[str], row: dict, column: str, extension: str) -> list[str]:
    """Return all templates for one photo, with each folder written as its name or as a column that holds the name.

    row: the row of the photo; column: the column with its file name.
    """
    ways = [[folder, *[f"{{{name}}}" for name in row if row[name] == folder and name != column]] for folder in folders]
    return ["/".join([*way, f"{{{column}}}{extension}"]) for way in itertools.islice(itertools.product(*ways), WAYS)]


def _with_a_free_folder(folders: list[str], column: str, extension: str) -> str:
    """Return a template with {folder} as the last folder, or "" without folders.

    {folder} is not a column, so it matches a folder of any name.
    """
    return "/".join([*folders[:-1], "{folder}", f"{{{column}}}{extension}"]) if folders else ""


def _try(table: pd.DataFrame, column: str, template: str, index: _PhotoIndex) -> PhotoTemplate:
    paths = fill(template, table)
    paths = paths[paths.isin(index.photos)]
    return PhotoTemplate(template, column, len(paths), len(table), frozenset(paths))


def _try_free(table: pd.DataFrame, column: str, template: str, index: _PhotoIndex) -> PhotoTemplate:
    start, extension = template.split("{folder}", maxsplit=1)[0], template.rsplit("}", 1)[-1]
    photos = {
        value: [
            f"{folder}{value}{ext}"
            for folder, ext in index.of(value)
            if ext == extension and folder.startswith(start) and folder.count("/") == start.count("/") + 1
        ]
        for value in set(table[column])
        if value
    }
    has_photo = table[column].map(lambda value: bool(photos.get(value)))
    all_photos = frozenset(itertools.chain(*photos.values()))
    return PhotoTemplate(template, column, int(has_photo.sum()), len(table), all_photos)
