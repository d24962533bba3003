import os

import numpy as np
import pytest
from PIL import Image

from comp.data import photo_cache, photo_check, photos
from comp.errors import InputError
from comp.inputs import mask_gender_age as competition


def quiet(count):
    return None


@pytest.fixture
def images(inputs):
    return competition.read_train(inputs)["image"].tolist()


def test_cache_and_files_give_the_same_pixels(inputs, images, tmp_path):
    cached = photo_cache.cached(tmp_path / "cache", inputs, images, 24, 16, quiet, jobs=1)
    plain = photos.Photos(inputs, images, 24, 16)
    rows = [5, 0, 17]
    assert cached.pixels is not None
    np.testing.assert_array_equal(cached.batch(rows), plain.batch(rows))
    assert cached.batch(rows).shape == (3, 16, 16, 3)


def test_cache_is_built_once_and_again_for_a_changed_photo(inputs, images, tmp_path):
    done = []
    for _ in range(2):
        photo_cache.cached(tmp_path, inputs, images, 0, 8, done.append, jobs=1)
    assert sum(done) == len(images)
    os.utime(inputs / images[0], (1, 1))
    photo_cache.cached(tmp_path, inputs, images, 0, 8, done.append, jobs=1)
    assert sum(done) == 2 * len(images)


def test_all_unreadable_photos_are_listed_and_no_cache_is_left(inputs, images, tmp_path):
    data = (inputs / images[3]).read_bytes()
    (inputs / images[3]).write_bytes(data[: len(data) * 2 // 3])  # truncated
    (inputs / images[8]).write_bytes(b"")
    (inputs / images[9]).write_text("not a photo")
    for attempt in (
        lambda: photo_cache.cached(tmp_path / "cache", inputs, images, 0, 8, quiet, jobs=1),
        lambda: photo_check.check_photos(inputs, images, quiet, jobs=1),
    ):
        with pytest.raises(InputError) as error:
            attempt()
        assert all(images[i] in str(error.value) for i in (3, 8, 9))
        assert "3 photo(s)" in str(error.value)
    assert not list((tmp_path / "cache").glob("*.npy"))


def test_a_full_disk_is_said_before_anything_is_written(inputs, images, tmp_path):
    with pytest.raises(InputError, match="clean-cache"):
        photo_cache.cached(tmp_path / "cache", inputs, images, 0, 1_000_000, quiet, jobs=1)


@pytest.mark.parametrize("fit", ["squash", "crop", "pad"])
@pytest.mark.parametrize("crop", [0, 24])
def test_cache_and_files_agree_for_every_fit_and_size_of_photo(tmp_path, fit, crop):
    large = np.zeros((2100, 2000, 3), np.uint8)  # large enough to be decoded at a fraction of its size
    large[:1050] = (250, 100, 20)
    Image.fromarray(large).save(tmp_path / "large.jpg")
    Image.fromarray(large[1000:1090, :60]).save(tmp_path / "small.png")
    names = ["large.jpg", "small.png"]
    cached = photo_cache.cached(tmp_path / "cache", tmp_path, names, crop, 16, quiet, jobs=1, fit=fit)
    plain = photos.Photos(tmp_path, names, crop, 16, fit=fit)
    np.testing.assert_array_equal(cached.batch([0, 1]), plain.batch([0, 1]))


def test_the_cache_has_its_own_file_for_each_crop_size_and_fit(inputs, images, tmp_path):
    kinds = [(0, 8, "squash"), (0, 8, "crop"), (0, 8, "pad"), (9, 8, "squash"), (0, 9, "squash")]
    assert len({photo_cache.cache_file(tmp_path, inputs, images, *kind) for kind in kinds}) == len(kinds)


def test_all_missing_photos_are_listed(inputs, images, tmp_path):
    for i in (2, 6):
        (inputs / images[i]).unlink()
    with pytest.raises(InputError) as error:
        photo_cache.cached(tmp_path / "cache", inputs, images, 0, 8, quiet, jobs=1)
    assert all(f"{images[i]}: no such file" in str(error.value) for i in (2, 6))
