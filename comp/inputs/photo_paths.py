"""Find the photos of the rows of a table by a template of their path, such as train/{label}/{id}.jpg.

If the table has a column for each field of the template, the template is filled in for each row, and the photo at the
resulting path is looked up. Otherwise all photos that match the template are joined with the rows by the fields that
are columns. The file extension may be missing in the template, or be both in the template and in the column. The
Unicode form of a name may differ (as on macOS).

The last sections hold the default template of the test photos, and the errors for photos that are not found. Such an
error shows the paths that were tried, the files that exist in their folder, and the command that unpacks an archive.
"""

import re
from collections import Counter
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
    usual_extension,
    without_extension,
)
from comp.inputs.source_table import SourceTable, first_names, unpack_command
from comp.text import same_text, same_texts

TRIED = 3  # how many of the tried paths an error shows
OUTSIDE = r"^/|^[A-Za-z]:|\x00|(?:^|/)\.\.(?:/|$)"  # matches paths that are absolute or leave their folder
NOTHING = r"(?:^|(?<=/))\./|(?<=/)/+"  # matches parts of a path without a meaning: ./ and doubled slashes


@dataclass(frozen=True)
class PhotoRows:
    """The photos (N) of a table's rows, one row per photo.

    table: text columns for each photo. Its index is the row number in `source`, repeated if a row has several photos.
    images (N,): the posix path of each photo, relative to inputs, or "" if the photo was not looked up.
    source: the table that was read, or None without a table.
    """

    table: pd.DataFrame
    images: pd.Series
    source: SourceTable | None

    def named(self, bad: np.ndarray) -> list[str]:
        """Return for each bad row its line (CSV) or image (JSON) in the table, or the photo's path without a table.

        bad: (N,) bool.
        """
        if self.source is None:
            return self.images[bad].tolist()
        return self.source.named(self.table.index[bad])

    @property
    def file(self) -> str:
        """The path of the table, or "the photos" without a table."""
        return "the photos" if self.source is None else str(self.source.path)


def find_photos(listing: Listing, path_template: str, source: SourceTable | None, key: str) -> PhotoRows:
    """Return the photos of each row of the table, or all photos that match the template if there is no table.

    A field that is not a column of the table matches any part of a name. A row may then have several photos, and the
    field becomes a column of the result. key: the key of the template in competition.toml, for errors. Raises
    InputError if a row has no photo, or if a path leads out of inputs.
    """
    if source is None:
        images, values = _matching_photos(listing, path_template, key)
        return PhotoRows(values, images, None)
    if set(path_templates.fields(path_template)) <= set(source.table):
        return _by_template(listing, path_template, source, key)
    return _by_listing(listing, path_template, source, key)


# ---- by filling in the template


def _by_template(listing: Listing, path_template: str, source: SourceTable, key: str) -> PhotoRows:
    wanted = same_texts(path_templates.fill(path_template, source.table)).str.replace("\\", "/", regex=False)
    wanted = wanted.str.replace(NOTHING, "", regex=True)
    rows = PhotoRows(source.table, wanted, source)
    _check_inside(rows, listing, key)
    images, twice = _real_paths(listing, wanted)
    if twice.any():
        names = wanted[twice].tolist()
        raise InputError(
            f"{len(names)} row(s) of {source.path} fit two photos:{listed(names)}",
            f'one photo per row, chosen by an extension at the end of {key} = "{path_template}"',
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
            f"{len(paths)} path(s) outside of inputs in {rows.file}:{listed(paths)}",
            f"paths in {listing.inputs} from {key}",
            f"correct those lines of {rows.file}, or edit {key} in competition.toml",
        )


def _real_paths(listing: Listing, wanted: pd.Series) -> tuple[pd.Series, np.ndarray]:
    """Return the real path (N,) of the photo at each wanted path, and whether two photos match the path, (N,) bool.

    The real path is "" if there is no photo. wanted: paths in Unicode NFC, whose extension may be missing, ".*", in
    another case, or doubled (because the template and the id have one).
    """
    photos = in_folders(listing, wanted.str.rpartition("/")[0].unique().tolist())
    images, twice = _looked_up(wanted, photos), np.zeros(len(wanted), bool)
    rest = np.flatnonzero(images == "")
    if len(rest):
        images[rest], twice[rest] = _by_stem(wanted.iloc[rest], photos)
        rest = np.flatnonzero(images == "")
        images[rest] = _looked_up(without_extension(wanted.iloc[rest]), photos)
    return pd.Series(images, index=wanted.index, dtype=str), twice


def _looked_up(keys: pd.Series, photos: pd.Series) -> np.ndarray:
    """Return the value (N,) of each key in `photos`, or "" for a missing key. The index of `photos` is unique."""
    return np.append(photos.to_numpy(object), "")[photos.index.get_indexer(keys)]  # a missing key has position -1


def _by_stem(wanted: pd.Series, photos: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Return real paths (N,), and whether two photos match (N,), for paths with a missing or another extension.

    Another extension is another spelling of the extension, such as .JPEG for .jpg.
    """
    names = photos.index.to_series()
    stems, ends = without_extension(names), names.map(lambda path: usual_extension(extension(path)))
    keys = without_extension(wanted) + wanted.map(lambda path: usual_extension(extension(path).replace(".*", "")))
    plain, spelt = (pd.Series(photos.to_numpy(), index=index.to_numpy()) for index in (stems, stems + ends))
    known = pd.concat([plain, spelt]) if len(photos) else photos
    repeated = known.index[known.index.duplicated()]
    return _looked_up(keys, known[~known.index.duplicated()]), keys.isin(repeated).to_numpy()


# ---- by listing all photos that match the template


def _by_listing(listing: Listing, path_template: str, source: SourceTable, key: str) -> PhotoRows:
    images, values = _matching_photos(listing, path_template, key)
    shared = [name for name in values if name in source.table]
    if not shared:
        raise InputError(
            f'{key} = "{path_template}" has no field that is a column of {source.path}',
            f"at least one of {', '.join(source.table)}",
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
    """Return the real paths (N,) of all photos that match the template, and the value of each field as text columns.

    If the template ends in a field, the value of this field includes the extension. Raises InputError if no photo
    matches.
    """
    folders = [("", "")]  # path in NFC, real path
    for part in path_template.split("/")[:-1]:
        expression = re.compile(path_templates.pattern(same_text(part)))
        folders = [
            (joined(folder, name), joined(real, real_name))
            for folder, real in folders
            for name, real_name in listing.folders(real).items()
            if expression.fullmatch(name)
        ]
    photos = in_folders(listing, [folder for folder, _ in folders])
    names = path_templates.fields(path_template)
    values = photos.index.to_series().str.extract(f"^{_pattern(path_template)}()$").set_axis([*names, ""], axis=1)
    fit = values[""].notna().to_numpy()
    if not fit.any():
        raise _no_photo_matches(listing, path_template, key)
    return photos[fit].reset_index(drop=True), values.loc[fit, names].astype(str).reset_index(drop=True)


def _pattern(path_template: str) -> str:
    """Return a regular expression for a whole path, in which the extension of the template may be spelt in any way."""
    end = extension(path_template)
    stem = path_templates.pattern(same_text(path_template.removesuffix(end)))
    if not end:
        return stem if path_template.endswith("}") else f"{stem}(?i:{'|'.join(map(re.escape, EXTENSIONS))})"
    same = [other for other in EXTENSIONS if end == ".*" or usual_extension(other) == usual_extension(end)]
    return f"{stem}(?i:{'|'.join(map(re.escape, same))})"


def _keys(values: pd.DataFrame, path_template: str) -> pd.DataFrame:
    """Return the columns to join by, in Unicode NFC. If the template ends in a field, its values have no extension."""
    values = values.apply(same_texts)
    last = path_templates.fields(path_template)[-1]
    if not extension(path_template) and path_template.endswith("}") and last in values:
        values[last] = without_extension(values[last])
    return values


# ---- the template of the test photos


def test_photo_template(settings: Settings, listing: Listing, table: pd.DataFrame, id_column: str) -> str:
    """Return `test_images` if given, else `train_images` with "test" in place of "train".

    If the folder with "test" in its name does not exist, "train" is not replaced. The default leaves out folders with
    a field that the test rows lack, such as {label}. table: the test rows. If the only field of the template is not a
    column of the table, the field is replaced by the id column.
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
    parts = (swapped if folder and listing.real(folder) is not None else train_images).split("/")
    only_train = [part for part in parts[:-1] if "{" in part and not set(path_templates.fields(part)) <= columns]
    return "/".join(part for part in parts if part not in only_train)


# ---- errors


def _no_photo_matches(listing: Listing, path_template: str, key: str) -> InputError:
    """Return the error for a template that no photo matches."""
    folder = path_templates.literal_folder(path_template)
    return InputError(
        f'{key} = "{path_template}" matches no photo in {listing.inputs}{_files_in(listing.inputs, folder)}',
        "photos at paths of this form, relative to the inputs folder",
        unpack_command(listing.inputs, folder) or f"edit {key} in competition.toml",
    )


def _rows_without_photo(
    listing: Listing, tried: list[str], names: list[str], source: SourceTable, key: str
) -> InputError:
    """Return the error for rows without a photo. tried: the path of each row; names: the line or image of each row."""
    rows, file = len(source.table), source.path
    shown = [f"{name}: no {path}" for name, path in zip(names[:TRIED], tried[:TRIED], strict=True)]
    more = [f"… and {len(tried) - TRIED} more"] if len(tried) > TRIED else []
    folder = tried[0].rpartition("/")[0]
    edit = f"edit {key} in competition.toml" if len(tried) == rows else f"delete those rows of {file}, or edit {key}"
    problem = f"{len(tried)} of {rows} rows of {file} have no photo:{listed(shown + more)}"
    return InputError(
        problem + _files_in(listing.inputs, folder),
        f"for each row a photo in {listing.inputs} at the path that {key} gives",
        unpack_command(listing.inputs, folder) or edit,
    )


def _files_in(inputs: Path, folder: str) -> str:
    """Return a line that counts the files in `folder` by extension. A missing folder is replaced by its parent."""
    place = inputs / folder
    while not place.is_dir() and place not in (inputs, place.parent):
        place = place.parent
    kinds = Counter(Path(name).suffix.lower() for name in first_names(place))
    if not kinds:
        return f"\n{place} is empty or missing"
    return f"\n{place} has " + ", ".join(f"{count} {kind or 'folders'}" for kind, count in kinds.most_common(5))
