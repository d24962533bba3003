import os

import numpy as np
import pytest
from PIL import Image

from comp.competition import home as competition
from comp.data import photos
from comp.errors import InputError


def quiet(count):
    return None


@pytest.fixture
def images(inputs):
    return competition.read_train(inputs)["image"].tolist()


def test_cache_and_files_give_the_same_pixels(inputs, images, tmp_path):
    cached = photos.cached(tmp_path / "cache", inputs, images, 24, 16, quiet, jobs=1)
    plain = photos.Photos(inputs, images, 24, 16)
    rows = [5, 0, 17]
    assert cached.pixels is not None
    np.testing.assert_array_equal(cached.batch(rows), plain.batch(rows))
    assert cached.batch(rows).shape == (3, 16, 16, 3)


def test_cache_is_built_once_and_again_for_a_changed_photo(inputs, images, tmp_path):
    done = []
    for _ in range(2):
        photos.cached(tmp_path, inputs, images, 0, 8, done.append, jobs=1)
    assert sum(done) == len(images)
    os.utime(inputs / images[0], (1, 1))
    photos.cached(tmp_path, inputs, images, 0, 8, done.append, jobs=1)
    assert sum(done) == 2 * len(images)


def test_all_unreadable_photos_are_listed_and_no_cache_is_left(inputs, images, tmp_path):
    data = (inputs / images[3]).read_bytes()
    (inputs / images[3]).write_bytes(data[: len(data) * 2 // 3])  # truncated
    (inputs / images[8]).write_bytes(b"")
    (inputs / images[9]).write_text("not a photo")
    for attempt in (
        lambda: photos.cached(tmp_path / "cache", inputs, images, 0, 8, quiet, jobs=1),
        lambda: photos.check(inputs, images, quiet, jobs=1),
    ):
        with pytest.raises(InputError) as error:
            attempt()
        assert all(images[i] in str(error.value) for i in (3, 8, 9))
        assert "3 photo(s)" in str(error.value)
    assert not list((tmp_path / "cache").glob("*.npy"))


def test_centre_crop_keeps_the_centre():
    pixels = np.zeros((40, 30, 3), np.uint8)
    pixels[10:30, 5:25] = 255
    assert (photos.base_image(pixels, 20, 10) == 255).all()
    assert photos.base_image(pixels, 0, 10).min() == 0
    assert photos.base_image(pixels, 999, 10).shape == (10, 10, 3)  # larger than the photo: the whole of it


def test_exif_orientation_is_applied(tmp_path):
    pixels = np.zeros((10, 20, 3), np.uint8)
    pixels[:, :10] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    assert photos.decode((tmp_path / "a.png").read_bytes()).shape == (20, 10, 3)


def test_a_full_disk_is_said_before_anything_is_written(inputs, images, tmp_path):
    with pytest.raises(InputError, match="clean-cache"):
        photos.cached(tmp_path / "cache", inputs, images, 0, 1_000_000, quiet, jobs=1)
