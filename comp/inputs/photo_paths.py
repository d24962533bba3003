"""The errors for photos that are not found: the paths that were tried, the files there, archives to unpack.

Find the photos for a template or a path, even if the extension is missing or the Unicode form differs.

The photos of the rows of a table: by filling in a template of the path, or by listing the paths that match it.

The template for the test photos, if competition.toml gives none or uses another name for the id.
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

TRIED = 3  # paths to show


def no_photo_matches(inputs: Path, path_template: str, key: str) -> InputError:
    """The error if no photo at all matches the template."""
    folder = path_templates.literal_folder(path_template)
    return InputError(
        f'{key} = "{path_template}" matches no photo in {inputs}{_what_lies_in(inputs, folder)}',
        "photos at such paths, relative to the inputs folder",
        unpack_command(inputs, folder) or f"edit {key} in competition.toml",
    )


def photos_of_rows_not_found(
    inputs: Path, tried: list[str], names: list[str], rows: int, file: str, key: str
) -> InputError:
    """The error for rows without a photo. tried: their paths; names: their names; rows: how many rows the table has."""
    shown = [f"{name}: no {path}" for name, path in zip(names[:TRIED], tried[:TRIED], strict=True)]
    more = [f"… and {len(tried) - TRIED} more"] if len(tried) > TRIED else []
    folder = tried[0].rpartition("/")[0]
    edit = f"edit {key} in competition.toml" if len(tried) == rows else f"delete those rows of {file}, or edit {key}"
    return InputError(
        f"{len(tried)} of {rows} rows of {file} have no photo:{listed(shown + more)}{_what_lies_in(inputs, folder)}",
        f"a photo in {inputs} for each row, by {key}",
        unpack_command(inputs, folder) or edit,
    )


def _what_lies_in(inputs: Path, folder: str) -> str:
    """What files are in the deepest existing folder of the path."""
    place = inputs / folder
    while not place.is_dir() and place not in (inputs, place.parent):
        place = place.parent
    kinds = Counter(Path(name).suffix.lower() for name in first_names(place))
    if not kinds:
        return f"\n{place} is empty or missing"
    return f"\n{place} has " + ", ".join(f"{count} {kind or 'folders'}" for kind, count in kinds.most_common(5))


def matching_photos(listing: Listing, path_template: str) -> tuple[pd.Series, pd.DataFrame]:
    """All photos whose paths match the template: real paths (N,), and a text column for each field of the template.

    If a template ends in a field and has no extension, that field includes the extension.
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
    return photos[fit].reset_index(drop=True), values.loc[fit, names].astype(str).reset_index(drop=True)


def _pattern(path_template: str) -> str:
    end = extension(path_template)
    stem = path_templates.pattern(same_text(path_template.removesuffix(end)))
    if not end:
        return stem if path_template.endswith("}") else f"{stem}(?i:{'|'.join(map(re.escape, EXTENSIONS))})"
    same = [other for other in EXTENSIONS if end == ".*" or usual_extension(other) == usual_extension(end.lower())]
    return f"{stem}(?i:{'|'.join(map(re.escape, same))})"


def resolve_path(listing: Listing, wanted: pd.Series) -> tuple[pd.Series, np.ndarray]:
    """The real path (N,) of each wanted path, "" if there is no photo; and whether two photos match it, (N,) bool.

    wanted: paths in NFC. The extension may be missing, ".*", in another case, or doubled (in both the template and the
    id).
    """
    photos = in_folders(listing, wanted.str.rpartition("/")[0].unique().tolist())
    found, twice = _looked_up(wanted, photos), np.zeros(len(wanted), bool)
    rest = np.flatnonzero(found == "")
    if len(rest):
        found[rest], twice[rest] = _by_stem(wanted.iloc[rest], photos)
        rest = np.flatnonzero(found == "")
        found[rest] = _looked_up(without_extension(wanted.iloc[rest]), photos)
    return pd.Series(found, index=wanted.index, dtype=str), twice


def _looked_up(keys: pd.Series, photos: pd.Series) -> np.ndarray:
    """The value (N,) of each key in `photos`, whose index is unique; "" for a missing key."""
    return np.append(photos.to_numpy(object), "")[photos.index.get_indexer(keys)]  # a missing key has position -1


def _by_stem(wanted: pd.Series, photos: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Paths without the extension, or with another spelling of it: real paths (N,), and whether two photos match."""
    names = photos.index.to_series()
    stems, ends = without_extension(names), names.map(lambda path: usual_extension(extension(path)))
    keys = without_extension(wanted) + wanted.map(lambda path: usual_extension(extension(path).replace(".*", "")))
    plain, spelt = (pd.Series(photos.to_numpy(), index=index.to_numpy()) for index in (stems, stems + ends))
    known = pd.concat([plain, spelt]) if len(photos) else photos
    repeated = known.index[known.index.duplicated()]
    return _looked_up(keys, known[~known.index.duplicated()]), keys.isin(repeated).to_numpy()


OUTSIDE = r"^/|^[A-Za-z]:|\x00|(?:^|/)\.\.(?:/|$)"  # matches paths that are absolute or leave their folder
NOTHING = r"(?:^|(?<=/))\./|(?<=/)/+"  # parts of a path without a meaning: ./ and doubled slashes


@dataclass(frozen=True)
class PhotoRows:
    """One row per photo.

    table: text columns; the index is the row number in `source`, repeated if a row has several photos. images (N,):
    posix paths relative to inputs, "" if they are not known yet. source: the table that was read, None without a table.
    """

    table: pd.DataFrame
    images: pd.Series
    source: SourceTable | None

    def named(self, bad: np.ndarray) -> list[str]:
        """A name for each bad row ((N,) bool) that the user can find: its line in the table, or the photo."""
        if self.source is None:
            return self.images[bad].tolist()
        return self.source.named(self.table.index[bad])

    @property
    def file(self) -> str:
        """The file of the table, or "the photos" without a table."""
        return "the photos" if self.source is None else str(self.source.path)


def find_photos(inputs: Path, path_template: str, source: SourceTable | None, key: str) -> PhotoRows:
    """The photos of each row of the table, or all photos that match the template if there is no table.

    A field that is not a column of the table matches any part of a name. Then a row may have several photos, and the
    field becomes a column. key: the key of the template in competition.toml. Raises InputError if a row has no photo,
    or if a path leaves inputs.
    """
    listing = Listing(inputs)
    if source is None:
        images, values = matching_photos(listing, path_template)
        if images.empty:
            raise no_photo_matches(inputs, path_template, key)
        return PhotoRows(values, images, None)
    if set(path_templates.fields(path_template)) <= set(source.table):
        return _by_template(listing, path_template, source, key)
    return _by_listing(listing, path_template, source, key)


def _by_template(listing: Listing, path_template: str, source: SourceTable, key: str) -> PhotoRows:
    wanted = same_texts(path_templates.fill(path_template, source.table)).str.replace("\\", "/", regex=False)
    wanted = wanted.str.replace(NOTHING, "", regex=True)
    rows = PhotoRows(source.table, wanted, source)
    outside = wanted.str.contains(OUTSIDE, regex=True).to_numpy(bool)
    if outside.any():
        paths = [f"{row}: {path}" for row, path in zip(rows.named(outside), wanted[outside], strict=True)]
        raise InputError(
            f"{len(paths)} path(s) outside of inputs in {source.path}:{listed(paths)}",
            f"{key} gives paths within {listing.inputs}",
            "correct those lines",
        )
    images, twice = resolve_path(listing, wanted)
    if twice.any():
        names = wanted[twice].tolist()
        raise InputError(
            f"{len(names)} row(s) of {source.path} fit two photos:{listed(names)}",
            f'one photo per row, by the extension in {key} = "{path_template}"',
            f"write the extension in {key} in place of .*",
        )
    missing = (images == "").to_numpy()
    if missing.any():
        raise photos_of_rows_not_found(
            listing.inputs, wanted[missing].tolist(), rows.named(missing), len(rows.table), str(source.path), key
        )
    return PhotoRows(source.table, images, source)


def _by_listing(listing: Listing, path_template: str, source: SourceTable, key: str) -> PhotoRows:
    images, values = matching_photos(listing, path_template)
    if images.empty:
        raise no_photo_matches(listing.inputs, path_template, key)
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
    missing = pairs["photo"].isna().to_numpy()
    if missing.any():
        rows = pairs["row"][missing]
        tried = path_templates.fill(
            path_template, source.table.loc[rows].reindex(columns=path_templates.fields(path_template), fill_value="*")
        )
        raise photos_of_rows_not_found(
            listing.inputs, tried.tolist(), source.named(rows), len(source.table), str(source.path), key
        )
    photos = pairs["photo"].astype(int)
    extra = values.drop(columns=shared).loc[photos].set_axis(pairs["row"])
    table = pd.concat([source.table.loc[pairs["row"]], extra], axis=1)
    return PhotoRows(table, images.loc[photos].set_axis(pairs["row"]), source)


def _keys(values: pd.DataFrame, path_template: str) -> pd.DataFrame:
    """The columns to join by, in NFC. The last field loses its extension if the template has no extension."""
    values = values.apply(same_texts)
    last = path_templates.fields(path_template)[-1]
    if not extension(path_template) and path_template.endswith("}") and last in values:
        values[last] = without_extension(values[last])
    return values


def test_photo_template(settings: Settings, inputs: Path, table: pd.DataFrame, id_column: str) -> str:
    """`test_images` if given, else train_images with "test" in place of "train".

    If that folder does not exist, train_images is used as it is.
    table: the test rows. If the template has one field that is not a column of the table, this field is the id. The
    default template leaves out folders that test photos cannot have, such as {label}.
    """
    made = settings.test_images or _default(settings.train_images, inputs, set(table))
    fields = path_templates.fields(made)
    if len(fields) == 1 and fields[0] not in table:
        return made.replace(f"{{{fields[0]}}}", f"{{{id_column}}}")
    return made


def _default(train_images: str, inputs: Path, columns: set[str]) -> str:
    swapped = re.sub(r"(\{[^{}]*\})|train", lambda match: match[1] or "test", train_images)
    swapped = re.sub(r"(\{[^{}]*\})|Train", lambda match: match[1] or "Test", swapped)
    folder = path_templates.literal_folder(swapped)
    made = swapped if folder and Listing(inputs).real(folder) is not None else train_images
    parts = made.split("/")
    only = [part for part in parts[:-1] if "{" in part and not set(path_templates.fields(part)) <= columns]
    return "/".join(part for part in parts if part not in only)
