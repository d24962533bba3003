"""The accepted extensions of photos, and a listing of the photos in the inputs folder.

Extensions in upper and in lower case are equal, and so are .jpg and .jpeg. A listing reads each folder only once, so
that 220,000 photos take a second instead of minutes.
"""

import os
import re
from pathlib import Path

import pandas as pd

from comp.text import same_text

EXTENSIONS = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp", ".gif", ".heic", ".avif")
SAME = {".jpeg": ".jpg", ".tiff": ".tif"}  # another spelling of an extension: the usual spelling
END = re.compile(rf"(?:{'|'.join(map(re.escape, EXTENSIONS))}|\.\*)$", re.IGNORECASE)


def extension(path: str) -> str:
    """Return the photo extension at the end of a path or template, such as ".JPG" or (any extension) ".*", or ""."""
    match = END.search(path)
    return match[0] if match else ""


def without_extension(paths: pd.Series) -> pd.Series:
    """Return paths (N,) without the photo extension at the end."""
    return paths.str.replace(END, "", regex=True)


def usual_extension(end: str) -> str:
    """Return the usual spelling of an extension in lower case, such as ".jpg" for ".JPEG"."""
    return SAME.get(end.lower(), end.lower())


class Listing:
    """A listing of the folders and photos below `inputs`. A folder is read when its listing is first needed.

    The listing has each name in Unicode NFC and as it is on the disk (the real name). Names that begin with "." (from
    file managers) and files without a photo extension are left out.
    """

    def __init__(self, inputs: Path):
        self.inputs = Path(inputs)
        self._read: dict[str, tuple[dict[str, str], dict[str, str]]] = {}

    def folders(self, folder: str) -> dict[str, str]:
        """Return the real names of the folders in `folder` by their names in NFC. folder: a real path below inputs."""
        return self._entries(folder)[0]

    def photos(self, folder: str) -> dict[str, str]:
        """Return the real names of the photos in `folder` by their names in NFC. folder: a real path below inputs."""
        return self._entries(folder)[1]

    def real(self, folder: str) -> str | None:
        """Return the real path of a folder, or None if it does not exist. folder: its path in NFC, relative to inputs.

        Both paths are relative to inputs.
        """
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
    """Return the real names of the folders and of the photos in one folder, each by their names in NFC.

    Both dictionaries are empty if the folder does not exist.
    """
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
    """Return the path of `name` in `folder`. Both paths are relative to inputs/; a folder "" is inputs/ itself."""
    return f"{folder}/{name}" if folder else name


def in_folders(listing: Listing, folders: list[str]) -> pd.Series:
    """Return the real paths of all photos in `folders`, indexed by the photos' paths in NFC. folders: paths in NFC."""
    names, paths = [], []
    for folder in folders:
        real = listing.real(folder)
        for name, real_name in ({} if real is None else listing.photos(real)).items():
            names.append(joined(folder, name))
            paths.append(joined(real, real_name))
    return pd.Series(paths, index=pd.Index(names, dtype=str), dtype=str)
