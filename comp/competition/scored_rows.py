"""The scored rows: the photos or, if the competition combines the photos of one prediction id, the prediction ids.

Letters: N photos, S prediction ids, C classes.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from comp.competition.competition import Competition
from comp.competition.labels import to_array
from comp.errors import InputError, listed


@dataclass(frozen=True)
class ScoredRows:
    """The S rows on which scores are computed: photos or, if the competition combines photos, prediction ids.

    ids (S,): the path of each photo, or the prediction ids; labels: the label of each row, in the form that
    competition/labels.py describes; folds (S,): the fold of each row; groups (S,): the group of each row; photo_ids
    (N,): the prediction id of each photo, or None if photos are not combined.
    """

    competition: Competition
    ids: np.ndarray
    labels: np.ndarray
    folds: np.ndarray
    groups: np.ndarray
    photo_ids: np.ndarray | None = None

    def combine(self, probs: np.ndarray) -> np.ndarray:
        """Return the probabilities (S, C) of the scored rows. probs (N, C): the probabilities of the photos."""
        return probs if self.photo_ids is None else combine_by_id(self.competition, self.photo_ids, probs)[1]


def scored_rows(folds: pd.DataFrame, competition: Competition) -> ScoredRows:
    """Return the scored rows of `folds`, the table of folds.csv, in the order of their first photos.

    Raises InputError if the photos of a prediction id have different labels, or are in different folds.
    """
    if competition.combine:
        for column in ("label", "fold"):
            _check_same(folds, column)
        rows, ids, photo_ids = folds.drop_duplicates("id"), folds["id"].drop_duplicates(), folds["id"].to_numpy()
    else:
        rows, ids, photo_ids = folds, folds["image"], None
    labels = to_array(rows["label"], competition)
    return ScoredRows(competition, ids.to_numpy(), labels, rows["fold"].to_numpy(), rows["group"].to_numpy(), photo_ids)


def _check_same(folds: pd.DataFrame, column: str) -> None:
    values = folds.groupby("id", sort=False)[column].nunique(dropna=False)
    different = values.index[values > 1]
    if len(different):
        raise InputError(
            f"{len(different)} prediction id(s) have photos that differ in the column {column}:{listed(different)}",
            f"the same {column} for all photos of a prediction id",
            "first correct the training table or `id` in competition.toml, then: make folds",
        )


def scored_ids(
    competition: Competition, labels: np.ndarray, probs: np.ndarray, ids=None
) -> tuple[np.ndarray, np.ndarray]:
    """Turn the labels and the probabilities of photos into those of the scored rows.

    A scored row is a photo or, if the competition combines photos, a prediction id, which has the label of its first
    photo. labels (N, …), probs (N, C), ids (N,): the labels, probabilities and prediction ids of the photos; ids are
    needed only if the competition combines photos.
    """
    if not competition.combine:
        return labels, probs
    first = np.sort(np.unique(np.asarray(ids), return_index=True)[1])
    return labels[first], combine_by_id(competition, ids, probs)[1]


def combine_by_id(competition: Competition, ids, probs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the unique prediction ids (S,) in the order of their first photos, and their probabilities (S, C).

    ids (N,), probs (N, C): the prediction ids and probabilities of the photos. Both are returned unchanged if the
    competition does not combine photos.
    """
    if not competition.combine:
        return np.asarray(ids), probs
    return combine_rows(probs, ids, competition.combine)


def combine_rows(probs: np.ndarray, ids, how: str) -> tuple[np.ndarray, np.ndarray]:
    """Combine the probabilities of all photos that have the same prediction id.

    probs (N, C), ids (N,): the probabilities and prediction ids of the photos. how: "mean" or "max", taken for each
    class. Returns the unique ids (S,) in the order of their first photos, and their probabilities (S, C). If the rows
    of `probs` sum to 1, the rows of the result sum to 1, too. Therefore, with "max" and two classes the first class is
    1 minus the maximum of the second class; with more classes the maxima are divided by their sum.
    """
    number, unique = pd.factorize(np.asarray(ids))
    if how == "mean":
        sums = np.zeros((len(unique), probs.shape[1]), np.float64)
        np.add.at(sums, number, probs)
        return unique, (sums / np.bincount(number)[:, None]).astype(probs.dtype)
    largest = np.full((len(unique), probs.shape[1]), -np.inf, probs.dtype)
    np.maximum.at(largest, number, probs)
    if probs.shape[1] == 1 or not np.allclose(probs.sum(1), 1, atol=1e-3):
        return unique, largest
    if probs.shape[1] == 2:
        return unique, np.stack([1 - largest[:, 1], largest[:, 1]], 1)
    return unique, largest / largest.sum(1, keepdims=True)
