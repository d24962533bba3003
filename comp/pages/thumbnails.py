"""Make thumbnails of photos: small WebP images inside a page. Photos are decoded in the same way as for training."""

import base64
import io
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from comp.data.decoding import decode, read_bytes

THREADS = 4  # threads help, because decoding and encoding release the interpreter lock
QUALITY = 70  # quality of WebP; with this quality a thumbnail of 96 pixels takes about 2 kB
OVER_BUDGET = "no thumbnail, to keep the page small"


@dataclass(frozen=True)
class Thumbnail:
    """A thumbnail of a photo, or the reason why the photo has no thumbnail.

    uri: the thumbnail, a WebP image as a data URI, or "" if there is none. problem: why there is none, or "".
    """

    uri: str
    problem: str = ""


def thumbnails(inputs: Path, images: Sequence[str], size: int = 96, budget: int = 6_000_000) -> list[Thumbnail]:
    """Return the thumbnail of each photo, in the order of `images`.

    images: paths relative to `inputs`. size: the longer side of a thumbnail has at most this many pixels. budget: the
    most bytes for all thumbnails together. A photo that is missing or damaged, or that comes after the budget is used
    up, gets a Thumbnail without a picture, which says why.
    """
    drawn, used = [], 0
    for small in _in_order(inputs, images, size):
        used += len(small.uri)
        if used > budget:
            break
        drawn.append(small)
    return drawn + [Thumbnail("", OVER_BUDGET)] * (len(images) - len(drawn))


def thumbnail(path: Path, size: int = 96) -> Thumbnail:
    """Return the thumbnail of the photo at `path`. Its longer side has at most `size` pixels.

    If the photo cannot be read, the Thumbnail has no picture and says why.
    """
    try:
        return Thumbnail(data_uri(decode(read_bytes(path), enough=2 * size), size))
    except ValueError as error:
        return Thumbnail("", f"cannot be shown: {error}")


def data_uri(pixels, size: int = 96) -> str:
    """Return a picture as a WebP image in a data URI.

    pixels: RGB (H, W, 3) uint8. If the longer side has more than `size` pixels, the picture is made smaller first.
    """
    from PIL import Image

    image, buffer = Image.fromarray(pixels), io.BytesIO()
    image.thumbnail((size, size))
    image.save(buffer, "WEBP", quality=QUALITY, method=2)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _in_order(inputs: Path, images: Sequence[str], size: int) -> Iterator[Thumbnail]:
    """Yield the thumbnail of each photo, in the order of `images`.

    Only a few thumbnails are made in advance, so that little work is lost if the caller stops early.
    """
    step = 8 * THREADS
    with ThreadPoolExecutor(THREADS) as pool:
        for start in range(0, len(images), step):
            yield from pool.map(lambda image: thumbnail(inputs / image, size), images[start : start + step])
