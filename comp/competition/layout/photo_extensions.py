"""The accepted file extensions of photos. Upper and lower case are the same, and so are .jpg and .jpeg."""

import re

import pandas as pd

EXTENSIONS = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp", ".gif", ".heic", ".avif")
SAME = {".jpeg": ".jpg", ".tiff": ".tif"}  # two spellings of one extension
END = re.compile(rf"(?:{'|'.join(map(re.escape, EXTENSIONS))}|\.\*)$", re.IGNORECASE)


def extension(path: str) -> str:
    """The photo extension at the end of a path or template, as written there (".JPG", ".*" for any); "" for none."""
    found = END.search(path)
    return found[0] if found else ""


def without_extension(paths: pd.Series) -> pd.Series:
    """Paths (N,) without the photo extension at their end."""
    return paths.str.replace(END, "", regex=True)


def usual(end: str) -> str:
    """The usual spelling of an extension: ".jpg" for ".JPEG"."""
    return SAME.get(end.lower(), end.lower())
