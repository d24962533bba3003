import gzip
import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from comp.data.decoding import decode

RAMP = np.linspace(0, 65535, 400).astype(np.uint16).reshape(20, 20)


def saved(pixels, kind, mode=None, **options):
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    stream = io.BytesIO()
    (image.convert(mode) if mode else image).save(stream, kind, **options)
    return stream.getvalue()


def colours(height=20, width=30):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def grey(values):
    return np.repeat(values[:, :, None], 3, axis=2)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP", "WEBP", "JPEG2000"])
def test_lossless_colours_come_back_as_they_were(kind):
    options = {"lossless": True} if kind == "WEBP" else {}
    np.testing.assert_array_equal(decode(saved(colours(), kind, **options)), colours())


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "AVIF", "TIFF", "BMP"])
@pytest.mark.parametrize("mode", ["RGB", "L", "1"])
def test_ordinary_photos_are_as_pil_converts_them(kind, mode):
    data = saved(colours(), kind, mode)
    np.testing.assert_array_equal(decode(data), np.asarray(Image.open(io.BytesIO(data)).convert("RGB")))


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bit_grey_keeps_its_upper_8_bits(kind):
    np.testing.assert_array_equal(decode(saved(RAMP, kind)), grey((RAMP >> 8).astype(np.uint8)))


def test_16_bits_of_the_other_byte_order():
    data = saved(Image.frombytes("I;16B", (20, 20), RAMP.astype(">u2").tobytes()), "TIFF")
    np.testing.assert_array_equal(decode(data), grey((RAMP >> 8).astype(np.uint8)))


def test_12_bits_in_16_are_not_black_and_no_photo_is_stretched_to_its_own_range():
    np.testing.assert_array_equal(decode(saved(RAMP >> 4, "PNG")), grey((RAMP >> 8).astype(np.uint8)))
    assert decode(saved(np.full((9, 9), 1000, np.uint16), "PNG")).max() == 1000 >> 4


def test_32_bit_whole_numbers_and_floats():
    np.testing.assert_array_equal(decode(saved(RAMP.astype(np.int32), "TIFF")), grey((RAMP >> 8).astype(np.uint8)))
    floats = np.linspace(0, 1, 256, dtype=np.float32).reshape(16, 16)
    np.testing.assert_array_equal(decode(saved(floats, "TIFF")), grey(np.arange(256, dtype=np.uint8).reshape(16, 16)))


@pytest.mark.parametrize(
    "values", [np.int32([[-1, 5]]), np.int32([[0, 70000]]), np.float32([[0, 255]]), np.float32([[0, np.nan]])]
)
def test_values_of_no_known_range_are_refused_with_their_mode(values):
    with pytest.raises(ValueError, match=r"mode [IF] with values from"):
        decode(saved(values, "TIFF"))


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk(kind):
    red = np.zeros((8, 8, 3), np.uint8)
    red[..., 0] = 255
    assert np.abs(decode(saved(red, kind, "CMYK")).astype(int) - red).max() < 3


def test_opaque_alpha_changes_nothing_and_clear_pixels_are_white():
    alpha = np.full((20, 30, 1), 255, np.uint8)
    np.testing.assert_array_equal(decode(saved(np.dstack([colours(), alpha]), "PNG")), colours())
    alpha[:10] = 0
    half = decode(saved(np.dstack([colours(), alpha]), "PNG"))
    assert (half[:10] == 255).all()
    np.testing.assert_array_equal(half[10:], colours()[10:])


def test_an_alpha_channel_of_zeros_alone_is_dropped():
    clear = np.dstack([colours(), np.zeros((20, 30), np.uint8)])
    np.testing.assert_array_equal(decode(saved(clear, "PNG")), colours())


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_palette_with_a_transparent_colour(kind):
    image = Image.fromarray(np.repeat([[0, 1]], 8, axis=0).astype(np.uint8), "L").convert("P")
    image.putpalette([10, 20, 30, 200, 100, 50])
    assert decode(saved(image, kind))[0].tolist() == [[10, 20, 30], [200, 100, 50]]
    assert decode(saved(image, kind, transparency=0))[0].tolist() == [[255, 255, 255], [200, 100, 50]]


def test_of_several_frames_the_first_is_taken():
    first, second = Image.new("L", (8, 8), 10), Image.new("L", (8, 8), 200)
    for kind in ("GIF", "TIFF"):
        assert (decode(saved(first, kind, save_all=True, append_images=[second])) == 10).all()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_exif_orientation_is_applied(kind):
    pixels = np.zeros((10, 20, 3), np.uint8)
    pixels[:, :10] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    turned = decode(saved(pixels, kind, exif=exif))
    assert turned.shape == (20, 10, 3)
    assert turned[2, 5, 0] > 200
    assert turned[17, 5, 0] < 50


def test_broken_exif_leaves_the_pixels_as_they_are():
    entry = struct.pack(">HHI", 0x0112, 3, 1) + struct.pack(">HH", 6, 0)
    text_as_width = struct.pack(">HHI", 0x0100, 2, 4) + b"abc\0"
    head = b"Exif\0\0MM\0*\0\0\0\x08"
    for broken in (b"Exif\0\0MM\0*\xff\xff\xff\xff", b"Exif\0\0junk", head + b"\0\x09" + entry):
        assert decode(saved(colours(), "JPEG", exif=broken)).shape in {(20, 30, 3), (30, 20, 3)}
    readable = head + b"\0\x02" + text_as_width + entry + b"\0\0\0\0"
    assert decode(saved(colours(), "JPEG", exif=readable)).shape == (30, 20, 3)


def test_a_large_colour_profile_is_no_reason_to_refuse_a_photo():
    data = saved(colours(), "PNG", icc_profile=bytes(3_000_000))
    np.testing.assert_array_equal(decode(data), colours())


# Metadata that is damaged or huge -------------------------------------------------------------------------------------


def chunk(kind, data, checksum=None):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum or zlib.crc32(kind + data))


def png(extra=b"", bits=8, checksum=None, header=None):
    values = colours().astype(">u2") * 257 if bits == 16 else colours()
    rows = b"".join(b"\0" + row.tobytes() for row in values)
    size = struct.pack(">IIBBBBB", 30, 20, bits, 2, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size, header) + extra
    return start + chunk(b"IDAT", zlib.compress(rows), checksum) + chunk(b"IEND", b"")


LARGE_TEXT = zlib.compress(bytes(100_000_000))


@pytest.mark.parametrize(
    "extra",
    [
        chunk(b"tEXt", b"Comment\0" + bytes(100_000_000)),
        chunk(b"zTXt", b"Comment\0\0" + LARGE_TEXT),
        chunk(b"iTXt", b"Comment\0\1\0\0\0" + LARGE_TEXT),
        chunk(b"iCCP", b"p\0\0" + LARGE_TEXT),
        chunk(b"iCCP", b"junk"),
        chunk(b"tEXt", b"a\0b", 7),
        chunk(b"pHYs", b"ab"),
        chunk(b"gAMA", b""),
        chunk(b"acTL", b"a"),
        chunk(b"eXIf", b"II*"),
    ],
    ids=range(10),
)
def test_other_chunks_of_a_png_do_not_matter(extra):
    np.testing.assert_array_equal(decode(png(extra)), colours())


@pytest.mark.parametrize(
    "segment",
    [
        b"\xee\0\x07Adobe",
        b"\xe0\0\x04JF",
        b"\xe2\0\x0eICC_PROFILE\0",
        b"\xed\0\x04ab",
        b"\xe2\0\x0aMPF\0MM\0*",
        b"\xe1\0\x0aExif\0\0MM",
    ],
)
def test_other_segments_of_a_jpeg_do_not_matter(segment):
    data = saved(colours(), "JPEG")
    np.testing.assert_array_equal(decode(data[:2] + b"\xff" + segment + data[2:]), decode(data))


def test_checksums_of_a_png_are_compared_where_they_tell_of_pixels():
    np.testing.assert_array_equal(decode(png(checksum=7)), colours())  # zlib's own checksum is right
    with pytest.raises(ValueError, match="checksum of IHDR"):
        decode(png(header=7))
    data = bytearray(png())
    data[data.index(b"IDAT") + 200] ^= 1
    with pytest.raises(ValueError, match="checksum of IDAT"):
        decode(bytes(data))


def test_16_bit_colours_keep_their_upper_8_bits():
    np.testing.assert_array_equal(decode(png(bits=16)), colours())
    for kind in (".png", ".tif"):
        data = cv2.imencode(kind, colours()[..., ::-1].astype(np.uint16) * 256 + 200)[1].tobytes()
        np.testing.assert_array_equal(decode(data), colours())


TAGS = (0x100, 0x102, 0x10E, 0x111, 0x11A, 0x132, 0x213, 0x8769, 0x8825, 0x9C9B)


@pytest.mark.parametrize("tag", TAGS)
def test_the_orientation_is_found_beside_tags_of_any_wrong_type(tag):
    data = saved(colours(), "JPEG")
    for kind in (*range(14), 129):
        for count, value in ((0, b"abc\0"), (1, b"\xff" * 4), (4, b"\xff" * 4), (0xFFFFFFFF, b"\0\6\0\0")):
            broken = struct.pack(">HHI", tag, kind, count) + value
            entries = sorted([broken, struct.pack(">HHIHH", 0x112, 3, 1, 6, 0)])
            exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x02" + b"".join(entries) + bytes(4)
            segment = b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
            assert decode(data[:2] + segment + data[2:]).shape == (30, 20, 3)


def test_a_tiff_whose_zero_is_white_is_inverted_in_16_bits_too():
    data = bytearray(saved(65535 - RAMP, "TIFF"))
    place = next(i for i in range(8, len(data)) if data[i : i + 8] == struct.pack("<HHI", 262, 3, 1))
    data[place + 8] = 0
    np.testing.assert_array_equal(decode(bytes(data)), grey((RAMP >> 8).astype(np.uint8)))


def test_several_frames_in_jpeg_png_and_webp():
    first, second = Image.new("RGB", (8, 8), (10, 10, 10)), Image.new("RGB", (8, 8), (200, 200, 200))
    for kind in ("MPO", "PNG", "WEBP"):
        options = {"lossless": True} if kind == "WEBP" else {}
        assert (decode(saved(first, kind, save_all=True, append_images=[second], **options)) == 10).all()


NO_PHOTO = {
    b"": "empty file",
    bytes(100): "zero bytes",
    b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 99\n": "git lfs pull",
    b"\n<!DOCTYPE html><html><body>Sign in</body></html>": "web page",
    b"\0\0\0\x18ftypheic\0\0\0\0mif1heic": "HEIC photo .*pip install pillow-heif",
    b"hello": "text that begins with 'hello'",
    b"PK\x03\x04" + bytes(30): "zip archive",
    b"7z\xbc\xaf\x27\x1c" + bytes(30): "7z archive",
    bytes(128) + b"DICM": "DICOM",
    bytes(257) + b"ustar" + bytes(9): "tar archive",
    gzip.compress(b"x", mtime=0): "gzip archive",
    b'{"error": "not signed in"}': "JSON text",
    b"../.git/annex/objects/ab/cd/MD5E-s1--a.jpg": "git annex get",
    b"%!PS-Adobe-3.0 EPSF-3.0\n": "PostScript",
    b"\xff\x0a" + bytes(40): "JPEG XL",
    b"\0\x05\x16\x07" + bytes(40): "macOS makes for another file",
    bytes(range(100, 200)): "first bytes are 64 65",
    b"\x89PNG\r\n\x1a\n" + b"x" * 40: "Truncated",
}


@pytest.mark.parametrize("data", NO_PHOTO)
def test_what_is_no_photo_is_named_by_its_first_bytes(data):
    with pytest.raises(ValueError, match=NO_PHOTO[data]) as error:
        decode(data)
    assert "BytesIO" not in str(error.value)


def test_what_is_readable_here_and_was_not_is_damaged():
    data = saved(colours(), "AVIF")
    with pytest.raises(ValueError, match="damaged or incomplete AVIF"):
        decode(data[: len(data) // 2])


def test_a_bomb_is_refused_before_it_is_decoded():
    for side in (12_000, 60_000):
        header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
        with pytest.raises(ValueError, match="bomb"):
            decode(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b""))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "AVIF", "JPEG2000"])
def test_damaged_files_give_pixels_or_a_value_error(kind):
    data, rng = saved(colours(), kind), np.random.default_rng(0)
    for _ in range(40):
        damaged = bytearray(data[: rng.integers(1, len(data) + 1)])
        for place in rng.integers(0, len(damaged), 3):
            damaged[place] = rng.integers(256)
        try:
            assert decode(bytes(damaged)).ndim == 3
        except ValueError as error:
            assert str(error)  # noqa: PT017  both ends are right


@pytest.mark.parametrize("enough", [0, 64])
def test_a_photo_that_is_cut_off_is_refused_at_every_size(enough):
    data = saved(np.kron(colours(8, 8), np.ones((300, 300, 1), np.uint8)), "JPEG")
    assert len(decode(data, enough)) == (300 if enough else 2400)
    with pytest.raises(ValueError, match="truncated"):
        decode(data[: len(data) // 2], enough)


def test_a_large_photo_decoded_at_a_fraction_is_nearly_the_same():
    large = cv2.resize(colours(6, 8), (2800, 2000), interpolation=cv2.INTER_CUBIC)
    data = saved(large, "JPEG", quality=95)
    whole, fraction = (cv2.resize(decode(data, n), (64, 64), interpolation=cv2.INTER_AREA) for n in (0, 128))
    assert np.abs(whole.astype(int) - fraction).max() <= 4


@pytest.mark.parametrize(
    ("marker", "bits", "words"),
    [(0xC1, 12, "a JPEG of 12 bits"), (0xC3, 8, "lossless"), (0xC3, 16, "16 bits with lossless"), (0xF7, 8, "JPEG-LS")],
)
def test_a_jpeg_that_pil_cannot_read_is_told_from_a_damaged_one(marker, bits, words):
    file = io.BytesIO()
    Image.new("RGB", (16, 16)).save(file, "JPEG")
    data = file.getvalue()
    at = data.index(b"\xff\xc0")
    with pytest.raises(ValueError, match=words) as caught:
        decode(data[:at] + bytes([0xFF, marker]) + data[at + 2 : at + 4] + bytes([bits]) + data[at + 5 :])
    assert "imagecodecs" in str(caught.value)
    with pytest.raises(ValueError, match=r"^(?!.*imagecodecs)"):
        decode(data[: at + 40])
