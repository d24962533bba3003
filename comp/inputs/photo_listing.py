"""Define the accepted extensions of photos, and list the photos in the inputs folder.

Extensions in upper and in lower case mean the same, and so do .jpg and .jpeg, and .tif and .tiff. A listing reads each
folder only once, so that 220,000 photos are listed in a second instead of minutes.
"""

import os
import re
from pathlib import Path

import pandas as pd

from comp.text import same_text

EXTENSIONS = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp", ".gif", ".heic", ".avif")
SAME = {".jpeg": ".jpg", ".tiff": ".tif"}  # from another spelling of an extension to the usual spelling
END = re.compile(rf"(?:{'|'.join(map(re.escape, EXTENSIONS))}|\.\*)$", re.IGNORECASE)


def extension(path: str) -> str:
    """Return the photo extension at the end of a path or template, such as ".JPG", or "" if there is none.

    The result may be ".*", which stands for any extension in a template such as train/{id}.*.
    """
    match = END.search(path)
    return match[0] if match else ""


def without_extension(paths: pd.Series) -> pd.Series:
    """Return the paths (N,) without the photo extension at the end of each path."""
    return paths.str.replace(END, "", regex=True)


def usual_extension(end: str) -> str:
    """Return the usual spelling of a photo extension in lower case, such as ".jpg" for ".JPEG"."""
    return SAME.get(end.lower(), end.lower())


class Listing:
    """The folders and photos in the inputs folder. Each folder is read once, when it is first needed.

    A name on the disk may be in another Unicode form than in a table. The listing therefore has each name in two forms:
    in the Unicode form NFC, and as spelt on the disk. Names that begin with "." and files without a photo extension are
    left out.
    """

    def __init__(self, inputs: Path):
        self.inputs = Path(inputs)
        self._read: dict[str, tuple[dict[str, str], dict[str, str]]] = {}

    def folders(self, folder: str) -> dict[str, str]:
        """Return the folders in `folder`: a dictionary from the name in the Unicode form NFC to the name on the disk.

        folder: the path of a folder as spelt on the disk, relative to the inputs folder.
        """
        return self._entries(folder)[0]

    def photos(self, folder: str) -> dict[str, str]:
        """Return the photos in `folder`: a dictionary from the name in the Unicode form NFC to the name on the disk.

        folder: the path of a folder as spelt on the disk, relative to the inputs folder.
        """
        return self._entries(folder)[1]

    def real(self, folder: str) -> str | None:
        """Return the path of a folder as spelt on the disk, or None if the folder does not exist.

        folder: the path of the folder in the Unicode form NFC. Both paths are relative to the inputs folder.
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
    """Return the folders and the photos in `folder`, as two dictionaries.

    Each is from the names in the Unicode form NFC to the names on the disk. Both are empty if `folder` does not exist.
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
    """Return the path of the file or folder `name` in `folder`.

    folder: a path relative to the inputs folder, or "" for the inputs folder itself. The result is relative to it too.
    """
    return f"{folder}/{name}" if folder else name


def in_folders(listing: Listing, folders: list[str]) -> pd.Series:
    """Return the paths of all photos in `folders` as spelt on the disk, indexed by their paths in the Unicode form NFC.

    folders: paths in the Unicode form NFC; folders that do not exist are skipped. All paths are relative to the inputs
    folder.
    """
    names, paths = [], []
    for folder in folders:
        real = listing.real(folder)
        for name, real_name in ({} if real is None else listing.photos(real)).items():
            names.append(joined(folder, name))
            paths.append(joined(real, real_name))
    return pd.Series(paths, index=pd.Index(names, dtype=str), dtype=str)
