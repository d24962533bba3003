"""What one look at a photo tells, samples of photos, and pairs of equal ones."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from small_competitions import small

from comp.data import near_duplicates, photo_check
from comp.pages import eda_photos


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
    found = scanned(tmp_path, "grey.png", "half.png", "turned.jpg")
    grey, half, turned = found.values()
    assert (grey.width, grey.height, grey.format, grey.problem) == (40, 30, "PNG", "")
    assert (grey.brightness, grey.contrast) == (100, 0)
    assert (half.brightness, half.contrast) == (100, 100)
    assert (turned.width, turned.height, turned.format) == (30, 40, "JPEG")
    assert grey.size == (tmp_path / "grey.png").stat().st_size


def test_a_photo_that_cannot_be_read_says_why(tmp_path):
    (tmp_path / "empty.jpg").write_bytes(b"")
    found = scanned(tmp_path, "empty.jpg", "gone.jpg")
    assert "empty file" in found["empty.jpg"].problem
    assert found["gone.jpg"].problem == "no such file"


@pytest.fixture
def copies(tmp_path):
    """Photos of noise: a and b are equal, c is a saved again, d is something else; t is a test photo equal to d."""
    rng = np.random.default_rng(0)
    noise = [Image.fromarray(rng.integers(0, 255, (12, 12, 3), dtype=np.uint8)).resize((96, 96)) for _ in range(2)]
    for name in ("a.png", "b.png"):
        noise[0].save(tmp_path / name)
    noise[0].save(tmp_path / "c.jpg", quality=60)
    for name in ("d.png", "t.png"):
        noise[1].save(tmp_path / name)
    return tmp_path


def test_pairs_say_where_and_how_alike_and_leave_out_unreadable_photos(copies):
    for name in ("x.png", "y.png"):
        (copies / name).write_bytes(b"broken")
    images = ["a.png", "b.png", "c.jpg", "d.png", "x.png", "y.png"]
    train = pd.DataFrame({"image": images, "group": list("ggcdxy"), "label": [0, 1, 1, 0, 0, 0]})
    test = pd.DataFrame({"image": ["t.png"]})
    found = near_duplicates.photo_pairs(scanned(copies, *images, "t.png"), train, test).set_index(["first", "second"])
    assert set(found.index) == {("a.png", "b.png"), ("d.png", "t.png"), ("a.png", "c.jpg"), ("b.png", "c.jpg")}
    assert found.loc[("a.png", "b.png")].tolist() == [True, "train", True, True]
    assert found.loc[("b.png", "c.jpg")].tolist() == [False, "train", False, False]
    assert found.loc[("d.png", "t.png")].tolist() == [True, "train and test", False, False]


def test_no_two_alike_photos_give_an_empty_table(copies):
    train = pd.DataFrame({"image": ["a.png", "d.png"], "group": ["a", "d"], "label": [0.5, 1.5]})
    nobody = pd.DataFrame({"image": []}, dtype=object)
    assert near_duplicates.photo_pairs(scanned(copies, "a.png", "d.png"), train, nobody).empty


def test_the_rows_of_the_kinds_are_those_with_the_label():
    one = pd.DataFrame({"label": [2, 0, 2, 1]})
    assert [rows.tolist() for _, rows in eda_photos.rows_of_kinds(one, small())] == [[1], [3], [0, 2]]
    several = pd.DataFrame({"label": ["0 2", "", "2"]})
    kinds = eda_photos.rows_of_kinds(several, small("multilabel"))
    assert [rows.tolist() for _, rows in kinds] == [[0], [], [0, 2]]
    numbers = pd.DataFrame({"label": np.arange(100.0)})
    kinds = eda_photos.rows_of_kinds(numbers, small("regression"))
    assert sorted(np.concatenate([rows for _, rows in kinds])) == list(range(100))
    assert kinds[0][0] == "0 to 19"


def test_the_sample_is_the_same_each_time_and_without_repetition():
    rows = np.arange(50, 90)
    first = eda_photos.drawn_rows(rows, 10)
    assert first.tolist() == eda_photos.drawn_rows(rows, 10).tolist()
    assert len(set(first) & set(rows)) == 10
    assert sorted(eda_photos.drawn_rows(rows, 100)) == rows.tolist()


def test_small_pictures_keep_their_shape_and_the_mean_is_the_mean(tmp_path):
    for name, grey, size in (("a.png", 100, (20, 40)), ("b.png", 200, (20, 40)), ("wide.png", 0, (4000, 20))):
        Image.new("RGB", size, (grey,) * 3).save(tmp_path / name)
    images = ["a.png", "gone.png", "b.png", "wide.png"]
    small_ones = eda_photos.small_pictures(tmp_path, images, lambda count: None, jobs=1)
    assert list(small_ones) == ["a.png", "b.png", "wide.png"]
    height = eda_photos.HEIGHT
    assert small_ones["a.png"].shape == (height, height // 2, 3)
    assert small_ones["wide.png"].shape == (height, eda_photos.WIDEST * height, 3)
    mean = eda_photos.mean_picture([small_ones["a.png"], small_ones["b.png"]])
    assert mean.shape == (height, height // 2, 3)
    assert (mean == 150).all()
    assert eda_photos.mean_picture([]) is None
