"""The rows that are scored: photos, or prediction ids if several photos make one prediction (Competition.combine).

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
    """The S rows that are scored: ids (S,) str, labels as the target has them, folds (S,) int, groups (S,) str.

    photo_ids: the prediction id of each photo (N,); None if each photo is a row itself.
    """

    competition: Competition
    ids: np.ndarray
    labels: np.ndarray
    folds: np.ndarray
    groups: np.ndarray
    photo_ids: np.ndarray | None = None

    def combine(self, probs: np.ndarray) -> np.ndarray:
        """Probabilities (S, C) of the scored rows, from those of the photos (N, C)."""
        return probs if self.photo_ids is None else combine_by_id(self.competition, self.photo_ids, probs)[1]


def scored_rows(folds: pd.DataFrame, competition: Competition) -> ScoredRows:
    """The scored rows of a fold table, in the order of their first photos.

    Raises InputError if photos of one prediction id have different labels, or are in different folds.
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
            f"{len(different)} prediction id(s) whose photos differ in {column}:{listed(different)}",
            f"one {column} for all photos of a prediction id",
            "correct the training table, or the `id` in competition.toml, then make folds",
        )


def scored_ids(
    competition: Competition, labels: np.ndarray, probs: np.ndarray, ids=None
) -> tuple[np.ndarray, np.ndarray]:
    """Labels and probabilities of what is scored: photos, or prediction ids with the label of their first photo.

    labels (N, …), probs (N, C); ids (N,) are needed only if the competition combines photos.
    """
    if not competition.combine:
        return labels, probs
    first = np.sort(np.unique(np.asarray(ids), return_index=True)[1])
    return labels[first], combine_by_id(competition, ids, probs)[1]


def combine_by_id(competition: Competition, ids, probs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Unique prediction ids (S,) in the order of their first photos, and their probabilities (S, C).

    ids (N,), probs (N, C): those of the photos. A competition that does not combine photos gets both back unchanged.
    """
    if not competition.combine:
        return np.asarray(ids), probs
    return combine_rows(probs, ids, competition.combine)


def combine_rows(probs: np.ndarray, ids, how: str) -> tuple[np.ndarray, np.ndarray]:
    """Prediction ids (S,) in the order of their first photos, and the mean or max (S, C) over the photos of each.

    probs (N, C); ids (N,); how: "mean" or "max", for each class. If the rows of probs sum to 1, so do the results: with
    two classes the first one is 1 minus the maximum of the second, with more classes the maxima are scaled.
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
