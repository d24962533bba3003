"""Find equal and near-identical photos among the training and test photos. This module does not import torch.

1. `photo_pairs` makes a table of all pairs of equal or near-identical photos. `same_bytes` finds photos with equal
   bytes. `near_pairs` finds near-identical photos: photo_similarity.py compares their pixels, and a pair counts only if
   its photos are much more similar to each other than to most other photos. So if all photos look alike, such as
   silhouettes, hardly any pair counts.
2. `without_chains` cuts chains: if b is like a, and c is like b, then c must still resemble a.
3. `merged_groups` merges the groups of photos that belong together. `harmful_merges` finds merges that would make the
   folds useless.
4. `twins` counts how many test photos have a training photo that is equal or near-identical, and how often the labels
   of such training photos agree.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from comp.data import photo_similarity
from comp.data.photo_check import PhotoSummary

# ---- a table of all pairs

SIDES = ("train", "test", "train and test")
SAME_NUMBER = 0.1  # two numbers count as equal labels if they differ by at most this many standard deviations


def photo_pairs(
    photos: Mapping[str, PhotoSummary], train: pd.DataFrame, test: pd.DataFrame, within_groups: bool = False
) -> pd.DataFrame:
    """Return a table with one row for each pair of equal or near-identical photos. Pairs with equal bytes come first.

    photos: the description of each photo, by its path; photos that are missing here are left out. train: a table with
    the columns image, group and label; test: a table with the column image. within_groups: whether near-identical
    training photos of one group are pairs, too; equal ones always are.
    Columns of the result: first and second (the paths of the two photos), equal (whether their bytes are equal), side
    ("train", "test" or "train and test", for where the two photos come from), one_group (whether they have the same
    group) and labels_differ. The last two columns are false if a test photo is in the pair.
    If several photos have equal bytes, each of them is paired only with the first photo.
    """
    # sorted, because a comparison may depend on which photo comes first
    tables = train[["image", "group", "label"]].sort_values("image"), test[["image"]].sort_values("image")
    both = pd.concat(tables, ignore_index=True)
    is_test = np.arange(len(both)) >= len(train)
    keep = both["image"].isin(list(photos)).to_numpy(bool)
    both, is_test = both[keep].reset_index(drop=True), is_test[keep]
    labels = tables[0]["label"][keep[: len(train)]].reset_index(drop=True)  # in `both`, class indices become floats
    known = [photos[image] for image in both["image"]]
    same = same_bytes(known)
    near = near_pairs(known, _groups(both, is_test), within_groups)
    near = [(a, b) for a, b in near if known[a].digest != known[b].digest]
    rows = [(a, b, equal) for pairs, equal in ((same, True), (near, False)) for a, b in pairs]
    return _described(pd.DataFrame(rows, columns=["a", "b", "equal"]), both, is_test, labels)


def _groups(both: pd.DataFrame, is_test: np.ndarray) -> np.ndarray:
    """Return a group number for each photo. Each test photo has a number of its own, because its group is not known."""
    group = both["group"].astype(object).where(~is_test, "")
    number = np.unique(group.astype(str), return_inverse=True)[1]
    return np.where(is_test, len(both) + np.arange(len(both)), number)


def _described(pairs: pd.DataFrame, both: pd.DataFrame, is_test: np.ndarray, labels: pd.Series) -> pd.DataFrame:
    a, b = pairs["a"].to_numpy(int), pairs["b"].to_numpy(int)
    group = both["group"].to_numpy(object)
    in_train = ~is_test[a] & ~is_test[b]
    differ = np.zeros(len(a), bool)
    differ[in_train] = _labels_differ(labels, a[in_train], b[in_train])
    return pd.DataFrame(
        {
            "first": both["image"].to_numpy(object)[a],
            "second": both["image"].to_numpy(object)[b],
            "equal": pairs["equal"].to_numpy(bool),
            "side": np.array(SIDES, object)[np.where(in_train, 0, np.where(is_test[a] & is_test[b], 1, 2))],
            "one_group": in_train & (group[a] == group[b]),
            "labels_differ": differ,
        }
    )


def _labels_differ(labels: pd.Series, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return for each pair of positions in `labels` whether its labels differ, (P,) bool.

    Floats are numbers, which differ if they are more than SAME_NUMBER standard deviations apart.
    """
    if not len(a):
        return np.zeros(0, bool)
    if labels.dtype.kind == "f":
        values = labels.to_numpy()
        return np.abs(values[a] - values[b]) > SAME_NUMBER * values.std()
    values = labels.astype(object).where(labels.notna(), "").to_numpy()
    return values[a] != values[b]


# ---- equal and near-identical photos

NEAR = 0.03  # largest difference of two near-identical photos; photos of two scenes differ by 0.1 or more
FARTHER = 5  # each of the two photos must differ from most similar photos by this many times as much
MOST = 8  # of a photo's similar photos, so many may be near-identical as well
ASPECT = 1.1  # the ratio of width to height may differ by this factor, for a crop


def same_bytes(photos: Sequence[PhotoSummary]) -> list[tuple[int, int]]:
    """Find photos that have equal bytes. Returns a list of pairs (a, b) with a < b.

    a and b are the positions of two photos in `photos`, and a is the first of all photos with these bytes.
    """
    first: dict[str, int] = {}
    pairs = [(first.setdefault(photo.digest, i), i) for i, photo in enumerate(photos)]
    return [(a, b) for a, b in pairs if a != b]


def near_pairs(
    photos: Sequence[PhotoSummary], groups: np.ndarray, within_groups: bool = False
) -> list[tuple[int, int]]:
    """Find near-identical photos that have different groups. Returns a sorted list of pairs (a, b) with a < b.

    a and b are the positions of two photos in `photos`. groups (N,) int: the group of each photo; within_groups:
    whether pairs of one group are found, too. Each photo is compared only with the NEIGHBOURS most similar photos
    (photo_similarity.py).
    """
    if len(photos) < 2:
        return []
    pictures = np.stack([photo.picture for photo in photos])
    aspect = np.log([photo.aspect for photo in photos])
    pairs = photo_similarity.candidates(pictures, groups, within_groups)
    values = photo_similarity.differences(pictures, pairs)
    usual = _usual_difference(values, pairs, len(photos))[pairs].min(1)
    same_shape = np.abs(np.diff(aspect[pairs], axis=1)[:, 0]) <= np.log(ASPECT)
    return [(int(a), int(b)) for a, b in pairs[(values < NEAR) & (values * FARTHER < usual) & same_shape]]


def _usual_difference(values: np.ndarray, pairs: np.ndarray, count: int) -> np.ndarray:
    """Return how much each of `count` photos differs from most of its similar photos, (count,).

    values (P,): the difference of the photos in each pair; pairs (P, 2): positions. The result is the smallest
    difference after the MOST smallest ones, or 1 if a photo is in fewer pairs. This is a ratio test as in Lowe (2004),
    "Distinctive image features from scale-invariant keypoints".
    """
    photo, value = pairs.T.ravel(), np.minimum(np.tile(values, 2), 1)
    order = np.lexsort((value, photo))
    photo, value = photo[order], value[order]
    at = np.searchsorted(photo, np.arange(count)) + MOST
    within = at < np.searchsorted(photo, np.arange(count), side="right")
    usual = np.ones(count)
    usual[within] = value[at[within]]
    return usual


# ---- groups of photos that belong together

RESEMBLES = 0.15  # largest difference from the photo that has the most near-identical photos in its chain
MOST_PHOTOS = 0.5  # no merge makes a group with a larger share of all photos


def without_chains(pairs: Sequence[tuple[int, int]], photos: Sequence[PhotoSummary]) -> list[tuple[int, int]]:
    """Return the pairs without those that only extend a chain of near-identical photos to photos that look different.

    pairs: positions of near-identical photos in `photos`. In each set of linked photos, the photo with the most pairs
    is the centre. A photo stays in the set if it differs from the centre by at most RESEMBLES. The pairs between a
    photo that stays and another are left out. The others are then divided in the same way.
    """
    from scipy.sparse.csgraph import connected_components

    rest, kept = np.array(pairs, int).reshape(-1, 2), []
    while len(rest):
        part = connected_components(_graph(rest, len(photos)), directed=False)[1]
        degree = np.bincount(rest.ravel(), minlength=len(photos))
        order = np.lexsort((np.arange(len(photos)), -degree, part))
        centre = order[np.searchsorted(part[order], part)]  # of each photo
        asked = np.unique(rest)
        links = np.stack([centre[asked], asked], 1)
        like = np.zeros(len(photos), bool)
        like[asked] = _resemble(links, photos)
        like[centre[asked]] = True
        inside = like[rest]
        kept.append(rest[inside.all(1)])
        rest = rest[~inside.any(1)]
    return [(int(a), int(b)) for a, b in np.concatenate([np.empty((0, 2), int), *kept])]


def _resemble(links: np.ndarray, photos: Sequence[PhotoSummary]) -> np.ndarray:
    used, places = np.unique(links, return_inverse=True)
    pictures = np.stack([photos[i].picture for i in used])
    return photo_similarity.differences(pictures, places.reshape(links.shape)) <= RESEMBLES


def merged_groups(groups: Sequence[str], pairs: Sequence[tuple[int, int]]) -> list[str]:
    """Return the new group of each photo, after the groups of the photos in `pairs` were merged.

    groups: the old group of each photo. pairs: pairs of positions in `groups`; the groups at the two positions become
    one group. This group keeps the name that is first in the alphabet.
    """
    from scipy.sparse.csgraph import connected_components

    if not len(pairs):
        return list(groups)
    names, group = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
    part = connected_components(_graph(group[np.asarray(pairs)], len(names)), directed=False)[1]
    first = np.unique(part, return_index=True)[1]  # names are sorted, so the first name of a part is the smallest
    return names[first[part[group]]].tolist()


def _graph(pairs: np.ndarray, count: int):
    from scipy.sparse import coo_matrix

    return coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(count, count)).tocsr()


def harmful_merges(before: Sequence[str], after: Sequence[str], classes: Sequence[list[str]]) -> dict[str, str]:
    """Find merged groups that no folds could use. Returns the reason for each such group, by its name in `after`.

    before, after: the group of each photo before and after the merge; classes: the classes of each photo, as a list of
    names. A merge is harmful if its group has more than the share MOST_PHOTOS of all photos, or if it has all photos of
    a class that had several groups before: the model that is scored on this group would never see the class.
    """
    table = pd.DataFrame({"before": before, "after": after, "kind": classes})
    merged = table.groupby("after")["before"].transform("nunique") > 1
    share = table.loc[merged, "after"].value_counts() / len(table)
    reasons = {
        str(name): f"it would have {part:.0%} of all photos" for name, part in share.items() if part > MOST_PHOTOS
    }
    groups = table.explode("kind").dropna(subset="kind").groupby("kind")[["before", "after"]].agg(["nunique", "first"])
    alone = (groups[("before", "nunique")] > 1) & (groups[("after", "nunique")] == 1)
    for kind, name in groups[("after", "first")][alone].items():
        reasons.setdefault(str(name), f"it would have all photos of {kind}")
    return reasons


# ---- training photos that tell about test photos


@dataclass(frozen=True)
class Twins:
    """How many photos have a twin. Twins are two photos that are equal or near-identical.

    test: the number of test photos that have a twin among the training photos. example: a training photo and a test
    photo that are twins, or None. pairs: the number of pairs of training photos that are twins.
    differ: the number of these pairs with different labels.
    """

    test: int
    example: tuple[str, str] | None
    pairs: int
    differ: int


def twins(pairs: pd.DataFrame) -> Twins:
    """Count the twins in a table of `photo_pairs`."""
    across = pairs[pairs["side"] == "train and test"]
    train = pairs[pairs["side"] == "train"]
    example = (across["first"].iloc[0], across["second"].iloc[0]) if len(across) else None
    return Twins(across["second"].nunique(), example, len(train), int(train["labels_differ"].sum()))


TWINS_MATTER = 0.05  # share of the test photos; if fewer have twins, the folds need not mirror the test set
NEARLY_ALL = 0.9  # share of the pairs


def about_twins(twins: Twins, tests: int, two_classes: bool) -> list[str]:
    """Return sentences that tell a competitor which test photos have twins. The list is empty if no test photo has one.

    tests: the number of test photos; two_classes: whether the answer is one of two classes.
    """
    if not twins.example:
        return []
    sentences = [
        f"{twins.test:,} of {tests:,} test photos are equal or near-identical to a training photo; for example, "
        f"{twins.example[1]} is a twin of {twins.example[0]}."
    ]
    if not twins.pairs:
        return sentences
    sentences.append(f"The labels differ in {twins.differ:,} of {twins.pairs:,} such pairs of training photos.")
    if twins.differ <= (1 - NEARLY_ALL) * twins.pairs:
        sentences.append("So such a test photo probably has the label of its twin.")
    elif twins.differ >= NEARLY_ALL * twins.pairs:
        other = "the other class" if two_classes else "another label"
        sentences.append(
            f"So such a test photo probably has {other} than its twin, and a model that remembers is wrong."
        )
    return sentences


def text_about_twins(pairs: pd.DataFrame, tests: int, two_classes: bool, split_twins: bool = False) -> str:
    """Return what a competitor should know about twins, as one text. It is "" if no test photo has a twin.

    pairs: as `photo_pairs` returns them; tests, two_classes: as in `about_twins`; split_twins: whether near-identical
    training photos may be in different folds already, so that the text does not advise it.
    """
    found = twins(pairs)
    return " ".join(about_twins(found, tests, two_classes) + ([] if split_twins else how_to_mirror(found, tests)))


def how_to_mirror(twins: Twins, tests: int) -> list[str]:
    """Return advice, in sentences, how to make folds that mirror a test set with many twins; [] if it has few."""
    if not twins.pairs or twins.test < TWINS_MATTER * tests:
        return []
    return [
        "The folds keep such training photos together. So the out-of-fold score is the score of photos without a twin, "
        "and not that of these test photos. Folds that mirror the test set: make folds SPLIT_TWINS=1"
    ]
