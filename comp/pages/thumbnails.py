"""Thumbnails of photos, which are small WebP images inside a page. Photos are decoded as for training."""

import base64
import io
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from comp.data.decoding import decode, read_bytes

THREADS = 4  # decoding and encoding release the interpreter lock
QUALITY = 70  # quality of WebP, with which a thumbnail of 96 pixels takes about 2 kB
OVER_BUDGET = "no thumbnail, to keep the page small"


@dataclass(frozen=True)
class Thumbnail:
    """A thumbnail. uri: the data URI of a WebP image, or an empty text. problem: why the uri is empty."""

    uri: str
    problem: str = ""


def thumbnails(inputs: Path, images: Sequence[str], size: int = 96, budget: int = 6_000_000) -> list[Thumbnail]:
    """The thumbnail of each image, in the order of `images`. After `budget` bytes are used, thumbnails are empty.

    images: paths relative to `inputs`. size: pixels of the longer side. The thumbnail of a missing or damaged photo is
    empty and has a problem.
    """
    drawn, used = [], 0
    for small in _in_order(inputs, images, size):
        used += len(small.uri)
        if used > budget:
            break
        drawn.append(small)
    return drawn + [Thumbnail("", OVER_BUDGET)] * (len(images) - len(drawn))


def thumbnail(path: Path, size: int = 96) -> Thumbnail:
    """The thumbnail of the photo at `path`. Its longer side has at most `size` pixels."""
    try:
        return Thumbnail(data_uri(decode(read_bytes(path), enough=2 * size), size))
    except ValueError as error:
        return Thumbnail("", f"cannot be shown: {error}")


def data_uri(pixels, size: int = 96) -> str:
    """The data URI of RGB pixels (H, W, 3) uint8, after their longer side is reduced to at most `size` pixels."""
    from PIL import Image

    image, buffer = Image.fromarray(pixels), io.BytesIO()
    image.thumbnail((size, size))
    image.save(buffer, "WEBP", quality=QUALITY, method=2)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _in_order(inputs: Path, images: Sequence[str], size: int) -> Iterator[Thumbnail]:
    """Yield the thumbnail of each image, in the order of `images`.

    Only a few thumbnails are drawn ahead, so that little work is lost when the budget is used.
    """
    step = 8 * THREADS
    with ThreadPoolExecutor(THREADS) as pool:
        for start in range(0, len(images), step):
            yield from pool.map(lambda image: thumbnail(inputs / image, size), images[start : start + step])
