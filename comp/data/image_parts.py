"""The parts of PNG and JPEG files that hold pixels: check that they are undamaged, and drop all other parts.

Comments, colour profiles and other metadata are often damaged or huge, and they are not needed for the pixels.
"""

import struct
import zlib
from collections.abc import Iterator

PNG = b"\x89PNG\r\n\x1a\n"
OF_PIXELS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT")  # chunks that the pixels depend on
KEPT = (*OF_PIXELS, b"eXIf", b"IEND")
JPEG = b"\xff\xd8\xff"
SCAN = 0xDA  # marker of the pixel data in a JPEG
BLOCK = 1 << 24  # bytes unpacked at one time


def check(data: bytes) -> None:
    """Raise ValueError for a PNG with damaged pixels: PIL does not check all checksums.

    Compressed pixels have a checksum of their own. If that one is right, a wrong chunk checksum is accepted.
    """
    if not data.startswith(PNG):
        return
    wrong = {kind for kind, _, right in _chunks(data) if not right and kind in OF_PIXELS}
    if wrong == {b"IDAT"} and _unpacks(b"".join(body for kind, body, _ in _chunks(data) if kind == b"IDAT")):
        return
    if wrong:
        raise ValueError(f"a damaged PNG: the checksum of {b', '.join(sorted(wrong)).decode()} is wrong")


def pixels_only(data: bytes) -> bytes:
    """A PNG or JPEG without metadata, except EXIF; any other file unchanged."""
    if data.startswith(PNG):
        return PNG + b"".join(_chunk(kind, body) for kind, body, right in _chunks(data) if kind in KEPT and right)
    return _without_segments(data) if data.startswith(JPEG) else data


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bool]]:
    """Yield kind, content and whether the checksum is right, for each complete chunk."""
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
    """A JPEG without application segments and comments; complete segments about colours stay."""
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
