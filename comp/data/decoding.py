"""Decode image files to RGB pixels, or say why a file cannot be read. This module does not import torch.

1. `read_bytes` reads a file.
2. `decode` returns the pixels of an image file, turned upright. `header` returns the format and the size of the image.
3. `check_parts` finds damaged PNG files. `pixels_only` removes metadata, which is often damaged or huge, from PNG and
   JPEG files.
4. `upright` turns an image by its EXIF orientation, even if other EXIF tags are broken.
5. `kind_of_file` says of a file that is not a readable photo what it is, such as a web page or a zip archive. The first
   bytes of the file show this.

The table shows the RGB pixels that each kind of file gets. In the table, v is the value of a pixel in the file:

| kind of file                       | RGB pixels                                                                     |
|------------------------------------|--------------------------------------------------------------------------------|
| colour, grey, 1 bit, CMYK, palette | as PIL converts them to RGB                                                    |
| alpha, transparent palette colours | put on a white background; an alpha channel that is opaque everywhere or       |
|                                    | transparent everywhere is ignored                                              |
| 16-bit grey, 32-bit whole numbers  | v >> 8, or v >> 4 if no value is above 4095 (cameras and scanners often write  |
|                                    | 12 bits); contrast is not stretched; a file with values outside of 0 … 65535   |
|                                    | is refused                                                                     |
| 16-bit colour                      | v >> 8                                                                         |
| floats                             | 255 v; a file with values outside of 0 … 1 is refused                          |
| several frames or pages            | the pixels of the first frame or page                                          |

PIL decodes the files. OpenCV is not used, because it returns grey pixels for a truncated JPEG and raises no error. HEIC
photos can be read if the package pillow-heif is installed (the extra `heic`).
The functions of points 3 to 5 are written here, because PIL refuses photos with damaged metadata, accepts wrong
checksums in a PNG, ignores the orientation if another EXIF tag is broken, and says of a file that is no image only that
it cannot identify the file.
"""

import functools
import io
import os
import stat
import struct
import warnings
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError, features

# ---- read


def read_bytes(path: Path) -> bytes:
    """Return the bytes of the file at `path`.

    Raises ValueError if there is no file at `path` or if it cannot be opened. The text of the error says why, such as
    "no such file".
    """
    try:
        mode = os.stat(path).st_mode
        if stat.S_ISREG(mode):
            return Path(path).read_bytes()
    except FileNotFoundError:
        raise ValueError("a broken symbolic link" if os.path.islink(path) else "no such file") from None
    except (OSError, ValueError) as error:  # a name with a NUL byte is a ValueError
        raise ValueError(getattr(error, "strerror", None) or str(error)) from None
    raise ValueError("a folder, not a file" if stat.S_ISDIR(mode) else "a pipe, socket or device, not a file")


# ---- decode

Image.MAX_IMAGE_PIXELS = 100_000_000  # a file with more pixels is refused as a decompression bomb
warnings.filterwarnings("ignore", module=r"PIL\.")  # PIL's warnings are about odd tags and do not name the photo
LARGE = 4_000_000  # a JPEG with more pixels may be decoded at a fraction of its size
# PIL knows many more formats, some of which start other programs, such as Ghostscript
FORMATS = ("AVIF", "BMP", "DIB", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TGA", "TIFF", "WEBP")
BITS, MEANING, PLANES, NUMBERS = 258, 262, 284, 339  # the numbers of TIFF tags


def decode(data: bytes, enough: int = 0) -> np.ndarray:
    """Decode the bytes of an image file to RGB pixels (H, W, 3) uint8, turned upright.

    The docstring of this module has a table of how each kind of file becomes RGB pixels.
    enough: with 0, every photo is decoded at full size. With another number, a JPEG of more than LARGE pixels is
    decoded at 1/2, 1/4 or 1/8 of its size, as long as each side keeps at least `enough` pixels. This takes a third of
    the time and changes the pixels slightly.
    Raises ValueError if the bytes are not a whole picture. The text of the error says what is wrong, or what kind of
    file the bytes are.
    """
    try:
        return _pixels(data, enough)
    except Exception as error:  # damaged or malicious bytes make decoders raise a dozen types of errors
        plain = pixels_only(data)
        if plain != data:
            try:
                return _pixels(plain, enough)
            except Exception:  # the metadata was not the cause, and the first error says more
                pass
        raise ValueError(_problem(data, error)) from None


def header(data: bytes) -> tuple[str, int, int]:
    """Return the file format as PIL names it, and the image's width and height before it is turned upright.

    data: the bytes of an image file.
    """
    try:
        image = _opened(data)
    except Exception:  # damaged metadata may be the cause, as in `decode`
        image = _opened(pixels_only(data))
    with image:
        return image.format, image.width, image.height


def _pixels(data: bytes, enough: int) -> np.ndarray:
    check_parts(data)
    with _opened(data) as image:
        if enough and image.format == "JPEG" and image.width * image.height > LARGE:
            image.draft(None, (enough, enough))
        if image.format == "TIFF":
            _check_tiff(image)
        return _rgb(upright(image), _is_inverted(image))


def _opened(data: bytes) -> Image.Image:
    heic = is_heic(data) and _reads_heic()
    image = Image.open(io.BytesIO(data), formats=("HEIF",) if heic else FORMATS)
    if image.width * image.height > Image.MAX_IMAGE_PIXELS:  # up to twice this number, PIL only warns
        raise ValueError(f"the file claims {image.width} x {image.height} pixels: a decompression bomb, not a photo")
    return image


@functools.cache
def _reads_heic() -> bool:
    try:
        import pillow_heif
    except ImportError:
        return False
    pillow_heif.register_heif_opener()
    return True


def _check_tiff(image: Image.Image) -> None:
    """Raise ValueError if PIL would read this TIFF wrongly.

    PIL reads two kinds wrongly: colours of more than 8 bits in separate planes, and signed bytes.
    """
    bits = max(image.tag_v2.get(BITS, (1,)))
    if bits > 8 and image.tag_v2.get(PLANES) == 2:
        raise ValueError(f"a TIFF with {bits}-bit colours in separate planes, which PIL reads wrongly (save it as PNG)")
    if bits == 8 and 2 in image.tag_v2.get(NUMBERS, ()):
        raise ValueError("a TIFF with signed bytes, which PIL reads wrongly (save it as PNG)")


def _is_inverted(image: Image.Image) -> bool:
    """Return whether 0 means white in the image, as in some TIFFs.

    PIL itself inverts such a TIFF only if its values have 8 bits.
    """
    return image.format == "TIFF" and image.tag_v2.get(MEANING) == 0


def _rgb(image: Image.Image, inverted: bool) -> np.ndarray:
    if image.mode.startswith("I"):
        values = _from_integers(np.asarray(image), image.mode)
        return _grey(255 - values if inverted else values)
    if image.mode == "F":
        return _grey(_from_floats(np.asarray(image)))
    if image.has_transparency_data:
        image = _on_white(image.convert("RGBA"))
    return np.asarray(image.convert("RGB"))


def _from_integers(values: np.ndarray, mode: str) -> np.ndarray:
    low, high = int(values.min()), int(values.max())
    if low < 0 or high > 65535:
        raise ValueError(f"an image of mode {mode} with values from {low} to {high} (save it with 8 or 16 bits)")
    return (values >> (8 if high > 4095 else 4)).astype(np.uint8)


def _from_floats(values: np.ndarray) -> np.ndarray:
    if not (np.isfinite(values).all() and values.min() >= 0 and values.max() <= 1):
        raise ValueError(
            f"an image of mode F with values from {values.min():g} to {values.max():g} (save it with values in 0 … 1)"
        )
    return np.rint(values * 255).astype(np.uint8)


def _grey(values: np.ndarray) -> np.ndarray:
    return np.repeat(values[:, :, None], 3, axis=2)


def _on_white(image: Image.Image) -> Image.Image:
    lowest, highest = image.getchannel("A").getextrema()
    if lowest == 255 or highest == 0:
        return image
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)


def _problem(data: bytes, error: Exception) -> str:
    if kind := unusual_jpeg(data):
        return kind
    what = kind_of_file(data, {"HEIC": _reads_heic(), "AVIF": features.check("avif")})
    if isinstance(error, UnidentifiedImageError):
        return what
    is_clear = isinstance(error, (OSError, ValueError, SyntaxError, Image.DecompressionBombError))
    return str(error) if is_clear and str(error) else f"{what}: {type(error).__name__}: {error}"


# ---- PNG and JPEG without metadata

PNG = b"\x89PNG\r\n\x1a\n"
OF_PIXELS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT")  # chunks that the pixels depend on
KEPT = (*OF_PIXELS, b"eXIf", b"IEND")
JPEG = b"\xff\xd8\xff"
SCAN = 0xDA  # the marker before the pixel data of a JPEG
BLOCK = 1 << 24  # number of bytes that are unpacked at one time


def check_parts(data: bytes) -> None:
    """Raise ValueError if a checksum shows that the pixels of a PNG are damaged. PIL does not check them all.

    A PNG stores its compressed pixels in several sections, each with a checksum. The compressed pixels as a whole have
    one more checksum. If this one is right, wrong checksums of their sections are accepted. data: the bytes of any
    file; files that are not PNGs are not checked.
    """
    if not data.startswith(PNG):
        return
    wrong = {kind for kind, _, is_right in _chunks(data) if not is_right and kind in OF_PIXELS}
    if wrong == {b"IDAT"} and _unpacks(b"".join(body for kind, body, _ in _chunks(data) if kind == b"IDAT")):
        return
    if wrong:
        raise ValueError(f"a damaged PNG: the checksum of {b', '.join(sorted(wrong)).decode()} in the file is wrong")


def pixels_only(data: bytes) -> bytes:
    """Return the bytes of a PNG or JPEG without its metadata, except EXIF. Other files are returned unchanged."""
    if data.startswith(PNG):
        return PNG + b"".join(_chunk(kind, body) for kind, body, right in _chunks(data) if kind in KEPT and right)
    return _without_segments(data) if data.startswith(JPEG) else data


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bool]]:
    """Yield the type (such as IDAT), the data, and whether the checksum is right, of each complete section of a PNG."""
    place = len(PNG)
    while place + 12 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, place)
        body, checksum = data[place + 8 : place + 8 + size], data[place + 8 + size : place + 12 + size]
        if len(checksum) < 4:
            return
        yield kind, body, zlib.crc32(body, zlib.crc32(kind)) == int.from_bytes(checksum)
        place += 12 + size


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(body, zlib.crc32(kind)))


def _unpacks(packed: bytes) -> bool:
    unpacker = zlib.decompressobj()
    try:
        while packed and not unpacker.eof:
            unpacker.decompress(packed, BLOCK)
            packed = unpacker.unconsumed_tail
    except zlib.error:
        return False
    return unpacker.eof


def _without_segments(data: bytes) -> bytes:
    """Return the bytes of a JPEG without its comments and without the metadata in its application segments.

    EXIF data is kept, and so are complete segments of the kinds JFIF and Adobe, which say how the colours are stored.
    """
    place, kept = 2, [data[:2]]
    while place + 4 <= len(data) and data[place] == 0xFF and data[place + 1] != SCAN:
        end = place + 2 + int.from_bytes(data[place + 2 : place + 4])
        if not _is_metadata(data[place + 1], data[place + 4 : end]):
            kept.append(data[place:end])
        place = end
    return b"".join([*kept, data[place:]])


def _is_metadata(marker: int, body: bytes) -> bool:
    colours = (marker == 0xE0 and len(body) >= 14) or (marker == 0xEE and len(body) >= 12)  # JFIF, Adobe
    exif = marker == 0xE1 and body.startswith(b"Exif\0\0")
    return (0xE0 <= marker <= 0xEF or marker == 0xFE) and not colours and not exif


# ---- EXIF orientation

TAG, SHORT = 0x112, 3  # the EXIF tag of the orientation, and the type of its value
ENTRY = 12  # number of bytes of one EXIF entry
ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def upright(image: Image.Image) -> Image.Image:
    """Return the image turned by its EXIF orientation, or unchanged if no orientation can be read."""
    image.load()
    try:
        orientation = image.getexif().get(TAG)
    except Exception:  # broken tags make PIL raise many types of errors, but the pixels may be fine
        orientation = None
    turn = TURNS.get(orientation or _orientation(image.info.get("exif") or b""))
    return image if turn is None else image.transpose(turn)


def _orientation(exif: bytes) -> int | None:
    """Return the orientation (1 to 8) that EXIF data contains, or None if it contains none.

    exif: the bytes of the EXIF data of a photo. This function also works if an earlier tag points outside of the EXIF
    data; PIL then finds no orientation.
    """
    record = exif.removeprefix(b"Exif\0\0")
    order = ORDERS.get(record[:4])
    try:
        start = struct.unpack_from(f"{order}I", record, 4)[0]
        for i in range(struct.unpack_from(f"{order}H", record, start)[0]):
            tag, kind, _, value = struct.unpack_from(f"{order}HHIH", record, start + 2 + ENTRY * i)
            if (tag, kind) == (TAG, SHORT):
                return value
    except struct.error:  # there is no EXIF data, or the data ends early
        pass
    return None


# ---- name a file that is no readable photo

DAMAGED = "a damaged or incomplete {}"
ADVICE = {
    "a Git LFS pointer, not the photo itself": "run `git lfs pull`",
    "a git-annex pointer, not the photo itself": "run `git annex get .`",
    "a HEIC photo": "to read it, run `.venv/bin/pip install pillow-heif`",
    "an AVIF photo": "to read it, run `.venv/bin/pip install --upgrade pillow`",
    "a JPEG XL photo": "convert it to PNG, for example with djxl",
    "a damaged TIFF, or a TIFF that PIL cannot read": "save it as PNG with 8 or 16 bits",
    "a Photoshop file": "save it as PNG",
    "a web page (HTML)": "sign in and download the photo again",
    "a JSON text": "it may hold an error message; download the photo again",
    "a DICOM file": "convert it to PNG, for example with pydicom",
    "a NumPy array file": "save the array as PNG",
    "a zip archive": "unpack it with `unzip`",
    "a 7z archive": "unpack it with `7z x`",
    "a gzip archive": "rename it to end in .gz, then unpack it with `gunzip`",
    "a bzip2 archive": "rename it to end in .bz2, then unpack it with `bunzip2`",
    "an xz archive": "rename it to end in .xz, then unpack it with `unxz`",
    "a tar archive": "unpack it with `tar -xf`",
    "a helper file that macOS makes for another file": "delete it; the photo has the same name without ._",
    "a file that has only zero bytes": "copy or download it again",
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
    b"\x93NUMPY": "a NumPy array file",
    b"\x89HDF": "an HDF5 file",
    b"PAR1": "a Parquet table",
    b"\0\x05\x16\x07": "a helper file that macOS makes for another file",
    b"\xff\xd8\xff": DAMAGED.format("JPEG"),
    b"\x89PNG": DAMAGED.format("PNG"),
    b"GIF8": DAMAGED.format("GIF"),
    b"RIFF": DAMAGED.format("WebP or other RIFF file"),
    b"II*\0": "a damaged TIFF, or a TIFF that PIL cannot read",
    b"MM\0*": "a damaged TIFF, or a TIFF that PIL cannot read",
}
CONVERT_JPEG = "convert it to PNG with 8 or 16 bits, for example with the Python package imagecodecs"
FRAMES = {  # the marker before the size of a JPEG, and the coding that it stands for if it is unusual
    **dict.fromkeys((0xC0, 0xC1, 0xC2, 0xC9, 0xCA), ""),  # the last two: arithmetic coding, which PIL can read
    **dict.fromkeys((0xC3, 0xC7, 0xCB, 0xCF), "lossless coding"),
    **dict.fromkeys((0xC5, 0xC6, 0xCD, 0xCE), "hierarchical coding"),
    0xF7: "JPEG-LS coding",
}
HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")


def kind_of_file(data: bytes, readable: Mapping[str, bool]) -> str:
    """Return what kind of file the bytes are, such as "a zip archive (unpack it with `unzip`)".

    data: the bytes of a file that could not be decoded. The brackets hold advice, if there is any. readable: a
    dictionary that says for "HEIC" and for "AVIF" whether the installed packages can read such photos. If they can, a
    file of this kind is called damaged.
    """
    what = _kind(data)
    damaged = [kind for kind, is_read in readable.items() if is_read and what.endswith(f" {kind} photo")]
    if damaged:
        return DAMAGED.format(damaged[0])
    return f"{what} ({ADVICE[what]})" if what in ADVICE else what


def unusual_jpeg(data: bytes) -> str:
    """Return what is unusual about a JPEG that could not be decoded, with advice, or "" for a usual JPEG.

    A usual JPEG has 8 bits per colour, and a coding that PIL can read. The header of the JPEG says both. data: the
    bytes of any file.
    """
    place = 2
    while data.startswith(JPEG) and place + 9 <= len(data) and data[place] == 0xFF and data[place + 1] != SCAN:
        marker, bits = data[place + 1], data[place + 4]
        if marker in FRAMES:
            kinds = [f"a JPEG of {bits} bits"] * (bits != 8) + [f"a JPEG with {FRAMES[marker]}"] * bool(FRAMES[marker])
            how = f"which PIL cannot read ({CONVERT_JPEG})"
            return f"{' and '.join(kinds).replace(' and a JPEG', '')}, {how}" if kinds else ""
        place += 1 if marker == 0xFF else 2 + int.from_bytes(data[place + 2 : place + 4])
    return ""


def is_heic(data: bytes) -> bool:
    """Return whether the bytes of a file begin like a HEIC photo."""
    return data[4:8] == b"ftyp" and not _is_avif(data) and data[8:12] in HEIC_BRANDS


def _is_avif(data: bytes) -> bool:
    """Return whether the bytes of a file begin like an AVIF photo.

    Such a file begins with a list of format names. All of them are compared, because the first may be a name of HEIC.
    """
    return data[4:8] == b"ftyp" and (b"avif" in data[8:32] or b"avis" in data[8:32])


def _kind(data: bytes) -> str:
    if not data:
        return "an empty file (0 bytes)"
    if not data.strip(b"\0"):
        return "a file that has only zero bytes"
    if data[4:8] == b"ftyp":
        return "an AVIF photo" if _is_avif(data) else "a HEIC photo" if is_heic(data) else "a video or a similar file"
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
        return "an XML or SVG file, which has no pixels"
    if start.startswith((b"{", b"[")):
        return "a JSON text"
    if start.isascii() and all(byte >= 32 or byte in b"\t\r\n" for byte in start):
        return f"a text that begins with {start[:40].decode()!r}"
    return f"a file of an unknown format, whose first bytes are {data[:8].hex(' ')}"
