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
Metadata that cannot be read is left out: damaged or huge colour profiles, comments, EXIF.
"""

import functools
import io
import warnings

import numpy as np
from PIL import Image, UnidentifiedImageError, features

from comp.data import file_signatures, image_parts
from comp.data.orientation import upright

Image.MAX_IMAGE_PIXELS = 100_000_000  # a "photo" of more is a decompression bomb
warnings.filterwarnings("ignore", module=r"PIL\.")  # of odd tags, without the photo's name; what matters is raised
LARGE = 4_000_000  # pixels, from which a JPEG may be decoded at a fraction of its size
# PIL knows many more, some of which start other programs, such as Ghostscript
FORMATS = ("AVIF", "BMP", "DIB", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TGA", "TIFF", "WEBP")
BITS, MEANING, PLANES, NUMBERS = 258, 262, 284, 339  # tags of a TIFF


def decode(data: bytes, enough: int = 0) -> np.ndarray:
    """RGB uint8 (H, W, 3) of an image file's bytes, turned upright by its EXIF tag; see the table above.

    enough: pixels that both sides must keep. A JPEG of more than LARGE pixels is then decoded at 1/2, 1/4 or 1/8 of its
    size, which takes a third of the time and changes pixels slightly; 0 always decodes the whole size.
    Raises ValueError, which says what the file is, for anything that is not a whole picture.
    """
    try:
        return _pixels(data, enough)
    except Exception as error:  # hostile bytes make decoders raise a dozen kinds
        plain = image_parts.pixels_only(data)
        if plain != data:
            try:
                return _pixels(plain, enough)
            except Exception:  # it was not the metadata: the first error says more
                pass
        raise ValueError(_problem(data, error)) from None


def header(data: bytes) -> tuple[str, int, int]:
    """Format (PIL's name), width and height of a file that `decode` reads; not turned upright."""
    try:
        image = _opened(data)
    except Exception:  # of damaged metadata, as in `decode`
        image = _opened(image_parts.pixels_only(data))
    with image:
        return image.format, image.width, image.height


def _pixels(data: bytes, enough: int) -> np.ndarray:
    image_parts.check(data)
    with _opened(data) as image:
        if enough and image.format == "JPEG" and image.width * image.height > LARGE:
            image.draft(None, (enough, enough))
        if image.format == "TIFF":
            _check_tiff(image)
        return _rgb(upright(image), _is_inverted(image))


def _opened(data: bytes) -> Image.Image:
    heic = file_signatures.is_heic(data) and _reads_heic()
    image = Image.open(io.BytesIO(data), formats=("HEIF",) if heic else FORMATS)
    if image.width * image.height > Image.MAX_IMAGE_PIXELS:  # PIL itself only warns up to twice as many
        raise ValueError(f"{image.width} x {image.height} pixels: a decompression bomb, not a photo")
    return image


def _check_tiff(image: Image.Image) -> None:
    """Raise ValueError for kinds of TIFF that PIL reads as other pixels: colours one after another, negative bytes."""
    bits = max(image.tag_v2.get(BITS, (1,)))
    if bits > 8 and image.tag_v2.get(PLANES) == 2:
        raise ValueError(f"a TIFF of {bits}-bit colours in separate planes (save it as PNG)")
    if bits == 8 and 2 in image.tag_v2.get(NUMBERS, ()):
        raise ValueError("a TIFF of signed bytes (save it as PNG)")


@functools.cache
def _reads_heic() -> bool:
    try:
        import pillow_heif
    except ImportError:
        return False
    pillow_heif.register_heif_opener()
    return True


def _rgb(image: Image.Image, inverted: bool) -> np.ndarray:
    if image.mode.startswith("I"):
        values = _from_integers(np.asarray(image), image.mode)
        return _grey(255 - values if inverted else values)
    if image.mode == "F":
        return _grey(_from_floats(np.asarray(image)))
    if image.has_transparency_data:
        image = _on_white(image.convert("RGBA"))
    return np.asarray(image.convert("RGB"))


def _is_inverted(image: Image.Image) -> bool:
    """Whether 0 is white, which PIL minds in 8 bits only."""
    return image.format == "TIFF" and image.tag_v2.get(MEANING) == 0


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
    what = file_signatures.described(data, {"HEIC": _reads_heic(), "AVIF": features.check("avif")})
    if isinstance(error, UnidentifiedImageError):
        return what
    told = isinstance(error, (OSError, ValueError, SyntaxError, Image.DecompressionBombError))
    return str(error) if told and str(error) else f"{what}: {type(error).__name__}: {error}"
