"""Find the photos for a template or a path, even if the extension is missing or the Unicode form differs."""

import re

import numpy as np
import pandas as pd

from comp.competition.layout import template
from comp.competition.layout.photo_extensions import EXTENSIONS, extension, usual, without_extension
from comp.competition.layout.photo_listing import Listing, in_folders, joined
from comp.io.unicode_names import same_text


def matching(listing: Listing, path_template: str) -> tuple[pd.Series, pd.DataFrame]:
    """All photos whose paths match the template: real paths (N,), and a text column for each field of the template.

    If a template ends in a field and has no extension, that field includes the extension.
    """
    folders = [("", "")]  # path in NFC, real path
    for part in path_template.split("/")[:-1]:
        expression = re.compile(template.pattern(same_text(part)))
        folders = [
            (joined(folder, name), joined(real, real_name))
            for folder, real in folders
            for name, real_name in listing.folders(real).items()
            if expression.fullmatch(name)
        ]
    photos = in_folders(listing, [folder for folder, _ in folders])
    names = template.fields(path_template)
    values = photos.index.to_series().str.extract(f"^{_pattern(path_template)}()$").set_axis([*names, ""], axis=1)
    fit = values[""].notna().to_numpy()
    return photos[fit].reset_index(drop=True), values.loc[fit, names].astype(str).reset_index(drop=True)


def _pattern(path_template: str) -> str:
    end = extension(path_template)
    stem = template.pattern(same_text(path_template.removesuffix(end)))
    if not end:
        return stem if path_template.endswith("}") else f"{stem}(?i:{'|'.join(map(re.escape, EXTENSIONS))})"
    same = [other for other in EXTENSIONS if end == ".*" or usual(other) == usual(end.lower())]
    return f"{stem}(?i:{'|'.join(map(re.escape, same))})"


def resolve(listing: Listing, wanted: pd.Series) -> tuple[pd.Series, np.ndarray]:
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
    stems, ends = without_extension(names), names.map(lambda path: usual(extension(path)))
    keys = without_extension(wanted) + wanted.map(lambda path: usual(extension(path).replace(".*", "")))
    plain, spelt = (pd.Series(photos.to_numpy(), index=index.to_numpy()) for index in (stems, stems + ends))
    known = pd.concat([plain, spelt]) if len(photos) else photos
    repeated = known.index[known.index.duplicated()]
    return _looked_up(keys, known[~known.index.duplicated()]), keys.isin(repeated).to_numpy()
