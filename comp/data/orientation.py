"""The EXIF orientation of a photo, even if other tags are broken; some cameras and editors write such tags."""

import struct

from PIL import Image

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
    """The image turned by its orientation; unchanged if it has none, or none that can be read."""
    image.load()
    try:
        found = image.getexif().get(TAG)
    except Exception:  # broken tags make PIL raise many types of errors, but the pixels may be fine
        found = None
    turn = TURNS.get(found or _in_bytes(image.info.get("exif") or b""))
    return image if turn is None else image.transpose(turn)


def _in_bytes(exif: bytes) -> int | None:
    """The orientation in an EXIF record. PIL stops at the first tag that points outside the record."""
    record = exif.removeprefix(b"Exif\0\0")
    order = ORDERS.get(record[:4])
    try:
        start = struct.unpack_from(f"{order}I", record, 4)[0]
        for i in range(struct.unpack_from(f"{order}H", record, start)[0]):
            tag, kind, _, value = struct.unpack_from(f"{order}HHIH", record, start + 2 + ENTRY * i)
            if (tag, kind) == (TAG, SHORT):
                return value
    except struct.error:  # no record, or it ends early
        pass
    return None
