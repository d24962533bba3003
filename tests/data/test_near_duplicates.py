"""Pairs of equal and near-identical photos: all of them, and no others."""

import io

import cv2
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from comp.data import decoding, near_duplicates
from comp.data.photo_check import THUMBNAIL, PhotoSummary, scan_photos


def picture(seed):
    """Soft random shapes with a little noise, 120 x 160, as unlike each other as photos are."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (6, 8, 3), np.uint8)
    pixels = cv2.resize(coarse, (120, 160), interpolation=cv2.INTER_CUBIC).astype(int)
    return np.clip(pixels + rng.normal(0, 6, pixels.shape), 0, 255).astype(np.uint8)


def look(pixels):
    return PhotoSummary("", cv2.resize(pixels, THUMBNAIL[1::-1], interpolation=cv2.INTER_AREA))


def saved_again(pixels, size=(90, 120), quality=70, light=1.0):
    stream = io.BytesIO()
    Image.fromarray(np.clip(pixels * light, 0, 255).astype(np.uint8)).resize(size).save(stream, "JPEG", quality=quality)
    return decoding.decode(stream.getvalue())


@pytest.mark.parametrize("light", [1.0, 0.8])
def test_a_photo_saved_again_is_found_and_no_other(light):
    pictures = [picture(i) for i in range(30)]
    looks = [look(p) for p in pictures] + [look(saved_again(pictures[7], light=light))]
    groups = [f"person{i}" for i in range(30)] + ["another name"]
    assert near_duplicates.alike_pairs(looks, groups) == [(7, 30)]


def test_photos_of_one_person_are_no_news():
    looks = [look(picture(0)), look(saved_again(picture(0)))]
    assert near_duplicates.alike_pairs(looks, ["a", "a"]) == []


def test_flat_pictures_are_not_taken_for_each_other():
    looks = [look(np.full((160, 120, 3), grey, np.uint8)) for grey in (10, 10, 200)]
    assert near_duplicates.alike_pairs(looks, list("abc")) == []


@pytest.mark.parametrize("flat", [True, False])
def test_the_same_bytes_are_found_whatever_the_picture(flat):
    thumbnail = look(np.full((160, 120, 3), 90, np.uint8) if flat else picture(1)).thumbnail
    looks = [PhotoSummary(digest, thumbnail) for digest in "abacaa"]
    assert near_duplicates.same_bytes(looks, ["p", "q", "p", "r", "s", "s"]) == [(0, 4), (0, 5)]


def test_of_very_many_pairs_those_are_kept_that_link_the_same_photos(monkeypatch):
    looks = [look(saved_again(picture(i % 3), quality=60 + i)) for i in range(30)]
    groups = [f"g{i:02d}" for i in range(30)]
    every = near_duplicates.alike_pairs(looks, groups)
    monkeypatch.setattr(near_duplicates, "MOST_PAIRS", 20)
    few = near_duplicates.alike_pairs(looks, groups)
    assert set(few) < set(every)
    for pairs in (few, every):
        assert near_duplicates.merged_groups(groups, pairs) == [f"g{i % 3:02d}" for i in range(30)]


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 19), st.integers(0, 19)), max_size=25))
def test_linked_groups_have_one_name_that_is_their_first(pairs):
    groups = [f"g{(7 * i) % 20:02d}" for i in range(20)]
    merged = near_duplicates.merged_groups(groups, pairs)
    assert all(merged[a] == merged[b] for a, b in pairs)
    for name in set(merged):
        assert name == min(group for group, new in zip(groups, merged, strict=True) if new == name)
    assert len(set(merged)) >= 20 - len(pairs)


def test_pairs_link_groups_through_others():
    groups = list("fbcdea")
    assert near_duplicates.merged_groups(groups, [(0, 1), (1, 2), (4, 5)]) == ["b", "b", "b", "d", "a", "a"]
    assert near_duplicates.merged_groups(groups, []) == groups


# A table of all pairs -------------------------------------------------------------------------------------------------


def facts_of(folder, *images):
    return scan_photos(folder, images, lambda count: None, jobs=1)


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
    pairs = near_duplicates.photo_pairs(facts_of(copies, *images, "t.png"), train, test).set_index(["first", "second"])
    assert set(pairs.index) == {("a.png", "b.png"), ("d.png", "t.png"), ("a.png", "c.jpg"), ("b.png", "c.jpg")}
    assert pairs.loc[("a.png", "b.png")].tolist() == [True, "train", True, True]
    assert pairs.loc[("b.png", "c.jpg")].tolist() == [False, "train", False, False]
    assert pairs.loc[("d.png", "t.png")].tolist() == [True, "train and test", False, False]


def test_no_two_alike_photos_give_an_empty_table(copies):
    train = pd.DataFrame({"image": ["a.png", "d.png"], "group": ["a", "d"], "label": [0.5, 1.5]})
    nobody = pd.DataFrame({"image": []}, dtype=object)
    assert near_duplicates.photo_pairs(facts_of(copies, "a.png", "d.png"), train, nobody).empty


# Bit strings that differ in few bits ----------------------------------------------------------------------------------


MOST = 12


def near(bits, groups):
    parts = list(near_duplicates.near_pairs(bits, MOST, groups))
    pairs = [tuple(pair) for part in parts for pair in part.tolist()]
    assert len(pairs) == len(set(pairs))
    return set(pairs)


def near_by_comparing_each(bits, groups):
    changed = (bits[:, None] != bits[None]).sum(2)
    first, second = np.nonzero((changed <= MOST) & (groups[:, None] != groups))
    return {(int(a), int(b)) for a, b in zip(first, second, strict=True) if a < b}


def hashes(seed, scenes, noise, rows=120):
    """Rows of a few scenes with some bits changed: some pairs are near, some just not."""
    rng = np.random.default_rng(seed)
    bits = rng.integers(0, 2, (scenes, 256))[rng.integers(0, scenes, rows)] ^ (rng.random((rows, 256)) < noise)
    return bits.astype(bool), rng.integers(0, rows // 2, rows)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6), st.sampled_from([1, 3, 40]), st.sampled_from([0, 0.01, 0.025, 0.2, 0.5]))
def test_the_pairs_are_those_of_comparing_each_with_each(seed, scenes, noise):
    bits, groups = hashes(seed, scenes, noise)
    assert near(bits, groups) == near_by_comparing_each(bits, groups)


@pytest.mark.parametrize("dearer", [0, 10**9])
def test_both_ways_find_the_same(monkeypatch, dearer):
    monkeypatch.setattr(near_duplicates, "DEARER", dearer)
    monkeypatch.setattr(near_duplicates, "COLUMNS", 50)  # several blocks, and one that is not full
    bits, groups = hashes(0, 5, 0.025, rows=300)
    pairs = near_by_comparing_each(bits, groups)
    assert len(pairs) > 1000
    assert near(bits, groups) == pairs


def test_a_pair_that_differs_in_as_many_bits_as_allowed_is_found_wherever_they_lie():
    rng = np.random.default_rng(0)
    for _ in range(50):
        bits = np.zeros((2, 256), bool)
        bits[1, rng.choice(256, MOST, replace=False)] = True
        assert near(bits, np.arange(2)) == {(0, 1)}
        bits[1, np.flatnonzero(~bits[1])[0]] = True
        assert near(bits, np.arange(2)) == set()


@pytest.mark.parametrize("rows", [0, 1])
def test_nothing_to_compare(rows):
    assert near(np.zeros((rows, 256), bool), np.zeros(rows, int)) == set()


def test_planted_copies_are_found_among_many():
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2, (40_000, 256)).astype(bool)
    bits[20_000:20_100] = bits[:100]
    bits[20_000:20_100, 5:17] ^= True
    assert near(bits, np.arange(len(bits))) == {(i, 20_000 + i) for i in range(100)}
