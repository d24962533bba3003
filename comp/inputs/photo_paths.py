"""Find the photo of each row of a table with a template such as train/{label}/{id}.jpg.

A field of the template is a name in braces. If the table has a column for each field, the template is filled in for
each row, and the photo at the resulting path is looked up. Otherwise all photos whose paths match the template are
listed. A photo then belongs to the rows whose columns have the same values as the fields in its path. The file
extension may be missing in the template, or be both in the template and in the column. A name may have another Unicode
form on the disk than in the table, as on macOS.

The last sections make the default template of the test photos, and the errors for photos that are not found. Such an
error shows the paths that were tried, the files that exist in their folder, and the command that unpacks an archive.
"""

import os
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from comp.competition.competition_toml import Settings
from comp.errors import InputError, listed
from comp.inputs import path_templates
from comp.inputs.photo_listing import (
    EXTENSIONS,
    Listing,
    extension,
    in_folders,
    joined,
    not_read,
    usual_extension,
    without_extension,
)
from comp.inputs.source_table import SourceTable, first_names, leave_out, unpack_command
from comp.text import same_text, same_texts

TRIED = 3  # how many of the tried paths an error shows
FIRST_ROWS = 20  # of the table, in the search for further columns that name photos
OUTSIDE = r"^/|^[A-Za-z]:|\x00|(?:^|/)\.\.(?:/|$)"  # matches paths that are absolute or may lead out of inputs


@dataclass(frozen=True)
class PhotoRows:
    """N photos, each with the table row to which it belongs.

    table: the N table rows, with text columns. The index is the number of the row in `source`; it repeats if the row
    has several photos. If there is no table, the columns are the names in braces of the path template, such as label
    and file for train/{label}/{file}.
    images (N,): the path of each photo, relative to inputs and with forward slashes, or "" if it was not looked up.
    source: the table that was read, or None if there is no table.
    """

    table: pd.DataFrame
    images: pd.Series
    source: SourceTable | None

    def named(self, bad: np.ndarray) -> list[str]:
        """Return a text for each bad row by which the user finds the row.

        The text is the line in a CSV file, the image in a JSON file, or the path of the photo if there is no table.
        bad: a bool array (N,), True for the bad rows.
        """
        if self.source is None:
            return self.images[bad].tolist()
        return self.source.named(self.table.index[bad])

    @property
    def file(self) -> str:
        """The path of the table as a text for messages, or "the photos" if there is no table."""
        return "the photos" if self.source is None else str(self.source.path)


def find_photos(listing: Listing, path_template: str, source: SourceTable | None, key: str) -> PhotoRows:
    """Return the photos of the table rows or, if there is no table, all photos that match the template.

    path_template: the form of the photo paths, such as train/{label}/{id}.jpg. A name in braces that is not a column of
    the table matches any part of a file or folder name. A row may then have several photos, and the name becomes a
    column of the result.
    source: the table, or None; key: the key of competition.toml that has the template, for errors.
    Raises InputError if a photo is missing, if a path without extension fits two photos, or if a path leads out of
    inputs.
    """
    if source is None:
        images, values = _matching_photos(listing, path_template, key)
        return PhotoRows(values, images, None)
    if set(path_templates.fields(path_template)) <= set(source.table):
        return _by_template(listing, path_template, source, key)
    return _by_listing(listing, path_template, source, key)


# ---- by filling in the template


def _by_template(listing: Listing, path_template: str, source: SourceTable, key: str) -> PhotoRows:
    filled = path_templates.fill(path_template, source.table)
    wanted = path_templates.plain_paths(filled, lambda path: _real_paths(listing, pd.Series([path]))[0][0] != "")
    rows = PhotoRows(source.table, wanted, source)
    _check_inside(rows, listing, key)
    images, twice = _real_paths(listing, wanted)
    if twice.any():
        names = wanted[twice].tolist()
        raise InputError(
            f"{len(names)} row(s) of {source.path} fit two photos:{listed(names)}",
            f'one photo per row; to choose one, add its extension to the end of {key} = "{path_template}"',
            f"edit {key} in competition.toml",
        )
    missing = (images == "").to_numpy()
    if missing.any():
        raise _rows_without_photo(listing, wanted[missing].tolist(), rows.named(missing), source, key)
    return PhotoRows(source.table, images, source)


def _check_inside(rows: PhotoRows, listing: Listing, key: str) -> None:
    outside = rows.images.str.contains(OUTSIDE, regex=True).to_numpy(bool)
    if outside.any():
        paths = [f"{row}: {path}" for row, path in zip(rows.named(outside), rows.images[outside], strict=True)]
        raise InputError(
            f"{len(paths)} path(s) in {rows.file} lead out of the inputs folder:{listed(paths)}",
            f"only paths inside the folder {listing.inputs}; the paths are made from {key} in competition.toml",
            f"correct those lines of {rows.file}, or edit {key} in competition.toml",
        )


def _real_paths(listing: Listing, wanted: pd.Series) -> tuple[pd.Series, np.ndarray]:
    """Find the photo at each wanted path. Return its path as spelt on the disk, and whether several photos match.

    Both results have one value for each wanted path (N,). The path is "" if no photo matches. The extension of a wanted
    path may be missing, be ".*", be in another case, or be doubled because both the path in competition.toml and the id
    end in an extension. If there is still no photo, names may differ in upper and lower case, and in blanks at their
    ends.
    listing: the photos in the inputs folder; wanted (N,): paths in the Unicode form NFC.
    """
    photos = in_folders(listing, wanted.str.rpartition("/")[0].unique().tolist())
    images, twice = _looked_up(wanted, photos), np.zeros(len(wanted), bool)
    rest = np.flatnonzero(images == "")
    if len(rest):
        images[rest], twice[rest] = _by_stem(wanted.iloc[rest], photos)
        rest = np.flatnonzero(images == "")
        images[rest] = _looked_up(without_extension(wanted.iloc[rest]), photos)
        rest = np.flatnonzero(images == "")
        images[rest], twice[rest] = _by_loose_name(wanted.iloc[rest], photos[~photos.isin(images)])
    return pd.Series(images, index=wanted.index, dtype=str), twice


def _looked_up(keys: pd.Series, photos: pd.Series) -> np.ndarray:
    """Return the value in `photos` for each key, or "" for a key that is not in the index of `photos`.

    keys (N,): texts; photos: a Series of texts, whose index has no key twice.
    """
    return np.append(photos.to_numpy(object), "")[photos.index.get_indexer(keys)]  # a missing key has position -1


def _by_stem(wanted: pd.Series, photos: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Find the photos of paths whose extension is missing or spelt differently, such as .jpg for .JPEG.

    Return, for each wanted path (N,), the path of the photo as spelt on the disk, or "" if there is none, and whether
    two photos fit.
    wanted (N,): paths in the Unicode form NFC; photos: all photos in the folders of the wanted paths, as `in_folders`
    returns them.
    """
    names = photos.index.to_series()
    stems, ends = without_extension(names), names.map(lambda path: usual_extension(extension(path)))
    keys = without_extension(wanted) + wanted.map(lambda path: usual_extension(extension(path).replace(".*", "")))
    plain, spelt = (pd.Series(photos.to_numpy(), index=index.to_numpy()) for index in (stems, stems + ends))
    known = pd.concat([plain, spelt]) if len(photos) else photos
    repeated = known.index[known.index.duplicated()]
    return _looked_up(keys, known[~known.index.duplicated()]), keys.isin(repeated).to_numpy()


def _by_loose_name(wanted: pd.Series, photos: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Find the photos of paths that differ in upper and lower case, or in blanks at the ends of names.

    wanted, photos, and the result: as in `_by_stem`. A photo that several wanted paths fit belongs to none of them.
    """
    if not (len(wanted) and len(photos)):
        return np.full(len(wanted), "", object), np.zeros(len(wanted), bool)
    names = path_templates.loose_paths(photos.index.to_series()).to_numpy()
    images, twice = _by_stem(path_templates.loose_paths(wanted), pd.Series(photos.to_numpy(), index=names))
    images[pd.Series(images).duplicated(keep=False)] = ""
    return images, twice


# ---- by listing all photos that match the template


def _by_listing(listing: Listing, path_template: str, source: SourceTable, key: str) -> PhotoRows:
    images, values = _matching_photos(listing, path_template, key)
    shared = [name for name in values if name in source.table]
    if not shared:
        raise InputError(
            f'{key} = "{path_template}" has no column of {source.path} in braces',
            f"in braces, at least one of the columns {', '.join(source.table)}",
            f"edit {key} in competition.toml",
        )
    left = _keys(source.table[shared], path_template).assign(row=source.table.index)
    right = _keys(values[shared], path_template).assign(photo=images.index)
    pairs = left.merge(right, on=shared, how="left")
    missing = pairs["row"][pairs["photo"].isna()]
    if len(missing):
        columns = source.table.loc[missing].reindex(columns=path_templates.fields(path_template), fill_value="*")
        tried = path_templates.fill(path_template, columns).tolist()
        raise _rows_without_photo(listing, tried, source.named(missing), source, key)
    photos = pairs["photo"].astype(int)
    extra = values.drop(columns=shared).loc[photos].set_axis(pairs["row"])
    table = pd.concat([source.table.loc[pairs["row"]], extra], axis=1)
    return PhotoRows(table, images.loc[photos].set_axis(pairs["row"]), source)


def _matching_photos(listing: Listing, path_template: str, key: str) -> tuple[pd.Series, pd.DataFrame]:
    """Find the photos whose paths match a template such as train/{label}/{file}.

    Return the paths (N,) as spelt on the disk, and a table with N rows and a text column for each name in braces. If
    the template ends in a name in braces, the values of this name include the extension. Raises InputError if no photo
    matches.
    key: the key of competition.toml that has the template, for the error.
    """
    folders = [("", "")]  # pairs of a path in NFC and its real path
    for part in path_templates.parts(path_template)[:-1]:
        expression = re.compile(path_templates.pattern(same_text(part)))
        folders = [
            (joined(folder, name), joined(real, real_name))
            for folder, real in folders
            for name, real_name in listing.folders(real).items()
            if expression.fullmatch(name)
        ]
    photos = in_folders(listing, _each_once(listing.inputs, folders))
    listing.check_names()
    names = path_templates.fields(path_template)
    values = photos.index.to_series().str.extract(f"^{_pattern(path_template)}()$").set_axis([*names, ""], axis=1)
    fit = values[""].notna().to_numpy()
    if not fit.any():
        raise _no_photo_matches(listing, path_template, key)
    return photos[fit].reset_index(drop=True), values.loc[fit, names].astype(str).reset_index(drop=True)


def _each_once(inputs: Path, folders: list[tuple[str, str]]) -> list[str]:
    """Return the paths of the folders in the Unicode form NFC, each real folder once although links lead to it.

    A folder's own path is preferred to that of a link. folders: pairs of a path in NFC and the path on the disk.
    """
    places = {path: os.path.realpath(inputs / real) for path, real in folders}
    root = os.path.realpath(inputs)
    own = {place: path for path, place in reversed(places.items())}
    own |= {place: path for path, place in places.items() if place == os.path.join(root, path).rstrip("/")}
    return [path for path in places if own[places[path]] == path]


def _pattern(path_template: str) -> str:
    """Return a regular expression for the paths of photos that match a template such as train/{label}/{id}.jpg.

    The extension of a photo may be spelt differently from the template, such as .JPEG for .jpg. If the template has no
    extension, any extension matches. If the template ends in a name in braces, the value of this name includes the
    extension.
    """
    end = extension(path_template)
    stem = path_templates.pattern(same_text(path_template.removesuffix(end)))
    if not end:
        return stem if path_template.endswith("}") else f"{stem}(?i:{'|'.join(map(re.escape, EXTENSIONS))})"
    same = [other for other in EXTENSIONS if end == ".*" or usual_extension(other) == usual_extension(end)]
    return f"{stem}(?i:{'|'.join(map(re.escape, same))})"


def _keys(values: pd.DataFrame, path_template: str) -> pd.DataFrame:
    """Return the columns in the Unicode form NFC, so that equal values of rows and of photo paths compare as equal.

    If the template ends in a name in braces, as train/{id} does, the photo extension is removed from the values in this
    column.
    values: columns that are named in braces in the template.
    """
    values = values.apply(same_texts)
    last = path_templates.fields(path_template)[-1]
    if not extension(path_template) and path_template.endswith("}") and last in values:
        values[last] = without_extension(values[last])
    return values


# ---- photos that are not used


def unused_photos(listing: Listing, path_template: str, source: SourceTable | None) -> list[str]:
    """Return texts about files that look like photos but are not read, and about further columns that name photos.

    The files are those in the folders that `listing` has read. Another column names photos if the template finds other
    photos for the first rows when this column takes the place of the last name in braces. path_template, source: as in
    `find_photos`.
    """
    names = path_templates.fields(path_template)
    columns = []
    if source is not None and set(names) <= set(source.table) and names:
        first = source.table.head(FIRST_ROWS)
        own = set(_found(listing, path_template, first))
        for column in set(first) - set(names):
            found = _found(listing, path_template, first.assign(**{names[-1]: first[column]}))
            if all(found) and len(set(found)) > len(found) / 4 and not own & set(found):
                columns.append(column)
    columns = [name for name in (source.table if columns else ()) if name in columns]
    return [*not_read(listing.inputs, listing.others), *([several_photos(columns)] if columns else [])]


def several_photos(columns: Iterable[str]) -> str:
    """Return a text which says that these further columns name photos that are not used, and how to use them."""
    return (
        f"further photos are named by {', '.join(columns)}, but a row has one photo here; to use them all, write "
        "tables with one row for each photo and an id that the photos share, and set combine (docs/competition.md)"
    )


def _found(listing: Listing, path_template: str, table: pd.DataFrame) -> list[str]:
    wanted = path_templates.plain_paths(path_templates.fill(path_template, table), lambda path: False)
    inside = ~wanted.str.contains(OUTSIDE, regex=True)
    return _real_paths(listing, wanted.where(inside, ""))[0].tolist()


# ---- the template of the test photos


def test_photo_template(settings: Settings, listing: Listing, table: pd.DataFrame, id_column: str) -> str:
    """Return the template of the test photos' paths, which is `test_images` or a changed `train_images`.

    Both are keys of competition.toml. `train_images` is only used if there is no `test_images`. In `train_images`,
    "train" is replaced by "test" if the resulting folder exists, and each folder with a name in braces that the test
    rows lack is left out, such as {label}. In both cases, if the only name in braces is not a column of the test rows,
    it is replaced by the name of the column of ids.
    table: the test rows; id_column: the name of the column of ids.
    """
    template = settings.test_images or _default_template(settings.train_images, listing, set(table))
    fields = path_templates.fields(template)
    if len(fields) == 1 and fields[0] not in table:
        return template.replace(f"{{{fields[0]}}}", f"{{{id_column}}}")
    return template


def _default_template(train_images: str, listing: Listing, columns: set[str]) -> str:
    swapped = re.sub(r"(\{[^{}]*\})|train", lambda match: match[1] or "test", train_images)
    swapped = re.sub(r"(\{[^{}]*\})|Train", lambda match: match[1] or "Test", swapped)
    folder = path_templates.literal_folder(swapped)
    parts = path_templates.parts(swapped if folder and listing.real(folder) is not None else train_images)
    only_train = [part for part in parts[:-1] if "{" in part and not set(path_templates.fields(part)) <= columns]
    return "/".join(part for part in parts if part not in only_train)


# ---- errors


def _no_photo_matches(listing: Listing, path_template: str, key: str) -> InputError:
    """Return the InputError for a template such as train/{label}/{id}.jpg that no photo matches.

    key: the key of competition.toml that has the template.
    """
    folder = path_templates.literal_folder(path_template)
    return InputError(
        f'{key} = "{path_template}" matches no photo in {listing.inputs}{_files_in(listing.inputs, folder)}',
        f"photos at the paths that {key} in competition.toml describes, relative to the inputs folder",
        unpack_command(listing.inputs, folder) or f"edit {key} in competition.toml",
    )


def _rows_without_photo(
    listing: Listing, tried: list[str], names: list[str], source: SourceTable, key: str
) -> InputError:
    """Return the InputError for rows of the table `source` that have no photo.

    tried: the path at which each of these rows should have its photo; names: where the user finds each of these rows,
    such as "line 7"; key: the key of competition.toml that has the template of the photo paths.
    """
    listing.check_names()
    rows, file = len(source.table), source.path
    shown = [f"{name}: no {path}" for name, path in zip(names[:TRIED], tried[:TRIED], strict=True)]
    more = [f"… and {len(tried) - TRIED} more"] if len(tried) > TRIED else []
    folder = tried[0].rpartition("/")[0]
    edit = f"edit {key} in competition.toml"
    is_training = key == "train_images" and len(tried) < rows
    edit = f"{edit}, or {leave_out(file)}" if is_training else edit
    problem = f"{len(tried)} of {rows} rows of {file} have no photo:{listed(shown + more)}"
    left_out = not_read(listing.inputs, listing.others)
    return InputError(
        problem + _files_in(listing.inputs, folder) + "".join(f"\n{text}" for text in left_out),
        f"for each row a photo in {listing.inputs}, at the path that {key} in competition.toml gives",
        unpack_command(listing.inputs, folder) or edit,
    )


def _files_in(inputs: Path, folder: str) -> str:
    """Return a line of text that says how many files of each extension are in `folder`.

    folder: a path relative to inputs. If it does not exist, the nearest existing folder above it is taken.
    """
    place = inputs / folder
    while not place.is_dir() and place not in (inputs, place.parent):
        place = place.parent
    kinds = Counter(Path(name).suffix.lower() for name in first_names(place))
    if not kinds:
        return f"\n{place} is empty or missing"
    counts = [f"{count} {kind} files" if kind else f"{count} folders" for kind, count in kinds.most_common(5)]
    return f"\n{place} has {', '.join(counts)}"
