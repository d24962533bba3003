"""Make the rows on which scores are computed.

Usually each photo is one row. But if several photos share one id of the sample submission and get one answer, their
probabilities are combined into one row for this id.

Letters in the shapes: N photos, S scored rows, C classes.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from comp.competition.competition import Competition
from comp.competition.labels import to_array
from comp.errors import InputError, listed


@dataclass(frozen=True)
class ScoredRows:
    """The S rows on which scores are computed, with their labels, folds and groups.

    A row is a photo or, if several photos share one id of the sample submission and get one answer, an id. ids (S,):
    these ids, or the paths of the photos; labels: the label of each row, in the form that competition/labels.py
    describes; folds, groups (S,): the fold and the group of each row; photo_ids (N,): the id of each of the N photos,
    or None if each photo is a row.
    """

    competition: Competition
    ids: np.ndarray
    labels: np.ndarray
    folds: np.ndarray
    groups: np.ndarray
    photo_ids: np.ndarray | None = None

    def combine(self, probs: np.ndarray) -> np.ndarray:
        """Return the probabilities (S, C) of the S scored rows. probs (N, C): the probabilities of the N photos."""
        return probs if self.photo_ids is None else combine_by_id(self.competition, self.photo_ids, probs)[1]


def scored_rows(folds: pd.DataFrame, competition: Competition) -> ScoredRows:
    """Return the rows on which scores are computed: one row for each photo.

    If several photos share one id of the sample submission and get one answer, there is one row for these photos
    together. The rows have the order of their first photos in folds.csv.

    folds: the table folds.csv. Raises InputError if photos that share one id of the sample submission and get one
    answer have different labels or are in different folds.
    """
    if competition.combine:
        for column in ("label", "fold"):
            check_same(folds, column, "folds.csv", "first correct the training table, then: make folds")
        rows, ids, photo_ids = folds.drop_duplicates("id"), folds["id"].drop_duplicates(), folds["id"].to_numpy()
    else:
        rows, ids, photo_ids = folds, folds["image"], None
    labels = to_array(rows["label"], competition)
    return ScoredRows(competition, ids.to_numpy(), labels, rows["fold"].to_numpy(), rows["group"].to_numpy(), photo_ids)


def check_same(rows: pd.DataFrame, column: str, file: str, run: str) -> None:
    """Raise InputError if rows with the same id have different values in a column.

    rows: a table with the column id, with a row for each photo; column: "label" or "fold"; file: the name of the file
    that the rows come from, for the error. run: what the error tells the user to do.
    """
    values = rows.groupby("id", sort=False)[column].nunique(dropna=False)
    different = values.index[values > 1]
    if len(different):
        raise InputError(
            f"{len(different)} id(s) have photos that differ in the column {column} of {file}:{listed(different)}",
            f"the same {column} for all photos that share one id, because they get one common answer",
            run,
        )


def scored_ids(
    competition: Competition, labels: np.ndarray, probs: np.ndarray, ids=None
) -> tuple[np.ndarray, np.ndarray]:
    """Turn the labels and probabilities of photos into those of the rows on which scores are computed.

    A row is a photo or, if several photos share one id of the sample submission and get one answer, an id, which gets
    the label of its first photo. labels (N, …), probs (N, C), ids (N,): the labels, probabilities and ids of N photos.
    `ids` is not needed if each photo is a row.
    """
    if not competition.combine:
        return labels, probs
    first = np.sort(np.unique(np.asarray(ids), return_index=True)[1])
    return labels[first], combine_by_id(competition, ids, probs)[1]


def combine_by_id(competition: Competition, ids, probs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Turn the ids and probabilities of photos into those of the rows that get an answer.

    If several photos share one id of the sample submission and get one answer, the result has each of the S different
    ids once, (S,), in the order of their first photos, and the combined probabilities (S, C). Otherwise `ids` (N,) and
    `probs` (N, C), which are those of N photos, are returned unchanged.
    """
    if not competition.combine:
        return np.asarray(ids), probs
    return combine_rows(probs, ids, competition.combine)


def combine_rows(probs: np.ndarray, ids, how: str) -> tuple[np.ndarray, np.ndarray]:
    """Combine the probabilities of all photos that have the same id.

    probs (N, C), ids (N,): the probabilities and ids of N photos; how: "mean" or "max", which is taken for each class.
    Returns the S different ids (S,) in the order of their first photos, and their probabilities (S, C). If the rows of
    `probs` sum to 1, the rows of the result also sum to 1: with "max" and two classes, the first class is 1 minus the
    maximum of the second class; with "max" and more classes, the maxima are divided by their sum.
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
