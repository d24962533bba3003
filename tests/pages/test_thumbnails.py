"""Thumbnails keep their order and their budget, and say what is wrong with a photo."""

import numpy as np
from PIL import Image

from comp.pages import thumbnails


def test_thumbnails_keep_their_order_and_their_budget_and_say_what_is_wrong(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("a.png", "b.png", "c.png"):
        Image.fromarray(rng.integers(0, 255, (60, 300, 3), dtype=np.uint8)).save(tmp_path / name)
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff not a photo")
    drawn = thumbnails.thumbnails(tmp_path, ["a.png", "gone.jpg", "broken.jpg", "b.png"])
    assert [bool(small.uri) for small in drawn] == [True, False, False, True]
    assert "no such file" in drawn[1].problem
    assert drawn[0] == thumbnails.thumbnail(tmp_path / "a.png")
    few = thumbnails.thumbnails(tmp_path, ["a.png", "b.png", "c.png"], budget=int(1.5 * len(drawn[0].uri)))
    assert [bool(small.uri) for small in few] == [True, False, False]
    assert few[1].problem == thumbnails.OVER_BUDGET
