"""Bytes of an image file to RGB pixels, whatever kind of image it is. No torch.

| kind of file                       | pixels                                                                         |
|------------------------------------|--------------------------------------------------------------------------------|
| colour, grey, 1 bit, CMYK, palette | as PIL converts them to RGB                                                    |
| alpha, transparent palette colours | laid on white; a channel that is opaque, or transparent everywhere, is dropped |
| 16-bit grey, 32-bit whole numbers  | v >> 8; v >> 4 where no value is above 4095 (12 bits, as cameras and scanners  |
|                                    | write); never stretched to a photo's own range; refused beyond 0 … 65535       |
| 16-bit colour                      | v >> 8                                                                         |
| floats                             | 255 v; refused unless all values lie in 0 … 1                                  |
| several frames or pages            | the first                                                                      |

PIL, because OpenCV decodes a truncated JPEG to grey without a word. HEIC needs the extra `heic` (pillow-heif).
"""

import functools
import io
import warnings

import numpy as np
from PIL import Image, PngImagePlugin, UnidentifiedImageError

from comp.data import file_signatures

Image.MAX_IMAGE_PIXELS = 100_000_000  # a "photo" of more is a decompression bomb
PngImagePlugin.MAX_TEXT_CHUNK = 2**26  # colour profiles of several MB are harmless, and the pixels are bounded anyway
PngImagePlugin.MAX_TEXT_MEMORY = 2**28
warnings.filterwarnings("ignore", module=r"PIL\.")  # of odd tags, without the photo's name; what matters is raised
LARGE = 4_000_000  # pixels, from which a JPEG may be decoded at a fraction of its size
ORIENTATION = 0x112
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def decode(data: bytes, enough: int = 0) -> np.ndarray:
    """RGB uint8 (H, W, 3) of an image file's bytes, turned upright by its EXIF tag; see the table above.

    enough: pixels that both sides must keep. A JPEG of more than LARGE pixels is then decoded at 1/2, 1/4 or 1/8 of its
    size, which takes a third of the time and changes pixels slightly; 0 always decodes the whole size.
    Raises ValueError, which says what the file is, for anything that is not a whole picture.
    """
    try:
        with _opened(data) as image:
            if enough and image.format == "JPEG" and image.width * image.height > LARGE:
                image.draft(None, (enough, enough))
            return _rgb(_upright(image))
    except MemoryError:
        raise
    except Exception as error:  # hostile bytes make decoders raise a dozen kinds
        raise ValueError(_problem(data, error)) from None


def _opened(data: bytes) -> Image.Image:
    if file_signatures.is_heic(data):
        _register_heic()
    image = Image.open(io.BytesIO(data))
    if image.width * image.height > Image.MAX_IMAGE_PIXELS:  # PIL itself only warns up to twice as many
        raise ValueError(f"{image.width} x {image.height} pixels: a decompression bomb, not a photo")
    return image


@functools.cache
def _register_heic() -> None:
    try:
        import pillow_heif
    except ImportError:
        return  # PIL does not know the file then, and its first bytes tell what is missing
    pillow_heif.register_heif_opener()


def _upright(image: Image.Image) -> Image.Image:
    """The image turned by its EXIF orientation. Other tags are not read: cameras and editors write broken ones."""
    image.load()
    try:
        turn = TURNS.get(image.getexif().get(ORIENTATION))
    except Exception:  # a tag that cannot be read says nothing, and the pixels are whole
        turn = None
    return image if turn is None else image.transpose(turn)


def _rgb(image: Image.Image) -> np.ndarray:
    if image.mode.startswith("I"):
        return _grey(_from_integers(np.asarray(image), image.mode))
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
    if isinstance(error, UnidentifiedImageError):
        return file_signatures.described(data)
    told = isinstance(error, (OSError, ValueError, SyntaxError, Image.DecompressionBombError))
    return str(error) if told and str(error) else f"{file_signatures.described(data)}: {type(error).__name__}: {error}"
