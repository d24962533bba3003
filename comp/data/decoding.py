"""Decode image files of any kind to RGB pixels, or say why a file cannot be read. Torch is not imported.

1. `read_bytes` reads a file.
2. `decode` returns the pixels of a file, turned upright, and `header` its format and size.
3. `pixels_only` removes the metadata of PNG and JPEG files, which is often damaged or huge; the pixels do not need it.
4. `upright` turns an image by its EXIF orientation, even if other EXIF tags are broken.
5. `kind_of_file` tells by the first bytes of a file what the file is if it is no photo.

| kind of file                       | pixels                                                                         |
|------------------------------------|--------------------------------------------------------------------------------|
| colour, grey, 1 bit, CMYK, palette | as PIL converts them to RGB                                                    |
| alpha, transparent palette colours | laid on white; alpha that is all opaque or all transparent is dropped          |
| 16-bit grey, 32-bit whole numbers  | v >> 8; v >> 4 if no value is above 4095 (12 bits, as cameras and scanners     |
|                                    | write); never stretched to a photo's own range; refused beyond 0 … 65535       |
| 16-bit colour                      | v >> 8                                                                         |
| floats                             | 255 v; refused unless all values lie in 0 … 1                                  |
| several frames or pages            | the first                                                                      |

PIL decodes the files, and not OpenCV, which gives grey pixels for a truncated JPEG and no error. HEIC needs the extra
`heic` (pillow-heif). Parts 3 to 5 are own code, because PIL refuses photos with damaged metadata, accepts wrong
checksums in a PNG, misses the orientation if another tag is broken (ImageOps.exif_transpose fails ten tests), and says
of any other file only that it cannot identify the file.
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
    """The bytes of the file. Raises ValueError with the reason if `path` is not a file or cannot be opened."""
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

Image.MAX_IMAGE_PIXELS = 100_000_000  # a file with more pixels counts as a decompression bomb
warnings.filterwarnings("ignore", module=r"PIL\.")  # they are about odd tags and do not name the photo
LARGE = 4_000_000  # pixels; a JPEG with more may be decoded at a fraction of its size
# PIL knows many more formats, some of which start other programs, such as Ghostscript
FORMATS = ("AVIF", "BMP", "DIB", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TGA", "TIFF", "WEBP")
BITS, MEANING, PLANES, NUMBERS = 258, 262, 284, 339  # tags of a TIFF


def decode(data: bytes, enough: int = 0) -> np.ndarray:
    """Decode the bytes of an image file to RGB pixels (H, W, 3) uint8, as in the table above, turned upright.

    enough: the pixels that each side must keep. A JPEG of more than LARGE pixels is then decoded at 1/2, 1/4 or 1/8 of
    its size, which takes a third of the time and changes pixels slightly. With 0 every photo is decoded at full size.
    Raises ValueError, which says what the file is, for anything that is not a whole picture.
    """
    try:
        return _pixels(data, enough)
    except Exception as error:  # hostile bytes make decoders raise a dozen types of errors
        plain = pixels_only(data)
        if plain != data:
            try:
                return _pixels(plain, enough)
            except Exception:  # the metadata was not the reason, and the first error says more
                pass
        raise ValueError(_problem(data, error)) from None


def header(data: bytes) -> tuple[str, int, int]:
    """The format (PIL's name), width and height of an image file, which is not turned upright."""
    try:
        image = _opened(data)
    except Exception:  # damaged metadata may be the reason, as in `decode`
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
    if image.width * image.height > Image.MAX_IMAGE_PIXELS:  # up to twice as many pixels PIL itself only warns
        raise ValueError(f"{image.width} x {image.height} pixels: a decompression bomb, not a photo")
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
    """Raise ValueError for TIFFs that PIL reads wrongly: colours of over 8 bits in separate planes, or signed bytes."""
    bits = max(image.tag_v2.get(BITS, (1,)))
    if bits > 8 and image.tag_v2.get(PLANES) == 2:
        raise ValueError(f"a TIFF of {bits}-bit colours in separate planes (save it as PNG)")
    if bits == 8 and 2 in image.tag_v2.get(NUMBERS, ()):
        raise ValueError("a TIFF of signed bytes (save it as PNG)")


def _is_inverted(image: Image.Image) -> bool:
    """Return whether 0 is white in a TIFF, which PIL considers only for 8-bit images."""
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
        raise ValueError(f"mode {mode} with values from {low} to {high}: save it with values in 0 … 65535, or 8 bits")
    return (values >> (8 if high > 4095 else 4)).astype(np.uint8)


def _from_floats(values: np.ndarray) -> np.ndarray:
    if not (np.isfinite(values).all() and values.min() >= 0 and values.max() <= 1):
        raise ValueError(f"mode F with values from {values.min():g} to {values.max():g}: save it with values in 0 … 1")
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
SCAN = 0xDA  # marker of the pixel data in a JPEG
BLOCK = 1 << 24  # bytes unpacked at one time


def check_parts(data: bytes) -> None:
    """Raise ValueError for a PNG with damaged pixels, since PIL does not compare all checksums.

    The compressed pixels also hold a checksum. If that checksum is right, a wrong checksum of their chunk is accepted.
    """
    if not data.startswith(PNG):
        return
    wrong = {kind for kind, _, is_right in _chunks(data) if not is_right and kind in OF_PIXELS}
    if wrong == {b"IDAT"} and _unpacks(b"".join(body for kind, body, _ in _chunks(data) if kind == b"IDAT")):
        return
    if wrong:
        raise ValueError(f"a damaged PNG: the checksum of {b', '.join(sorted(wrong)).decode()} is wrong")


def pixels_only(data: bytes) -> bytes:
    """The bytes of a PNG or JPEG without its metadata except EXIF; the bytes of any other file, unchanged."""
    if data.startswith(PNG):
        return PNG + b"".join(_chunk(kind, body) for kind, body, right in _chunks(data) if kind in KEPT and right)
    return _without_segments(data) if data.startswith(JPEG) else data


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bool]]:
    """For each complete chunk of a PNG, yield its kind, its content, and whether its checksum is right."""
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
    """The bytes of a JPEG without comments and application segments, except EXIF and whole segments about colours."""
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

TAG, SHORT = 0x112, 3
ENTRY = 12  # bytes of an entry
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
    """The image turned by its EXIF orientation, or unchanged if it has no orientation that can be read."""
    image.load()
    try:
        orientation = image.getexif().get(TAG)
    except Exception:  # broken tags make PIL raise many types of errors, but the pixels may be fine
        orientation = None
    turn = TURNS.get(orientation or _orientation(image.info.get("exif") or b""))
    return image if turn is None else image.transpose(turn)


def _orientation(exif: bytes) -> int | None:
    """The orientation in an EXIF record, or None. PIL misses it after a tag that points outside the record."""
    record = exif.removeprefix(b"Exif\0\0")
    order = ORDERS.get(record[:4])
    try:
        start = struct.unpack_from(f"{order}I", record, 4)[0]
        for i in range(struct.unpack_from(f"{order}H", record, start)[0]):
            tag, kind, _, value = struct.unpack_from(f"{order}HHIH", record, start + 2 + ENTRY * i)
            if (tag, kind) == (TAG, SHORT):
                return value
    except struct.error:  # there is no record, or the record ends early
        pass
    return None


# ---- what a file is that is no photo

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
    "a zip archive": "unpack it with unzip",
    "a 7z archive": "unpack it with 7z x",
    "a gzip archive": "rename it to .gz, then gunzip it",
    "a bzip2 archive": "rename it to .bz2, then bunzip2 it",
    "an xz archive": "rename it to .xz, then unxz it",
    "a tar archive": "unpack it with tar -xf",
    "a file that a Mac keeps beside another file": "delete it; the photo has the same name without ._",
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
    b"\0\x05\x16\x07": "a file that a Mac keeps beside another file",
    b"\xff\xd8\xff": DAMAGED.format("JPEG"),
    b"\x89PNG": DAMAGED.format("PNG"),
    b"GIF8": DAMAGED.format("GIF"),
    b"RIFF": DAMAGED.format("WebP or other RIFF file"),
    b"II*\0": "a TIFF of a kind that PIL does not read, or a damaged one",
    b"MM\0*": "a TIFF of a kind that PIL does not read, or a damaged one",
}
HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")


def kind_of_file(data: bytes, readable: Mapping[str, bool]) -> str:
    """The kind of the file in words, followed by the advice for this kind in brackets, if there is any.

    readable: for "HEIC" and "AVIF", whether such photos can be read here. A photo of a readable kind is called damaged.
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
    """Return whether AVIF is in the list of brands. The first brand does not say so if it is one that HEIC also has."""
    return data[4:8] == b"ftyp" and (b"avif" in data[8:32] or b"avis" in data[8:32])


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
