"""The kind of a file by its first bytes, for files that are not photos although their name says so."""

from collections.abc import Mapping

DAMAGED = "a damaged or incomplete {}"
ADVICE = {
    "a Git LFS pointer, not the photo itself": "git lfs pull",
    "a git-annex pointer, not the photo itself": "git annex get .",
    "a HEIC photo": ".venv/bin/pip install pillow-heif",
    "an AVIF photo": ".venv/bin/pip install --upgrade pillow",
    "a JPEG XL photo": "convert it to PNG, for example with djxl",
    "a TIFF of a kind that PIL does not read, or a damaged one": "save it as PNG of 8 or 16 bits",
    "a Photoshop file": "save it as PNG",
    "a web page (HTML)": "download it again, signed in",
    "a JSON text": "download it again: it may hold an error message",
    "a DICOM file": "convert it to PNG, for example with pydicom",
    "an array of numpy": "save it as PNG",
    "a zip archive": "unzip it",
    "a 7z archive": "7z x it",
    "a gzip archive": "rename it to .gz, then gunzip it",
    "a bzip2 archive": "rename it to .bz2, then bunzip2 it",
    "an xz archive": "rename it to .xz, then unxz it",
    "a tar archive": "tar -xf it",
    "what a Mac keeps beside a file": "delete it; the photo has the same name without ._",
    "nothing but zero bytes": "copy or download it again",
}
FIRST_BYTES = {
    b"version https://git-lfs": "a Git LFS pointer, not the photo itself",
    b"/annex/objects/": "a git-annex pointer, not the photo itself",
    b"../.git/annex/": "a git-annex pointer, not the photo itself",
    b"PK\x03\x04": "a zip archive",
    b"PK\x05\x06": "a zip archive",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"\x1f\x8b": "a gzip archive",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ": "an xz archive",
    b"Rar!": "a RAR archive",
    b"%PDF": "a PDF document",
    b"%!PS": "a PostScript document",
    b"8BPS": "a Photoshop file",
    b"\xff\x0a": "a JPEG XL photo",
    b"\0\0\0\x0cJXL ": "a JPEG XL photo",
    b"\x93NUMPY": "an array of numpy",
    b"\x89HDF": "an HDF5 file",
    b"PAR1": "a Parquet table",
    b"\0\x05\x16\x07": "what a Mac keeps beside a file",
    b"\xff\xd8\xff": DAMAGED.format("JPEG"),
    b"\x89PNG": DAMAGED.format("PNG"),
    b"GIF8": DAMAGED.format("GIF"),
    b"RIFF": DAMAGED.format("WebP or other RIFF file"),
    b"II*\0": "a TIFF of a kind that PIL does not read, or a damaged one",
    b"MM\0*": "a TIFF of a kind that PIL does not read, or a damaged one",
}
HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")


def is_heic(data: bytes) -> bool:
    """Whether the bytes begin like a HEIC photo, with any file name."""
    return data[4:8] == b"ftyp" and not _is_avif(data) and data[8:12] in HEIC_BRANDS


def described(data: bytes, readable: Mapping[str, bool]) -> str:
    """The kind of file in words, with advice in brackets if there is any.

    readable: whether HEIC and AVIF photos can be read here; if so, one that could not be read is damaged.
    """
    what = _kind(data)
    damaged = [kind for kind, is_read in readable.items() if is_read and what.endswith(f" {kind} photo")]
    if damaged:
        return DAMAGED.format(damaged[0])
    return f"{what} ({ADVICE[what]})" if what in ADVICE else what


def _kind(data: bytes) -> str:
    if not data:
        return "an empty file (0 bytes)"
    if not data.strip(b"\0"):
        return "nothing but zero bytes"
    if data[4:8] == b"ftyp":
        return "an AVIF photo" if _is_avif(data) else "a HEIC photo" if is_heic(data) else "a video or similar"
    if data[128:132] == b"DICM":
        return "a DICOM file"
    if data[257:262] == b"ustar":
        return "a tar archive"
    known = [what for start, what in FIRST_BYTES.items() if data.startswith(start)]
    return known[0] if known else _kind_of_text(data)


def _kind_of_text(data: bytes) -> str:
    start = data[:200].removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.lower().startswith((b"<!doctype html", b"<html", b"<head", b"<!--", b"<body", b"<script")):
        return "a web page (HTML)"
    if start.startswith((b"<?xml", b"<svg")):
        return "XML or SVG, not a picture of pixels"
    if start.startswith((b"{", b"[")):
        return "a JSON text"
    if start.isascii() and all(byte >= 32 or byte in b"\t\r\n" for byte in start):
        return f"text that begins with {start[:40].decode()!r}"
    return f"not an image that PIL knows; its first bytes are {data[:8].hex(' ')}"


def _is_avif(data: bytes) -> bool:
    """Whether AVIF is in the list of brands; the first brand may be a general one that HEIC has too."""
    return data[4:8] == b"ftyp" and (b"avif" in data[8:32] or b"avis" in data[8:32])
