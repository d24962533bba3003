"""What one look at a photo tells; what has a photo's name and is no file is named, and nothing waits for it."""

import os

import numpy as np
import pytest
from PIL import Image

from comp.data import photo_cache, photo_check
from comp.data.decoding import read_bytes
from comp.errors import InputError


def scanned(folder, *images):
    return photo_check.scan_photos(folder, images, lambda count: None, jobs=1)


def test_size_light_and_format_are_those_of_the_photo(tmp_path):
    Image.new("RGB", (40, 30), (100, 100, 100)).save(tmp_path / "grey.png")
    half = np.zeros((30, 40, 3), np.uint8)
    half[:, 20:] = 200
    Image.fromarray(half).save(tmp_path / "half.png")
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    Image.new("RGB", (40, 30), (9, 9, 9)).save(tmp_path / "turned.jpg", exif=exif)
    grey, half, turned = scanned(tmp_path, "grey.png", "half.png", "turned.jpg").values()
    assert (grey.width, grey.height, grey.format, grey.problem) == (40, 30, "PNG", "")
    assert (grey.brightness, grey.contrast) == (100, 0)
    assert (half.brightness, half.contrast) == (100, 100)
    assert (turned.width, turned.height, turned.format) == (30, 40, "JPEG")
    assert grey.size == (tmp_path / "grey.png").stat().st_size


def test_a_photo_that_cannot_be_read_says_why(tmp_path):
    (tmp_path / "empty.jpg").write_bytes(b"")
    facts = scanned(tmp_path, "empty.jpg", "gone.jpg")
    assert "empty file" in facts["empty.jpg"].problem
    assert facts["gone.jpg"].problem == "no such file"


# No file --------------------------------------------------------------------------------------------------------------


def folder(path):
    path.mkdir()


def pipe(path):
    os.mkfifo(path)


def link(path):
    path.symlink_to("nowhere.jpg")


def loop(path):
    path.symlink_to(path.name)


def empty(path):
    path.write_bytes(b"")


KINDS = {folder: "a folder", pipe: "a pipe", link: "broken symbolic link", loop: "symbolic links", empty: "empty file"}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_photo_is_named_among_all_others(tmp_path, kind):
    kind(tmp_path / "bad.JPG")
    Image.new("RGB", (8, 8)).save(tmp_path / "good.jpg")
    names = ["bad.JPG", "good.jpg", "missing.jpg"]
    with pytest.raises(InputError, match=r"2 photo\(s\) cannot be read") as error:
        photo_check.check_photos(tmp_path, names, lambda count: None, jobs=1)
    assert "bad.JPG: " in error.value.found
    assert KINDS[kind] in error.value.found
    assert "missing.jpg: no such file" in error.value.found
    with pytest.raises(InputError, match=r"missing\.jpg: no such file"):
        photo_cache.cached(tmp_path / "cache", tmp_path, [names], 0, 8, lambda count: None, jobs=1)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_named(tmp_path):
    (tmp_path / "x.jpg").touch(0o000)
    with pytest.raises(ValueError, match="Permission denied"):
        read_bytes(tmp_path / "x.jpg")
