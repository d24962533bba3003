"""Which files are photos, and where they are: the accepted extensions, and a listing of the inputs folder.

Upper and lower case of an extension mean the same, and so do .jpg and .jpeg. A listing reads each folder only once:
220,000 photos take a second, not minutes.
"""

import os
import re
from pathlib import Path

import pandas as pd

from comp.text import same_text

EXTENSIONS = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp", ".gif", ".heic", ".avif")
SAME = {".jpeg": ".jpg", ".tiff": ".tif"}  # two spellings of one extension
END = re.compile(rf"(?:{'|'.join(map(re.escape, EXTENSIONS))}|\.\*)$", re.IGNORECASE)


def extension(path: str) -> str:
    """The photo extension at the end of a path or template, as written there (".JPG", ".*" for any); "" for none."""
    match = END.search(path)
    return match[0] if match else ""


def without_extension(paths: pd.Series) -> pd.Series:
    """Paths (N,) without the photo extension at their end."""
    return paths.str.replace(END, "", regex=True)


def usual_extension(end: str) -> str:
    """The usual spelling of an extension, in lower case: ".jpg" for ".JPEG"."""
    return SAME.get(end.lower(), end.lower())


class Listing:
    """The folders and photos below `inputs`, by their names in Unicode NFC. A folder is read when it is first needed.

    Names that begin with "." (from file managers) and files without a photo extension are left out.
    """

    def __init__(self, inputs: Path):
        self.inputs = Path(inputs)
        self._read: dict[str, tuple[dict[str, str], dict[str, str]]] = {}

    def folders(self, folder: str) -> dict[str, str]:
        """Name in NFC to real name of the folders in `folder`, a real path relative to inputs."""
        return self._entries(folder)[0]

    def photos(self, folder: str) -> dict[str, str]:
        """Name in NFC to real name of the photos in `folder`, a real path relative to inputs."""
        return self._entries(folder)[1]

    def real(self, folder: str) -> str | None:
        """The real path of a folder that is given by its path in NFC, relative to inputs; None if it does not exist."""
        if (self.inputs / folder).is_dir():
            return folder
        parent, _, name = folder.rpartition("/")
        above = self.real(parent) if parent else ""
        real_name = None if above is None else self.folders(above).get(name)
        return None if real_name is None else joined(above, real_name)

    def _entries(self, folder: str) -> tuple[dict[str, str], dict[str, str]]:
        if folder not in self._read:
            self._read[folder] = _scan(self.inputs / folder)
        return self._read[folder]


def _scan(folder: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Name in NFC to real name of the folders, and of the photos, in one folder; empty if there is no such folder."""
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
    """The real paths of all photos in some folders; the index has their paths in NFC. folders: paths in NFC."""
    names, paths = [], []
    for folder in folders:
        real = listing.real(folder)
        for name, real_name in ({} if real is None else listing.photos(real)).items():
            names.append(joined(folder, name))
            paths.append(joined(real, real_name))
    return pd.Series(paths, index=pd.Index(names, dtype=str), dtype=str)
