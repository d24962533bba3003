import io

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from comp.data import decoding, near_duplicates, train_test_differences
from comp.data.photo_check import THUMBNAIL, PhotoSummary


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


def test_train_and_test_are_told_apart_only_where_they_differ():
    train, test = [look(picture(i)) for i in range(60)], [look(picture(i)) for i in range(100, 140)]
    darker = [look((picture(i) * 0.6).astype(np.uint8)) for i in range(100, 140)]
    groups = [str(i // 2) for i in range(60)]
    assert train_test_differences.adversarial_auc(train, test, groups) < 0.7
    assert train_test_differences.adversarial_auc(train, darker, groups) > 0.9
