"""Decode image files to RGB pixels, or say why a file cannot be read. This module does not import torch.

1. `read_bytes` reads a file.
2. `decode` returns the pixels of an image file, turned upright. `header` returns the format and the size of the image.
3. `pixels_only` removes the metadata of PNG and JPEG files, which is often damaged or huge. The pixels do not need it.
4. `upright` turns an image by its EXIF orientation, even if other EXIF tags are broken.
5. `kind_of_file` names a file that is not a readable photo, such as a web page or a zip archive, by its first bytes.

In this table, v is the value of a pixel in the file:

| kind of file                       | RGB pixels                                                                     |
|------------------------------------|--------------------------------------------------------------------------------|
| colour, grey, 1 bit, CMYK, palette | as PIL converts them to RGB                                                    |
| alpha, transparent palette colours | put on a white background; an alpha channel that is opaque everywhere or       |
|                                    | transparent everywhere is ignored                                              |
| 16-bit grey, 32-bit whole numbers  | v >> 8, or v >> 4 if no value is above 4095 (cameras and scanners often write  |
|                                    | 12 bits); no photo is stretched to its own range of values; values outside of  |
|                                    | 0 … 65535 are refused                                                          |
| 16-bit colour                      | v >> 8                                                                         |
| floats                             | 255 v; values outside of 0 … 1 are refused                                     |
| several frames or pages            | the pixels of the first frame or page                                          |

PIL decodes the files. OpenCV is not used, because it returns grey pixels for a truncated JPEG and raises no error. HEIC
photos can be read if the package pillow-heif is installed (the extra `heic`).
Parts 3 to 5 are written here, because PIL refuses photos with damaged metadata, accepts wrong checksums in a PNG, and
ignores the orientation if another tag is broken (with ImageOps.exif_transpose, ten tests fail). If a file is no image,
PIL says only that it cannot identify the file.
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

    Raises ValueError with the reason if `path` is not a file or cannot be opened.
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

    A table in the docstring of this module shows how each kind of file becomes RGB pixels.
    enough: with 0, every photo is decoded at full size. With another number, a JPEG of more than LARGE pixels is
    decoded at 1/2, 1/4 or 1/8 of its size, as long as each side keeps at least `enough` pixels. This takes a third of
    the time and changes the pixels slightly.
    Raises ValueError if the bytes are not a whole picture. The error says what kind of file the bytes are.
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
    """Return PIL's name of the file format, and the width and height of the image before it is turned upright."""
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

    These are TIFFs with more than 8 bits for each colour in separate planes, and TIFFs with signed bytes.
    """
    bits = max(image.tag_v2.get(BITS, (1,)))
    if bits > 8 and image.tag_v2.get(PLANES) == 2:
        raise ValueError(f"a TIFF with {bits}-bit colours in separate planes, which PIL reads wrongly (save it as PNG)")
    if bits == 8 and 2 in image.tag_v2.get(NUMBERS, ()):
        raise ValueError("a TIFF with signed bytes, which PIL reads wrongly (save it as PNG)")


def _is_inverted(image: Image.Image) -> bool:
    """Return whether the image is a TIFF in which 0 means white. PIL takes care of this only for 8-bit images."""
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
    """Raise ValueError if a PNG has damaged pixels. PIL does not compare all checksums in a PNG.

    The compressed pixels contain a checksum, and each chunk of the file that holds a part of them has another checksum.
    If the checksum of the compressed pixels is right, wrong checksums of these chunks are accepted.
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
    """For each complete chunk of a PNG, yield its type (such as IDAT), its data and whether its checksum is right."""
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
    """Return the bytes of a JPEG without its comments and application segments.

    EXIF segments and complete segments about colours (JFIF and Adobe) are kept.
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
    """Return the image turned by its EXIF orientation, or unchanged if it has no orientation that can be read."""
    image.load()
    try:
        orientation = image.getexif().get(TAG)
    except Exception:  # broken tags make PIL raise many types of errors, but the pixels may be fine
        orientation = None
    turn = TURNS.get(orientation or _orientation(image.info.get("exif") or b""))
    return image if turn is None else image.transpose(turn)


def _orientation(exif: bytes) -> int | None:
    """Return the orientation number in the bytes of EXIF data, or None if there is none.

    PIL does not find the orientation if an earlier tag points outside of the EXIF data.
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
HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")


def kind_of_file(data: bytes, readable: Mapping[str, bool]) -> str:
    """Return a text that says what kind of file the bytes are, followed by advice in brackets if there is any.

    readable: for "HEIC" and "AVIF", whether such photos can be read here. If they can, the text calls the file damaged.
    """
    what = _kind(data)
    damaged = [kind for kind, is_read in readable.items() if is_read and what.endswith(f" {kind} photo")]
    if damaged:
        return DAMAGED.format(damaged[0])
    return f"{what} ({ADVICE[what]})" if what in ADVICE else what


def is_heic(data: bytes) -> bool:
    """Return whether the bytes begin like a HEIC photo. The name of the file does not matter."""
    return data[4:8] == b"ftyp" and not _is_avif(data) and data[8:12] in HEIC_BRANDS


def _is_avif(data: bytes) -> bool:
    """Return whether the file lists AVIF among its brands, which are the formats that it conforms to.

    The first brand alone does not tell, because AVIF files may begin with a brand of HEIC files.
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
