"""Which photos lie below the inputs folder. Each folder is listed once: 220,000 photos take a second, not minutes."""

import os
import re
from pathlib import Path

import numpy as np
import pandas as pd

from comp.competition import template
from comp.competition.template import same_text

EXTENSIONS = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp", ".gif", ".heic", ".avif")
SAME = {".jpeg": ".jpg", ".tiff": ".tif"}  # two spellings of one extension
END = re.compile(rf"(?:{'|'.join(map(re.escape, EXTENSIONS))}|\.\*)$", re.IGNORECASE)


def extension(path: str) -> str:
    """The photo extension at the end of a path or template (".jpg", ".*" for any), as it is written; "" for none."""
    found = END.search(path)
    return found[0] if found else ""


def without_extension(paths: pd.Series) -> pd.Series:
    """Paths (N,) without the photo extension at their end."""
    return paths.str.replace(END, "", regex=True)


class Listing:
    """The folders and photos below `inputs`, by their names in Unicode NFC; read when they are asked for.

    Names that begin with "." (junk of file managers) and files of no photo extension are left out.
    """

    def __init__(self, inputs: Path):
        self.inputs = Path(inputs)
        self._read: dict[str, tuple[dict[str, str], dict[str, str]]] = {}

    def folders(self, folder: str) -> dict[str, str]:
        """Name to real name of the folders in a folder (its real path, relative to inputs)."""
        return self._entries(folder)[0]

    def photos(self, folder: str) -> dict[str, str]:
        """Name to real name of the photos in a folder (its real path, relative to inputs)."""
        return self._entries(folder)[1]

    def real(self, folder: str) -> str | None:
        """The real path of a folder (its path in NFC, relative to inputs); None where it is not there."""
        if (self.inputs / folder).is_dir():
            return folder
        parent, _, name = folder.rpartition("/")
        above = self.real(parent) if parent else ""
        found = None if above is None else self.folders(above).get(name)
        return None if found is None else joined(above, found)

    def _entries(self, folder: str) -> tuple[dict[str, str], dict[str, str]]:
        if folder not in self._read:
            self._read[folder] = _scan(self.inputs / folder)
        return self._read[folder]


def _scan(folder: Path) -> tuple[dict[str, str], dict[str, str]]:
    folders, photos = {}, {}
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir():
                    folders[same_text(entry.name)] = entry.name
                elif END.search(entry.name):
                    photos[same_text(entry.name)] = entry.name
    except (FileNotFoundError, NotADirectoryError):
        pass
    return dict(sorted(folders.items())), dict(sorted(photos.items()))


def joined(folder: str, name: str) -> str:
    """A relative path; the folder may be "", for inputs itself."""
    return f"{folder}/{name}" if folder else name


def in_folders(listing: Listing, folders: list[str]) -> pd.Series:
    """The real paths of all photos in some folders, under their paths in NFC (index); folders in NFC."""
    names, paths = [], []
    for folder in folders:
        real = listing.real(folder)
        for name, real_name in ({} if real is None else listing.photos(real)).items():
            names.append(joined(folder, name))
            paths.append(joined(real, real_name))
    return pd.Series(paths, index=pd.Index(names, dtype=str), dtype=str)


def matching(listing: Listing, path_template: str) -> tuple[pd.Series, pd.DataFrame]:
    """All photos whose path the template can be: real paths (N,) and one text column for each field of the template.

    A template that ends in a field and has no extension takes the extension into that field.
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
    values = photos.index.to_series().str.extract(f"^(){_pattern(path_template)}$").set_axis(["", *names], axis=1)
    fit = values[""].notna().to_numpy()
    return photos[fit].reset_index(drop=True), values.loc[fit, names].astype(str).reset_index(drop=True)


def _pattern(path_template: str) -> str:
    end = extension(path_template)
    stem = template.pattern(same_text(path_template.removesuffix(end)))
    if not end:
        return stem if path_template.endswith("}") else f"{stem}(?i:{'|'.join(map(re.escape, EXTENSIONS))})"
    same = [other for other in EXTENSIONS if end == ".*" or usual(other) == usual(end.lower())]
    return f"{stem}(?i:{'|'.join(map(re.escape, same))})"


def usual(end: str) -> str:
    """One spelling of an extension: ".jpg" of ".JPEG"."""
    return SAME.get(end.lower(), end.lower())


def resolve(listing: Listing, wanted: pd.Series) -> tuple[pd.Series, pd.Series]:
    """The real path (N,) of each wanted one, "" where there is no photo; and which (N,) fit two photos.

    wanted: paths in NFC whose extension may be missing, ".*", in another case, or there twice (as in a template's end
    and in the id).
    """
    folders = wanted.str.rpartition("/")[0].unique().tolist()
    photos = in_folders(listing, folders)
    found = wanted.map(photos)
    open_rows = found.isna().to_numpy()
    twice = pd.Series(np.zeros(len(wanted), bool), index=wanted.index)
    if open_rows.any():
        rest = wanted[open_rows]
        other, several = _by_stem(rest, photos)
        found[open_rows], twice[open_rows] = other.fillna(without_extension(rest).map(photos)), several
    return found.fillna(""), twice


def _by_stem(wanted: pd.Series, photos: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Paths without the extension or with another spelling of it: real paths (N,), and which fit two photos."""
    ends = wanted.map(extension).replace(".*", "")
    stems = without_extension(photos.index.to_series())
    plain = pd.Series(photos.to_numpy(), index=stems.to_numpy())
    ends_there = photos.index.map(lambda path: usual(extension(path)))
    spelt = pd.Series(photos.to_numpy(), index=(stems + ends_there).to_numpy())
    keys = without_extension(wanted) + ends.map(usual)
    table = pd.concat([plain, spelt])
    repeated = table.index.duplicated(keep=False)
    return keys.map(table[~table.index.duplicated()]), keys.isin(table.index[repeated])
