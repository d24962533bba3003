"""Guess a template that gives the path of the photo for each row of a table.

A template is a path relative to the inputs folder, with column names in braces, such as train/{label}/{id}.jpg. First,
the photos of some rows are found by their file names, and templates are made from the paths of these photos. Then the
most frequent templates are tried on all rows.
"""

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

import pandas as pd

from comp.inputs.path_templates import fill, is_writable, loose_paths, plain_paths
from comp.inputs.photo_paths import several_photos

ENOUGH = 0.8  # a template must find a photo for at least this share of the rows
LOOKED_AT = 400  # templates are made from about this many rows
MOST = 12  # at most this many templates of each column are tried on all rows
LOOSE = "; names in the table and on the disk differ in upper and lower case, or in blanks"
WAYS = 64  # at most this many templates are made from the path of one photo


@dataclass(frozen=True)
class PhotoTemplate:
    """A template of photo paths, such as train/{id}.jpg, and the photos that it finds for the rows of a table.

    template: the template as text; column: the name of the column that gives the file name of the photo; matched: the
    number of rows for which the template finds a photo; rows: the number of all rows; photos: the paths of all photos
    that the template finds; also: other columns of the table that name other photos;
    is_loose: whether names in the table and on the disk differ in upper and lower case, or in blanks at their ends.
    """

    template: str
    column: str
    matched: int
    rows: int
    photos: frozenset[str]
    also: tuple[str, ...] = ()
    is_loose: bool = False

    @property
    def reason(self) -> str:
        reason = f"finds a photo for {self.matched:,} of {self.rows:,} rows"
        reason += LOOSE if self.is_loose else ""
        return f"{reason}; {several_photos(self.also)}" if self.also else reason

    @property
    def is_complete(self) -> bool:
        """Whether the template finds a photo for every row."""
        return self.matched == self.rows


def find_template(
    table: pd.DataFrame, photos: Iterable[str], part: str, first: Iterable[str] = ()
) -> PhotoTemplate | None:
    """Return the template that finds the most photos for the rows of a table, such as train/{id}.jpg, or None.

    A template must find a photo for at least 80 % of the rows (ENOUGH), and not the same few photos for all rows. If no
    template does so, names may differ in upper and lower case, and in blanks at their ends. If there is still no
    template, None is returned. Of templates that find equally many photos, one that contains the word `part` is
    preferred.
    table: a table with text columns; photos: the paths of all photos, relative to the inputs folder; part: "train" or
    "test"; first: the names of columns that are tried before the other columns.
    """
    photos = list(photos)
    best = _best_template(table, photos, part, first)
    loose = dict(zip(loose_paths(pd.Series(photos, dtype=str)), photos, strict=True))
    if best or len(loose) < len(photos):
        return best
    best = _best_template(table.apply(loose_paths), loose, part, first)
    return best and replace(best, photos=frozenset(map(loose.get, best.photos)), is_loose=True)


def _best_template(table: pd.DataFrame, photos: Iterable[str], part: str, first: Iterable[str]) -> PhotoTemplate | None:
    """Return the template that finds the most photos, with names as they are spelt, or None. See `find_template`."""
    index = _PhotoIndex(photos)
    table = table[[name for name in table if is_writable(name)]].apply(plain_paths, exists=index.has)
    order = list(dict.fromkeys([name for name in first if name in table] + list(table)))
    tried = [template for column in order for template in _of_column(table, column, index)]
    fitting = [t for t in tried if t.matched >= ENOUGH * t.rows and _tells_apart(t, len(index.photos))]
    best = max(fitting, key=lambda t: (len(t.photos), _says(t.template, part), t.matched), default=None)
    also = (t.column for t in fitting if best and t.column != best.column and not t.photos & best.photos)
    return replace(best, also=tuple(dict.fromkeys(also))) if best else None


def _tells_apart(tried: PhotoTemplate, photos: int) -> bool:
    """Return whether the template finds enough different photos.

    If it finds few photos for many rows, its column holds labels, not file names. Enough is a quarter of the number of
    rows, or of `photos` if that is smaller.
    photos: the number of all photos in the inputs folder.
    """
    return len(tried.photos) >= min(tried.rows, photos) / 4


def _says(template: str, part: str) -> int:
    """Return 1 if the template contains only the word `part`, -1 if only the opposite word, and otherwise 0.

    part: "train" or "test"; each is the opposite word of the other.
    """
    other = "test" if part == "train" else "train"
    return (part in template.lower()) - (other in template.lower())


class _PhotoIndex:
    """An index of photo paths by file name, with and without the extension."""

    def __init__(self, photos: Iterable[str]):
        self.photos, self.by_name = set(photos), defaultdict(list)
        for path in sorted(self.photos):
            name = path.rsplit("/", 1)[-1]
            self.by_name[name].append(path)
            self.by_name[name[: len(name) - len(PurePosixPath(name).suffix)]].append(path)

    def of(self, value: str) -> list[tuple[str, str]]:
        """Find the photos whose path ends in `value`, which may lack the extension of the photo.

        Return two texts for each photo: the path up to `value`, and the extension, or "" if `value` contains the
        extension.
        """
        places = []
        for path in self.by_name.get(value.rsplit("/", 1)[-1], []):
            extension = "" if path.endswith(value) else PurePosixPath(path).suffix
            start = path[: len(path) - len(extension) - len(value)]
            if path == start + value + extension and (not start or start.endswith("/")):
                places.append((start, extension))
        return places

    def has(self, path: str) -> bool:
        """Return whether there is a photo at this path, which may lack the extension of the photo."""
        return any(start == "" for start, _ in self.of(path))


def _of_column(table: pd.DataFrame, column: str, index: _PhotoIndex) -> list[PhotoTemplate]:
    """Return the templates in which `column` gives the file name of the photo, each tried on all rows of the table.

    A template such as train/{folder}/{id}.jpg, in which {folder} may be any folder, is tried only if no other template
    finds a photo for 80 % of the rows (ENOUGH).
    table: the table whose photos are to be found; index: the photos in the inputs folder.
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
    """Return the templates that give the path of one photo, but at most 64 templates (WAYS).

    Each folder in the path may be written as its name or, in braces, as a column with this value. If the label is cat,
    for example, train/cat/1.jpg gives train/cat/{id}.jpg and train/{label}/{id}.jpg.
    The result is empty if the path has a folder with braces in its name that is not in the row.
    folders: the folders in the path of the photo; row: the photo's table row, a dictionary from column to value;
    column: the column with the file name of the photo; extension: the text that follows the file name, such as ".jpg"
    or "".
    """
    columns = [[f"{{{name}}}" for name in row if row[name] == folder and name != column] for folder in folders]
    ways = [[folder] * is_writable(folder) + names for folder, names in zip(folders, columns, strict=True)]
    return ["/".join([*way, f"{{{column}}}{extension}"]) for way in itertools.islice(itertools.product(*ways), WAYS)]


def _with_a_free_folder(folders: list[str], column: str, extension: str) -> str:
    """Return a template such as train/{folder}/{id}.jpg, in which {folder} is not a column but may be any folder.

    The result is "" if `folders` is empty, or if the name of another folder has braces.
    folders: the folders in the path of a photo; column: the column with the file name of the photo; extension: the text
    that follows the file name, such as ".jpg" or "".
    """
    possible = folders and all(map(is_writable, folders[:-1]))
    return "/".join([*folders[:-1], "{folder}", f"{{{column}}}{extension}"]) if possible else ""


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
