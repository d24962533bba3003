"""Photos as small images inside a page, decoded like those of a training. No torch."""

import base64
import io
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from comp.data.decoding import decode, read_bytes

THREADS = 4  # decoding and encoding leave the interpreter lock
QUALITY = 70  # of WebP; 96 px then take about 2 kB
OVER_BUDGET = "no thumbnail, to keep the page small"


@dataclass(frozen=True)
class Thumbnail:
    """uri: a data URI of a WebP image, or empty; then `problem` says why."""

    uri: str
    problem: str = ""


def thumbnails(inputs: Path, images: Sequence[str], size: int = 96, budget: int = 6_000_000) -> list[Thumbnail]:
    """A thumbnail of each image, in their order; later ones stay empty once `budget` bytes of data URIs are used.

    size: pixels of the longer side. A photo that is missing or damaged gets its problem instead.
    """
    made, used = [], 0
    for thumbnail in _in_order(inputs, images, size):
        used += len(thumbnail.uri)
        if used > budget:
            break
        made.append(thumbnail)
    return made + [Thumbnail("", OVER_BUDGET)] * (len(images) - len(made))


def thumbnail(path: Path, size: int = 96) -> Thumbnail:
    """The photo at `path`, its longer side reduced to `size` pixels."""
    try:
        return Thumbnail(uri(decode(read_bytes(path), enough=2 * size), size))
    except ValueError as error:
        return Thumbnail("", f"cannot be shown: {error}")


def uri(pixels, size: int = 96) -> str:
    """The data URI of RGB pixels (H, W, 3) uint8, reduced to `size` pixels."""
    from PIL import Image

    image, written = Image.fromarray(pixels), io.BytesIO()
    image.thumbnail((size, size))
    image.save(written, "WEBP", quality=QUALITY, method=2)
    return f"data:image/webp;base64,{base64.b64encode(written.getvalue()).decode()}"


def _in_order(inputs: Path, images: Sequence[str], size: int) -> Iterator[Thumbnail]:
    """Thumbnails one by one; a few are made ahead, so that a spent budget stops the work."""
    step = 8 * THREADS
    with ThreadPoolExecutor(THREADS) as pool:
        for start in range(0, len(images), step):
            yield from pool.map(lambda image: thumbnail(inputs / image, size), images[start : start + step])
