"""The photos of the rows of a table: by filling in a template of the path, or by listing the paths that match it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from comp.competition.layout import photo_matching, photos_not_found, template
from comp.competition.layout.photo_extensions import extension, without_extension
from comp.competition.layout.photo_listing import Listing
from comp.competition.layout.source_table import SourceTable
from comp.errors import InputError, listed
from comp.io.unicode_names import same_texts

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


def find(inputs: Path, path_template: str, source: SourceTable | None, key: str) -> PhotoRows:
    """The photos of each row of the table, or all photos that match the template if there is no table.

    A field that is not a column of the table matches any part of a name. Then a row may have several photos, and the
    field becomes a column. key: the key of the template in competition.toml. Raises InputError if a row has no photo,
    or if a path leaves inputs.
    """
    listing = Listing(inputs)
    if source is None:
        images, values = photo_matching.matching(listing, path_template)
        if images.empty:
            raise photos_not_found.none_matches(inputs, path_template, key)
        return PhotoRows(values, images, None)
    if set(template.fields(path_template)) <= set(source.table):
        return _by_template(listing, path_template, source, key)
    return _by_listing(listing, path_template, source, key)


def _by_template(listing: Listing, path_template: str, source: SourceTable, key: str) -> PhotoRows:
    wanted = same_texts(template.fill(path_template, source.table)).str.replace("\\", "/", regex=False)
    wanted = wanted.str.replace(NOTHING, "", regex=True)
    rows = PhotoRows(source.table, wanted, source)
    outside = wanted.str.contains(OUTSIDE, regex=True).to_numpy(bool)
    if outside.any():
        paths = [f"{row}: {path}" for row, path in zip(rows.named(outside), wanted[outside], strict=True)]
        raise InputError(f"{len(paths)} path(s) outside of inputs in {source.path}:{listed(paths)}",
                         f"{key} gives paths within {listing.inputs}", "correct those lines")  # fmt: skip
    images, twice = photo_matching.resolve(listing, wanted)
    if twice.any():
        names = wanted[twice].tolist()
        raise InputError(f"{len(names)} row(s) of {source.path} fit two photos:{listed(names)}",
                         f'one photo per row, by the extension in {key} = "{path_template}"',
                         f"write the extension in {key} in place of .*")  # fmt: skip
    missing = (images == "").to_numpy()
    if missing.any():
        raise photos_not_found.of_rows(listing.inputs, wanted[missing].tolist(), rows.named(missing), len(rows.table),
                                       str(source.path), key)  # fmt: skip
    return PhotoRows(source.table, images, source)


def _by_listing(listing: Listing, path_template: str, source: SourceTable, key: str) -> PhotoRows:
    images, values = photo_matching.matching(listing, path_template)
    if images.empty:
        raise photos_not_found.none_matches(listing.inputs, path_template, key)
    shared = [name for name in values if name in source.table]
    if not shared:
        raise InputError(f'{key} = "{path_template}" has no field that is a column of {source.path}',
                         f"at least one of {', '.join(source.table)}", f"edit {key} in competition.toml")  # fmt: skip
    left = _keys(source.table[shared], path_template).assign(row=source.table.index)
    right = _keys(values[shared], path_template).assign(photo=images.index)
    pairs = left.merge(right, on=shared, how="left")
    missing = pairs["photo"].isna().to_numpy()
    if missing.any():
        rows = pairs["row"][missing]
        tried = template.fill(path_template, source.table.loc[rows].reindex(columns=template.fields(path_template),
                                                                           fill_value="*"))  # fmt: skip
        raise photos_not_found.of_rows(listing.inputs, tried.tolist(), source.named(rows), len(source.table),
                                       str(source.path), key)  # fmt: skip
    photos = pairs["photo"].astype(int)
    extra = values.drop(columns=shared).loc[photos].set_axis(pairs["row"])
    table = pd.concat([source.table.loc[pairs["row"]], extra], axis=1)
    return PhotoRows(table, images.loc[photos].set_axis(pairs["row"]), source)


def _keys(values: pd.DataFrame, path_template: str) -> pd.DataFrame:
    """The columns to join by, in NFC. The last field loses its extension if the template has no extension."""
    values = values.apply(same_texts)
    last = template.fields(path_template)[-1]
    if not extension(path_template) and path_template.endswith("}") and last in values:
        values[last] = without_extension(values[last])
    return values
