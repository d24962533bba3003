"""Pairs of equal and near-identical photos: all of them, and no others."""

import io
import itertools

import cv2
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from comp.data import decoding, near_duplicates, photo_similarity
from comp.data.photo_check import PhotoSummary, scan_photos, small_copies


def picture(seed):
    """Soft random shapes with a little noise, 120 x 160, as unlike each other as photos are."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (6, 8, 3), np.uint8)
    pixels = cv2.resize(coarse, (120, 160), interpolation=cv2.INTER_CUBIC).astype(int)
    return np.clip(pixels + rng.normal(0, 6, pixels.shape), 0, 255).astype(np.uint8)


def look(pixels, digest=""):
    return PhotoSummary(digest, *small_copies(pixels))


def saved_again(pixels, size=(90, 120), quality=70, light=1.0):
    stream = io.BytesIO()
    Image.fromarray(np.clip(pixels * light, 0, 255).astype(np.uint8)).resize(size).save(stream, "JPEG", quality=quality)
    return decoding.decode(stream.getvalue())


def cropped(pixels):
    height, width = pixels.shape[:2]
    return pixels[height * 3 // 100 : -height * 3 // 100, width * 3 // 100 : -width * 3 // 100]


def edited(pixels):
    pixels = pixels.copy()
    pixels[30:46, 70:82] = (200, 30, 30)
    return pixels


def leaf(seed, kind):
    """A white silhouette on black, of a random size. Silhouettes of one kind are alike, but not the same."""
    rng = np.random.default_rng(seed)
    height, width = int(rng.integers(180, 420)), int(rng.integers(100, 300))
    y = np.linspace(0, 1, height)
    half = np.sin(np.pi * y) ** (0.4 + 0.1 * kind + rng.normal(0, 0.02))
    half *= 1 + 0.1 * np.sin(2 * np.pi * (kind % 3 + 1) * y + rng.normal(0, 0.3))
    inside = np.abs(np.arange(width) - width / 2 + 0.5) < (width / 2 * half / half.max())[:, None]
    return np.repeat(inside[:, :, None].astype(np.uint8) * 255, 3, 2)


def near(pictures, groups=None):
    groups = np.arange(len(pictures)) if groups is None else np.asarray(groups)
    return near_duplicates.near_pairs([look(pixels) for pixels in pictures], groups)


CHANGES = {
    "saved again": saved_again,
    "smaller": lambda pixels: saved_again(pixels, (60, 80), 90),
    "darker": lambda pixels: saved_again(pixels, light=0.7),
    "cropped": cropped,
    "edited": edited,
    "grey": lambda pixels: cv2.cvtColor(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB),
    "cropped and saved again": lambda pixels: saved_again(cropped(pixels)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_photo_is_found_and_no_other(change):
    pictures = [picture(i) for i in range(30)]
    assert near([*pictures, CHANGES[change](pictures[7])]) == [(7, 30)]


def test_photos_of_one_group_are_left_out_unless_they_are_wanted():
    pictures, groups = [picture(0), saved_again(picture(0)), saved_again(picture(0), quality=50)], np.array([3, 3, 4])
    assert near(pictures, groups) == [(0, 2), (1, 2)]
    looks = [look(pixels) for pixels in pictures]
    assert near_duplicates.near_pairs(looks, groups, within_groups=True) == [(0, 1), (0, 2), (1, 2)]


def test_flat_pictures_are_not_taken_for_each_other():
    assert near([np.full((160, 120, 3), grey, np.uint8) for grey in (10, 10, 200)]) == []


def test_a_plain_background_does_not_make_photos_near_identical():
    """Small different things in different places, and different things in the same place, of one plain background."""
    pictures = [np.full((160, 120, 3), 230, np.uint8) for _ in range(12)]
    for i, pixels in enumerate(pictures):
        y, x = (60 + 20 * (i % 3), 50) if i < 6 else (10 * i, 7 * i)
        pixels[y : y + 30, x : x + 30] = cv2.resize(picture(i), (30, 30))
    assert near(pictures) == []


def test_silhouettes_that_are_all_alike_are_kept_apart_and_a_copy_is_found():
    pictures = [leaf(10 * kind + i, kind) for kind in range(6) for i in range(8)]
    height, width = pictures[20].shape[:2]
    found = near([*pictures, saved_again(pictures[20], (width, height))])
    assert (20, 48) in found
    sizes = pd.Series(near_duplicates.merged_groups([str(i) for i in range(49)], found)).value_counts()
    assert sizes.max() <= 4


def test_a_photo_squeezed_to_other_proportions_is_another_photo():
    assert near([picture(0), cv2.resize(picture(0), (160, 160))]) == []


@pytest.mark.parametrize("flat", [True, False])
def test_the_same_bytes_are_found_whatever_the_picture(flat):
    pixels = np.full((160, 120, 3), 90, np.uint8) if flat else picture(1)
    looks = [look(pixels, digest) for digest in "abacaa"]
    assert near_duplicates.same_bytes(looks) == [(0, 2), (0, 4), (0, 5)]


def test_a_photo_has_no_more_than_some_neighbours(monkeypatch):
    monkeypatch.setattr(photo_similarity, "NEIGHBOURS", 3)
    pictures = np.stack([look(saved_again(picture(i % 2), quality=60 + i)).picture for i in range(20)])
    pairs = photo_similarity.candidates(pictures, np.arange(20))
    assert 30 <= len(pairs) <= 60
    assert (pairs[:, 0] % 2 == pairs[:, 1] % 2).all()


def test_blocks_do_not_change_the_candidates(monkeypatch):
    pictures = np.stack([look(saved_again(picture(i % 5), quality=60 + i)).picture for i in range(20)])
    every = photo_similarity.candidates(pictures, np.arange(20))
    monkeypatch.setattr(photo_similarity, "BLOCK", 60)
    np.testing.assert_array_equal(photo_similarity.candidates(pictures, np.arange(20)), every)


# Groups of photos that belong together --------------------------------------------------------------------------------


def test_a_chain_ends_where_its_photos_look_different():
    """Each photo is a step from one picture to another; neighbours are near-identical, the two ends are not."""
    first, last = picture(0).astype(float), picture(1).astype(float)
    steps = [look((first + (last - first) * share).astype(np.uint8)) for share in np.linspace(0, 1, 12)]
    chain = [(i, i + 1) for i in range(11)]
    kept = near_duplicates.without_chains(chain, steps)
    assert set(kept) < set(chain)
    for a, b in itertools.combinations(range(12), 2):
        groups = near_duplicates.merged_groups([str(i) for i in range(12)], kept)
        if groups[a] == groups[b]:
            assert photo_similarity.difference(*(steps[i].picture for i in (a, b))) < 0.5
    copies = [look(saved_again(picture(2), quality=60 + i)) for i in range(12)]
    assert near_duplicates.without_chains(chain, copies) == chain


def test_no_pairs_have_no_chains():
    assert near_duplicates.without_chains([], []) == []


def test_a_merge_that_takes_most_photos_or_a_whole_class_is_harmful():
    before, kinds = list("abcdefgh"), [[kind] for kind in "xxyyzzzz"]
    assert near_duplicates.harmful_merges(before, list("abccefgh"), kinds) == {"c": "it would have all photos of y"}
    assert near_duplicates.harmful_merges(before, list("abadefgh"), kinds) == {}
    most = near_duplicates.harmful_merges(before, list("aaaaafgh"), [[] for _ in kinds])
    assert most == {"a": "it would have 62% of all photos"}


def test_a_class_that_had_one_group_before_is_not_harmed_by_a_merge():
    assert near_duplicates.harmful_merges(list("aabccc"), list("aaaccc"), [["x"], ["x"], *[["y"]] * 4]) == {}


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


def readable(folder, *images):
    facts = scan_photos(folder, images, lambda count: None, jobs=1)
    return {image: fact for image, fact in facts.items() if not fact.problem}


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
    pairs = near_duplicates.photo_pairs(readable(copies, *images, "t.png"), train, test).set_index(["first", "second"])
    assert set(pairs.index) == {("a.png", "b.png"), ("d.png", "t.png"), ("a.png", "c.jpg"), ("b.png", "c.jpg")}
    assert pairs.loc[("a.png", "b.png")].tolist() == [True, "train", True, True]
    assert pairs.loc[("b.png", "c.jpg")].tolist() == [False, "train", False, False]
    assert pairs.loc[("d.png", "t.png")].tolist() == [True, "train and test", False, False]


def test_no_two_alike_photos_give_an_empty_table(copies):
    train = pd.DataFrame({"image": ["a.png", "d.png"], "group": ["a", "d"], "label": [0.5, 1.5]})
    nobody = pd.DataFrame({"image": []}, dtype=object)
    assert near_duplicates.photo_pairs(readable(copies, "a.png", "d.png"), train, nobody).empty


def pairs_of(*rows):
    return pd.DataFrame(rows, columns=["first", "second", "equal", "side", "one_group", "labels_differ"])


def test_twins_are_counted_once_for_each_test_photo():
    pairs = pairs_of(
        ("a", "t1", False, "train and test", False, False),
        ("b", "t1", False, "train and test", False, False),
        ("a", "t2", True, "train and test", False, False),
        ("a", "b", False, "train", False, True),
        ("c", "d", True, "train", True, True),
        ("t1", "t3", False, "test", False, False),
    )
    assert near_duplicates.twins(pairs) == near_duplicates.Twins(2, ("a", "t1"), 2, 2)


@pytest.mark.parametrize(
    ("differ", "two_classes", "says"),
    [
        (0, True, "has the label of its twin"),
        (20, True, "the other class"),
        (20, False, "another label"),
        (10, True, ""),
    ],
)
def test_what_twins_tell_depends_on_how_often_their_labels_agree(differ, two_classes, says):
    twins = near_duplicates.Twins(5, ("a", "t"), 20, differ)
    text = " ".join(near_duplicates.about_twins(twins, 50, two_classes))
    assert "5 of 50 test photos" in text
    assert f"{differ} of 20" in text
    assert says in text
    assert ("So such" in text) == bool(says)


@pytest.mark.parametrize(("test", "pairs", "advised"), [(10, 3, True), (1, 3, False), (10, 0, False), (0, 3, False)])
def test_folds_that_mirror_the_test_set_are_advised_if_many_test_photos_have_twins(test, pairs, advised):
    twins = near_duplicates.Twins(test, ("a", "t") if test else None, pairs, 0)
    advice = " ".join(near_duplicates.how_to_mirror(twins, 100))
    assert ("make folds SPLIT_TWINS=1" in advice) == advised


def test_numbers_differ_if_they_are_far_apart_for_this_target(copies):
    test, numbers = pd.DataFrame({"image": []}, dtype=object), [5.0, 5.01, 9.0, 1.0]
    train = pd.DataFrame({"image": ["a.png", "b.png", "c.jpg", "d.png"], "group": list("abcd"), "label": numbers})
    pairs = near_duplicates.photo_pairs(readable(copies, *train["image"]), train, test).set_index(["first", "second"])
    assert pairs["labels_differ"].to_dict() == {
        ("a.png", "b.png"): False,
        ("a.png", "c.jpg"): True,
        ("b.png", "c.jpg"): True,
    }


def test_of_many_classes_neighbours_are_different_labels(copies):
    """The indices of classes are no numbers, although classes 40 and 41 are close beside 200 others."""
    test, images = pd.DataFrame({"image": ["t.png"]}), ["a.png", "b.png", "c.jpg", "d.png"]
    train = pd.DataFrame({"image": images, "group": list("abcd"), "label": [40, 41, 40, 200]})
    pairs = near_duplicates.photo_pairs(readable(copies, *images, "t.png"), train, test).set_index(["first", "second"])
    assert pairs["labels_differ"][("a.png", "b.png")]
    assert not pairs["labels_differ"][("a.png", "c.jpg")]
