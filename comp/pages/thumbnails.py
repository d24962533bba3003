"""Thumbnails: photos as small WebP images inside a page. They are decoded as for training."""

import base64
import io
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from comp.data.decoding import decode, read_bytes

THREADS = 4  # decoding and encoding release the interpreter lock
QUALITY = 70  # of WebP; 96 px then take about 2 kB
OVER_BUDGET = "no thumbnail, to keep the page small"


@dataclass(frozen=True)
class Thumbnail:
    """uri: a data URI of a WebP image. Where it is empty, `problem` says why."""

    uri: str
    problem: str = ""


def thumbnails(inputs: Path, images: Sequence[str], size: int = 96, budget: int = 6_000_000) -> list[Thumbnail]:
    """A thumbnail for each image, in the order of `images`. Once `budget` bytes are used, the later ones are empty.

    size: pixels of the longer side. The thumbnail of a missing or damaged photo has its problem instead.
    """
    drawn, used = [], 0
    for small in _in_order(inputs, images, size):
        used += len(small.uri)
        if used > budget:
            break
        drawn.append(small)
    return drawn + [Thumbnail("", OVER_BUDGET)] * (len(images) - len(drawn))


def thumbnail(path: Path, size: int = 96) -> Thumbnail:
    """The thumbnail of the photo at `path`; its longer side has at most `size` pixels."""
    try:
        return Thumbnail(data_uri(decode(read_bytes(path), enough=2 * size), size))
    except ValueError as error:
        return Thumbnail("", f"cannot be shown: {error}")


def data_uri(pixels, size: int = 96) -> str:
    """The data URI of RGB pixels (H, W, 3) uint8, whose longer side is reduced to `size` pixels."""
    from PIL import Image

    image, buffer = Image.fromarray(pixels), io.BytesIO()
    image.thumbnail((size, size))
    image.save(buffer, "WEBP", quality=QUALITY, method=2)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _in_order(inputs: Path, images: Sequence[str], size: int) -> Iterator[Thumbnail]:
    """Yield thumbnails in order. Only a few are drawn ahead, so that little is drawn once the budget is used."""
    step = 8 * THREADS
    with ThreadPoolExecutor(THREADS) as pool:
        for start in range(0, len(images), step):
            yield from pool.map(lambda image: thumbnail(inputs / image, size), images[start : start + step])
