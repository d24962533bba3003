"""Equal and near-identical photos, within and across the training and the test photos."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from comp.data import near_duplicates
from comp.data.photo_facts import PhotoFacts

SIDES = ("train", "test", "train and test")


def pairs(facts: Mapping[str, PhotoFacts], train: pd.DataFrame, test: pd.DataFrame) -> pd.DataFrame:
    """One row per pair of equal or near-identical photos, equal bytes first.

    facts: by image; train: columns image, group, label; test: column image. Photos that cannot be read are left out.
    Returned columns: first, second (images), equal (same bytes), side (one of SIDES), one_group, labels_differ (bool;
    false where a test photo is in the pair). Of very many pairs only those that link the same photos are kept, as in
    near_duplicates.alike; of equal bytes each photo is paired with the first one.
    """
    both = pd.concat([train[["image", "group", "label"]], test[["image"]]], ignore_index=True)
    is_test = np.arange(len(both)) >= len(train)
    keep = both["image"].map(lambda image: not facts[image].problem).to_numpy(bool)
    both, is_test = both[keep].reset_index(drop=True), is_test[keep]
    found = _positions([facts[image] for image in both["image"]])
    return _described(found, both, is_test)


def _positions(photos: list[PhotoFacts]) -> pd.DataFrame:
    """Positions a < b of each pair, and whether the bytes are equal."""
    each = list(map(str, range(len(photos))))  # every photo is a group of its own, so that all pairs count
    same = near_duplicates.same_bytes(photos, each)
    near = [(a, b) for a, b in near_duplicates.alike(photos, each) if photos[a].digest != photos[b].digest]
    rows = [(a, b, equal) for pairs, equal in ((same, True), (near, False)) for a, b in pairs]
    return pd.DataFrame(rows, columns=["a", "b", "equal"]).astype({"a": int, "b": int, "equal": bool})


def _described(found: pd.DataFrame, both: pd.DataFrame, is_test: np.ndarray) -> pd.DataFrame:
    a, b = found["a"].to_numpy(), found["b"].to_numpy()
    group = both["group"].to_numpy(object)
    label = both["label"].astype(object).where(both["label"].notna(), "").to_numpy()
    in_train = ~is_test[a] & ~is_test[b]
    return pd.DataFrame({
        "first": both["image"].to_numpy(object)[a],
        "second": both["image"].to_numpy(object)[b],
        "equal": found["equal"].to_numpy(),
        "side": np.array(SIDES, object)[np.where(in_train, 0, np.where(is_test[a] & is_test[b], 1, 2))],
        "one_group": in_train & (group[a] == group[b]),
        "labels_differ": in_train & (label[a] != label[b]),
    })  # fmt: skip
