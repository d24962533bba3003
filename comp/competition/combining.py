"""From photos to prediction ids, if several photos make one prediction (Competition.combine).

Letters: N photos, S prediction ids, C classes.
"""

import numpy as np
import pandas as pd

from comp.competition.competition import Competition


def by_id(competition: Competition, ids, probs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Unique prediction ids (S,) in the order of their first photos, and their probabilities (S, C).

    ids (N,), probs (N, C): those of the photos. A competition that does not combine photos gets both back unchanged.
    """
    if not competition.combine:
        return np.asarray(ids), probs
    return combine_rows(probs, ids, competition.combine)


def scored(competition: Competition, labels: np.ndarray, probs: np.ndarray, ids=None) -> tuple[np.ndarray, np.ndarray]:
    """Labels and probabilities of what is scored: photos, or prediction ids with the label of their first photo.

    labels (N, …), probs (N, C); ids (N,) are needed only if the competition combines photos.
    """
    if not competition.combine:
        return labels, probs
    first = np.sort(np.unique(np.asarray(ids), return_index=True)[1])
    return labels[first], by_id(competition, ids, probs)[1]


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
