"""What lies under a photo's name and is no file is named; nothing waits for it."""

import os

import pytest
from PIL import Image

from comp.data import photo_cache, photo_check
from comp.data.decoding import read_bytes
from comp.errors import InputError


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
    assert f"bad.JPG: {'too many levels of ' if kind is loop else ''}" in error.value.found.replace("Too", "too")
    assert KINDS[kind] in error.value.found
    assert "missing.jpg: no such file" in error.value.found
    with pytest.raises(InputError, match=r"missing\.jpg: no such file"):
        photo_cache.cached(tmp_path / "cache", tmp_path, names, 0, 8, lambda count: None, jobs=1)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_named(tmp_path):
    (tmp_path / "x.jpg").touch(0o000)
    with pytest.raises(ValueError, match="Permission denied"):
        read_bytes(tmp_path / "x.jpg")
