"""Define the accepted extensions of photos, and list the photos in the inputs folder.

Extensions in upper and in lower case mean the same, and so do .jpg, .jpeg, .jpe and .jfif, .tif and .tiff, and .heic
and .heif. A listing reads each folder only once, so that 220,000 photos are listed in a second instead of minutes.
`walk` goes through a folder and all its subfolders. `not_read` says which files look like photos but are not read.
"""

import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import pandas as pd

from comp.errors import InputError, listed, quoted
from comp.text import same_text

EXTENSIONS = (
    *(".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp", ".gif", ".heic", ".avif"),
    *(".jpe", ".jfif", ".heif", ".jp2", ".ppm", ".pgm"),
)
# from another spelling of an extension to the usual spelling
SAME = {".jpeg": ".jpg", ".jpe": ".jpg", ".jfif": ".jpg", ".tiff": ".tif", ".heif": ".heic"}
END = re.compile(rf"(?:{'|'.join(map(re.escape, EXTENSIONS))}|\.\*)\Z", re.IGNORECASE)
BEGIN = re.compile(rb"\xff\xd8\xff|\x89PNG|GIF8|RIFF....WEBP|II\*\0|MM\0\*", re.DOTALL)  # first bytes of photos
LOOKED_INTO = 100  # of the files with an unknown extension, those of at most this many extensions are looked into
CONVERT = "convert them to PNG"
LIKE_PHOTOS = {  # the extension of files that may hold pictures but are not read, the content, and what the user can do
    ".npy": ("arrays of numpy", CONVERT),
    ".npz": ("arrays of numpy", CONVERT),
    ".bson": ("BSON", CONVERT),
    ".dcm": ("DICOM", f"{CONVERT}, for example with pydicom"),
    ".dicom": ("DICOM", f"{CONVERT}, for example with pydicom"),
    ".nii": ("volumes", f"{CONVERT}, one for each slice"),
    ".nii.gz": ("volumes", f"{CONVERT}, one for each slice"),
    ".mha": ("volumes", f"{CONVERT}, one for each slice"),
    ".h5": ("HDF5", CONVERT),
    ".hdf5": ("HDF5", CONVERT),
    ".tfrec": ("TFRecord", CONVERT),
    ".tfrecord": ("TFRecord", CONVERT),
    ".mp4": ("video", "save their frames as photos, for example with ffmpeg"),
    ".avi": ("video", "save their frames as photos, for example with ffmpeg"),
    ".mov": ("video", "save their frames as photos, for example with ffmpeg"),
    ".jxl": ("JPEG XL", f"{CONVERT}, for example with djxl"),
    ".j2k": ("JPEG 2000", "rename them so that they end in .jp2"),
    ".jpf": ("JPEG 2000", "rename them so that they end in .jp2"),
    ".jpx": ("JPEG 2000", "rename them so that they end in .jp2"),
    ".tga": ("Targa", CONVERT),
    ".dib": ("bitmaps", "rename them so that they end in .bmp"),
    ".apng": ("PNG with several frames", "rename them so that they end in .png"),
    ".exr": ("OpenEXR", CONVERT),
    ".hdr": ("high dynamic range", CONVERT),
    ".psd": ("Photoshop", CONVERT),
    ".svg": ("vector graphics", CONVERT),
    ".ico": ("icons", CONVERT),
    ".pdf": ("PDF", f"{CONVERT}, for example with pdftoppm"),
    **dict.fromkeys(
        (".dng", ".cr2", ".cr3", ".nef", ".arw", ".raf", ".orf", ".rw2", ".raw"),
        ("raw data of a camera", f"{CONVERT}, for example with rawpy"),
    ),
    **dict.fromkeys(
        (".crdownload", ".part", ".partial", ".download", ".tmp"),
        ("downloads that did not finish", "download them again"),
    ),
}


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


# ---- names that are not UTF-8, and files that are not read


def is_utf8(name: str) -> bool:
    """Return whether a file name from the disk is valid UTF-8. Archives from Windows may have other names."""
    return name.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in name)


def shown_name(name: str) -> str:
    """Return a file name from the disk as text that can be printed. Bytes that are not UTF-8 are shown as \\xe9."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def rename_advice(inputs: Path) -> str:
    """Return what the user can do if names in the folder `inputs` are not UTF-8."""
    return (
        f"convmv -r --notest -f <their encoding, such as cp1252, cp949 or gbk> -t utf-8 {quoted(inputs)}, "
        "or unpack the archive again with unzip -O <their encoding>"
    )


def not_utf8(inputs: Path, paths: Iterable[str]) -> InputError:
    """Return the InputError for files and folders whose names are not UTF-8. paths: their paths, as on the disk."""
    names = [shown_name(path) for path in paths]
    return InputError(
        f"{len(names)} file or folder name(s) in {inputs} are not UTF-8:{listed(names)}",
        "names in UTF-8, because other names cannot be written to tables; the archive may come from Windows",
        rename_advice(inputs),
    )


def not_read(inputs: Path, paths: Iterable[str]) -> list[str]:
    """Return texts that say which files look like photos but are not read as photos, and what the user can do.

    Files of other types are left out. paths: files without a photo extension, relative to `inputs`.
    """
    known, unknown = Counter(), defaultdict(list)
    for path in paths:
        end = ".nii.gz" if path.lower().endswith(".nii.gz") else os.path.splitext(path)[1].lower()
        if end in LIKE_PHOTOS:
            known[end] += 1
        else:
            unknown[end].append(path)
    texts = [
        f"{count:,} file(s) of type {end} ({LIKE_PHOTOS[end][0]}) are not read as photos; {LIKE_PHOTOS[end][1]}"
        for end, count in sorted(known.items())
    ]
    groups = sorted(unknown.values(), key=len, reverse=True)[:LOOKED_INTO]
    odd = sorted(path for group in groups for path in _like_photos(inputs, group))
    if odd:
        found = f"{len(odd):,} file(s) without a photo extension, such as {shown_name(odd[0])}, begin like photos"
        texts.append(f"{found} but are not read; rename them so that they end in .jpg, .png or the like")
    return texts


def _like_photos(inputs: Path, paths: list[str]) -> list[str]:
    """Return the files that begin like photos. Of many files, only about ten are looked into, and stand for all."""
    some = paths[:: 1 + len(paths) // 10]
    like = [path for path in some if _begins_like_photo(inputs / path)]
    return paths if like and len(some) < len(paths) else like


def _begins_like_photo(path: Path) -> bool:
    try:
        with open(path, "rb") as file:
            return bool(BEGIN.match(file.read(12)))
    except OSError:
        return False


# ---- all folders


def walk(inputs: Path, most_folders: int | None = None, skip=lambda folder: False) -> Iterator[tuple[str, list[str]]]:
    """Yield the path of `inputs` ("") and of each folder in it, with the names of its files, sorted.

    Links to folders are followed, but each real folder is yielded once, and under its own path if that is in `inputs`.
    A link to a folder that contains `inputs` is left out. Names that begin with "." or "__" are left out too.
    most_folders: the largest number of folders in a path, or None for any number; skip: a function that tells whether
    the folder at a path is left out, with all that is in it. The paths that are yielded are relative to `inputs`.
    """
    seen, waiting, links = set(), [""], []
    while waiting or links:
        folder = waiting.pop() if waiting else links.pop(0)
        place = os.path.join(inputs, folder)
        real = os.path.realpath(place)
        if real in seen or (folder and contains(real, inputs)):
            continue
        seen.add(real)
        inside, linked, files = _entries_of(place)
        yield folder, files
        if most_folders is None or folder.count("/") + bool(folder) < most_folders:
            paths = [[joined(folder, name) for name in names] for names in (inside, linked)]
            kept = [[path for path in part if not skip(Path(inputs, path))] for part in paths]
            waiting += reversed(kept[0])
            links = sorted(links + kept[1], key=lambda path: (path.count("/"), path))


def contains(folder: str, inputs: Path) -> bool:
    """Return whether the real path `folder` is the folder `inputs` or one of the folders above it."""
    return f"{os.path.realpath(inputs)}/".startswith(f"{folder.rstrip('/')}/")


def _entries_of(folder: str) -> tuple[list[str], list[str], list[str]]:
    """Return the names of the folders, of the links to folders, and of the other entries in a folder, each sorted."""
    inside, linked, files = [], [], []
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.name.startswith("."):
                continue
            if not entry.is_dir():
                files.append(entry.name)
            elif not entry.name.startswith("__"):
                (linked if entry.is_symlink() else inside).append(entry.name)
    return inside, linked, files


# ---- single folders


class Listing:
    """The folders and photos in the inputs folder. Each folder is read once, when it is first needed.

    A name on the disk may be in another Unicode form than in a table. The listing therefore has each name in two forms:
    in the Unicode form NFC, and as spelt on the disk. Names that begin with "." and files without a photo extension are
    left out. So are names that are not UTF-8; the attribute `not_utf8` has the paths of these folders and photos. The
    attribute `others` has the paths of the files without a photo extension.
    """

    def __init__(self, inputs: Path):
        self.inputs = Path(inputs)
        self.not_utf8: list[str] = []
        self.others: list[str] = []
        self._read: dict[str, tuple[dict[str, str], dict[str, str]]] = {}

    def check_names(self) -> None:
        """Raise InputError if a folder that was read has photos or folders whose names are not UTF-8."""
        if self.not_utf8:
            raise not_utf8(self.inputs, self.not_utf8)

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

        folder: the path of the folder in the Unicode form NFC. Both paths are relative to the inputs folder. If no
        folder has this name, the only one whose name differs just in upper and lower case, or in blanks at its ends, is
        taken.
        """
        if (self.inputs / folder).is_dir():
            return folder
        parent, _, name = folder.rpartition("/")
        above = self.real(parent) if parent else ""
        known = {} if above is None else self.folders(above)
        alike = [name] if name in known else [n for n in known if n.strip().lower() == name.strip().lower()]
        return joined(above, known[alike[0]]) if len(alike) == 1 else None

    def _entries(self, folder: str) -> tuple[dict[str, str], dict[str, str]]:
        if folder not in self._read:
            folders, photos, others = _scan(self.inputs / folder, self.inputs)
            for names in (folders, photos):
                self.not_utf8 += [joined(folder, names.pop(name)) for name in list(names) if not is_utf8(name)]
            self.others += [joined(folder, name) for name in others]
            self._read[folder] = folders, photos
        return self._read[folder]


def _scan(folder: Path, inputs: Path) -> tuple[dict[str, str], dict[str, str], list[str]]:
    """Return the folders and the photos in `folder`, as two dictionaries, and a list of the names of all other files.

    Each dictionary is from the names in the Unicode form NFC to the names on the disk. Links to folders that contain
    `inputs` are left out. All are empty if `folder` does not exist.
    """
    folders, photos, others = {}, {}, []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir():
                    if not (entry.is_symlink() and contains(os.path.realpath(entry.path), inputs)):
                        folders[same_text(entry.name)] = entry.name
                elif END.search(entry.name):
                    photos[same_text(entry.name)] = entry.name
                else:
                    others.append(entry.name)
    except (FileNotFoundError, NotADirectoryError):
        pass
    return dict(sorted(folders.items())), dict(sorted(photos.items())), others


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
