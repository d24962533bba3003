"""The cache: the pixels of the files, one file for each list of photos, and a kind of file that has room."""

import os
import threading

import numpy as np
import pytest
from PIL import Image

from comp import files
from comp.data import photo_cache, photos
from comp.errors import InputError
from comp.inputs import mask_gender_age

SIZE = 16  # so 30 x 7 photos need 161 kB of pixels


def quiet(count):
    return None


@pytest.fixture
def images(inputs):
    return mask_gender_age.read_train(inputs)["image"].tolist()


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "cache"


def cached(folder, inputs, lists, crop=0, size=SIZE, progress=quiet, say=lambda text: None, **options):
    return photo_cache.cached(folder, inputs, lists, crop, size, progress, 1, say, **options)


def kinds(folder):
    return sorted(path.suffix for path in folder.iterdir() if path.name != "building")


@pytest.fixture
def small_memory(monkeypatch):
    """A memory in which no pixels fit, so that JPEGs are kept."""
    monkeypatch.setattr(photo_cache, "RAW_OF_MEMORY", 1e-12)


@pytest.fixture
def small_disk(monkeypatch):
    """A disk on which nothing fits."""
    monkeypatch.setattr(photo_cache, "RAW_OF_DISK", 1e-12)
    monkeypatch.setattr(photo_cache, "JPEGS_OF_DISK", 1e-12)


# The pixels -----------------------------------------------------------------------------------------------------------


def test_cache_and_files_give_the_same_pixels(inputs, images, folder):
    store = cached(folder, inputs, [images], 24)
    plain = photos.Photos(inputs, images, 24, SIZE)
    rows = [5, 0, 17]
    assert store.is_decoded
    assert not plain.is_decoded
    np.testing.assert_array_equal(store.batch(rows), plain.batch(rows))
    assert store.batch(rows).shape == (3, SIZE, SIZE, 3)


@pytest.mark.parametrize("fit", ["squash", "crop", "pad"])
@pytest.mark.parametrize("crop", [0, 24])
def test_cache_and_files_agree_for_every_fit_and_size_of_photo(tmp_path, fit, crop):
    large = np.zeros((2100, 2000, 3), np.uint8)  # large enough to be decoded at a fraction of its size
    large[:1050] = (250, 100, 20)
    Image.fromarray(large).save(tmp_path / "large.jpg")
    Image.fromarray(large[1000:1090, :60]).save(tmp_path / "small.png")
    names = ["large.jpg", "small.png"]
    store = cached(tmp_path / "cache", tmp_path, [names], crop, fit=fit)
    plain = photos.Photos(tmp_path, names, crop, SIZE, fit=fit)
    np.testing.assert_array_equal(store.batch([0, 1]), plain.batch([0, 1]))


@pytest.mark.usefixtures("small_memory")
def test_jpegs_give_nearly_the_same_pixels_in_every_order(inputs, images, folder):
    store = cached(folder, inputs, [images], 24)
    assert kinds(folder) == [".jpegs"]
    assert not store.is_decoded
    rows = [*range(len(images)), 3, 0]
    plain = photos.Photos(inputs, images, 24, SIZE).batch(rows).astype(int)
    assert store.batch(rows).dtype == np.uint8
    assert np.abs(store.batch(rows) - plain).mean() < 4  # of noise, which JPEG changes most
    np.testing.assert_array_equal(store.batch(rows)[[3, 0]], store.batch(rows)[-2:])


# Several lists --------------------------------------------------------------------------------------------------------


def test_several_lists_are_one_sequence_with_a_file_for_each(inputs, images, folder):
    store = cached(folder, inputs, [images[:50], [], images[50:]])
    assert kinds(folder) == [".npy", ".npy"]
    assert len(store) == len(images)
    assert store.images == images
    assert store.is_decoded
    rows = np.random.default_rng(0).permutation(len(images))[:60]
    np.testing.assert_array_equal(store.batch(rows), photos.Photos(inputs, images, 0, SIZE).batch(rows))


def test_a_changed_test_set_leaves_the_training_photos_alone(inputs, images, folder):
    train, test, done = images[:50], images[50:60], []
    cached(folder, inputs, [train, test], progress=done.append)
    before = {path: path.stat().st_mtime_ns for path in folder.glob("*.npy")}
    cached(folder, inputs, [train, images[60:63]], progress=done.append)
    assert sum(done) == 50 + 10 + 3
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_cache_is_built_once_and_again_for_a_changed_photo(inputs, images, folder):
    done = []
    for _ in range(2):
        cached(folder, inputs, [images], progress=done.append)
    assert sum(done) == len(images)
    os.utime(inputs / images[0], (1, 1))
    cached(folder, inputs, [images], progress=done.append)
    assert sum(done) == 2 * len(images)


def test_the_cache_has_its_own_file_for_each_crop_size_and_fit(inputs, images, folder):
    ways = [(0, 8, "squash"), (0, 8, "crop"), (0, 8, "pad"), (9, 8, "squash"), (0, 9, "squash")]
    assert len({photo_cache.cache_file(folder, inputs, images, *way) for way in ways}) == len(ways)


# The kind -------------------------------------------------------------------------------------------------------------


def test_each_kind_is_said_with_its_numbers(inputs, images, folder, monkeypatch):
    said = []
    cached(folder / "raw", inputs, [images], size=500, say=said.append)
    gigabytes = f"{len(images) * 500 * 500 * 3 / 1e9:.2f} GB and may use"
    assert f"{len(images)} photos once" in said[-1]
    assert gigabytes in said[-1]
    monkeypatch.setattr(photo_cache, "RAW_OF_MEMORY", 1e-12)
    cached(folder / "jpegs", inputs, [images[:9], images[9:]], say=said.append)
    assert "JPEGs of quality 95 need 0.00 GB and may use" in said[-1]
    assert "JPEGs change the pixels slightly" in said[-1]
    monkeypatch.setattr(photo_cache, "JPEGS_OF_DISK", 1e-12)
    for _ in range(2):  # when it is decided, and each time after that
        cached(folder / "files", inputs, [images], size=500, say=said.append)
        assert gigabytes in said[-1]
        assert "may use 0.00 GB" in said[-1]
    assert len(said) == 4
    assert [kinds(folder / name) for name in ("raw", "jpegs", "files")] == [[".npy"], [".jpegs"] * 2, [".files"]]


@pytest.mark.usefixtures("small_disk")
def test_without_room_photos_are_read_from_the_files_and_nothing_is_decoded_before(inputs, images, folder):
    done = []
    store = cached(folder, inputs, [images[:50], images[50:]], progress=done.append)
    assert not done
    assert not store.is_decoded
    np.testing.assert_array_equal(store.batch([60, 1]), photos.Photos(inputs, images, 0, SIZE).batch([60, 1]))


@pytest.mark.parametrize("limits", [(1e-12, 0.5), (1e-12, 1e-12), (0.25, 0.5)])
def test_a_kind_that_exists_is_used_again_whatever_fits_now(inputs, images, folder, monkeypatch, limits):
    monkeypatch.setattr(photo_cache, "RAW_OF_DISK", limits[0])
    monkeypatch.setattr(photo_cache, "JPEGS_OF_DISK", limits[1])
    first = cached(folder, inputs, [images]).batch(range(9))
    before = kinds(folder)
    for other in ((0.25, 0.5), (1e-12, 0.5), (1e-12, 1e-12)):
        monkeypatch.setattr(photo_cache, "RAW_OF_DISK", other[0])
        monkeypatch.setattr(photo_cache, "JPEGS_OF_DISK", other[1])
        np.testing.assert_array_equal(cached(folder, inputs, [images]).batch(range(9)), first)
        assert kinds(folder) == before


def test_a_new_test_set_has_the_kind_of_the_training_photos_or_none(inputs, images, folder, monkeypatch):
    monkeypatch.setattr(photo_cache, "RAW_OF_DISK", 1e-12)
    cached(folder, inputs, [images[:50]])
    monkeypatch.setattr(photo_cache, "RAW_OF_DISK", 0.25)
    cached(folder, inputs, [images[:50], images[50:60]])
    assert kinds(folder) == [".jpegs", ".jpegs"]
    monkeypatch.setattr(photo_cache, "JPEGS_OF_DISK", 1e-12)
    store = cached(folder, inputs, [images[:50], images[60:70]])
    assert kinds(folder) == [".files", ".jpegs", ".jpegs"]
    np.testing.assert_array_equal(store.batch([50, 59]), photos.Photos(inputs, images, 0, SIZE).batch([60, 69]))


@pytest.mark.parametrize("like", [".npy", ".jpegs", ".files"])
@pytest.mark.parametrize("roomy", [True, False])
def test_photos_like_others_have_their_kind_or_none(inputs, images, folder, monkeypatch, like, roomy):
    shares = {".npy": (0.25, 0.5), ".jpegs": (1e-12, 0.5), ".files": (1e-12, 1e-12)}

    def set_room(raw, jpegs):
        monkeypatch.setattr(photo_cache, "RAW_OF_DISK", raw)
        monkeypatch.setattr(photo_cache, "JPEGS_OF_DISK", jpegs)

    set_room(*shares[like])
    first = cached(folder / "first", inputs, [images[:20]])
    assert photo_cache.kind_of(first) == like
    said = []
    set_room(*(0.25, 0.5) if roomy else (1e-12, 1e-12))
    second = cached(folder / "second", inputs, [images[20:30], images[30:]], like=first, say=said.append)
    expected = like if roomy else ".files"
    assert kinds(folder / "second") == [expected] * 2
    assert len(said) == 1
    assert ("not cached either" in said[0]) == (like == ".files")
    plain = photos.Photos(inputs, images[20:], 0, SIZE).batch([3, 11]).astype(int)
    assert np.abs(second.batch([3, 11]) - plain).mean() < (4 if expected == ".jpegs" else 1e-9)


def test_what_another_process_builds_meanwhile_is_not_built_again(inputs, images, folder):
    cached(folder / "other", inputs, [images])
    done, opened = [], []
    with files.lock(folder / "here/building", "the photo cache"):
        waiting = threading.Thread(
            target=lambda: opened.append(cached(folder / "here", inputs, [images], progress=done.append))
        )
        waiting.start()
        waiting.join(0.3)
        assert waiting.is_alive()
        for path in (folder / "other").glob("*.npy"):
            path.rename(folder / "here" / path.name)
    waiting.join()
    assert done == []
    np.testing.assert_array_equal(opened[0].batch([7]), photos.Photos(inputs, images, 0, SIZE).batch([7]))


def test_the_memory_is_at_most_that_of_the_machine():
    assert 0 < photo_cache.memory_bytes() <= os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


# Problems -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.25, 1e-12])
def test_all_unreadable_photos_are_listed_and_no_cache_is_left(inputs, images, folder, monkeypatch, share):
    monkeypatch.setattr(photo_cache, "RAW_OF_DISK", share)
    data = (inputs / images[3]).read_bytes()
    (inputs / images[3]).write_bytes(data[: len(data) * 2 // 3])  # truncated
    (inputs / images[8]).write_bytes(b"")
    (inputs / images[9]).write_text("not a photo")
    with pytest.raises(InputError, match=r"3 photo\(s\)") as error:
        cached(folder, inputs, [images])
    assert all(images[i] in str(error.value) for i in (3, 8, 9))
    assert kinds(folder) == []


def test_all_missing_photos_are_listed(inputs, images, folder):
    for i in (2, 6):
        (inputs / images[i]).unlink()
    with pytest.raises(InputError) as error:
        cached(folder, inputs, [images])
    assert all(f"{images[i]}: no such file" in str(error.value) for i in (2, 6))
    with pytest.raises(InputError, match=r"/x\.jpg: Not a directory"):
        cached(folder, inputs, [[f"{images[0]}/x.jpg"]])


def test_a_full_disk_is_said_before_anything_is_written(inputs, images, folder, monkeypatch):
    for name in ("RAW_OF_DISK", "RAW_OF_MEMORY"):
        monkeypatch.setattr(photo_cache, name, 1e9)
    with pytest.raises(InputError, match="clean-cache"):
        cached(folder, inputs, [images], size=1_000_000)


@pytest.mark.parametrize("memory", [0.5, 1e-12])
@pytest.mark.parametrize("keep", [0, 50, -9])
def test_a_damaged_cache_is_named(inputs, images, folder, monkeypatch, memory, keep):
    monkeypatch.setattr(photo_cache, "RAW_OF_MEMORY", memory)
    cached(folder, inputs, [images])
    file = next(path for path in folder.iterdir() if path.name != "building")
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(InputError, match="is damaged") as error:
        cached(folder, inputs, [images])
    assert error.value.run == f"rm {file}"


@pytest.mark.parametrize("memory", [0.5, 1e-12])
def test_a_cache_of_another_size_of_photos_is_named(inputs, images, folder, monkeypatch, memory):
    monkeypatch.setattr(photo_cache, "RAW_OF_MEMORY", memory)
    cached(folder / "small", inputs, [images], size=8)
    cached(folder, inputs, [images])
    file = next(path for path in folder.iterdir() if path.suffix in (".npy", ".jpegs"))
    next((folder / "small").glob(f"*{file.suffix}")).replace(file)
    with pytest.raises(InputError, match="is damaged"):
        cached(folder, inputs, [images]).batch([0, 1])


def test_a_cache_of_another_type_of_numbers_is_named(inputs, images, folder):
    cached(folder, inputs, [images])
    file = next(folder.glob("*.npy"))
    np.save(file, np.load(file).astype(np.float32))
    with pytest.raises(InputError, match="is damaged"):
        cached(folder, inputs, [images])


@pytest.mark.usefixtures("small_memory")
def test_a_damaged_jpeg_is_named(inputs, images, folder):
    cached(folder, inputs, [images])
    file = next(folder.glob("*.jpegs"))
    data = file.read_bytes()
    file.write_bytes(bytes(1000) + data[1000:])
    with pytest.raises(InputError, match="is damaged"):
        cached(folder, inputs, [images]).batch([0, 1])
