"""Samples of photos for the page of the input."""

import numpy as np
import pandas as pd
from PIL import Image
from small_competitions import small

from comp.pages import eda_photos


def test_the_rows_of_the_kinds_are_those_with_the_label():
    single = pd.DataFrame({"label": [2, 0, 2, 1]})
    assert [rows.tolist() for _, rows in eda_photos.rows_of_kinds(single, small())] == [[1], [3], [0, 2]]
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
    pictures = eda_photos.small_pictures(tmp_path, images, lambda count: None, jobs=1)
    assert list(pictures) == ["a.png", "b.png", "wide.png"]
    height = eda_photos.HEIGHT
    assert pictures["a.png"].shape == (height, height // 2, 3)
    assert pictures["wide.png"].shape == (height, eda_photos.WIDEST * height, 3)
    mean = eda_photos.mean_picture([pictures["a.png"], pictures["b.png"]])
    assert mean.shape == (height, height // 2, 3)
    assert (mean == 150).all()
    assert eda_photos.mean_picture([]) is None
