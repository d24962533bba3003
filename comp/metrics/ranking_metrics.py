"""Metrics of order: of the rows within a class (AUC, average precision) or of the classes within a row (MAP@k, top k).

labels are classes (N,) or (N, C) of 0 and 1; probs (N, C).
"""

import numpy as np

CHANCE = 0.5  # AUC if no column has both positive and negative rows


def auc_score(labels: np.ndarray, probs: np.ndarray) -> float:
    """Area under the ROC curve: of the second of two classes, or the mean over all classes, each against the rest.

    Classes without positive rows or without negative rows are left out.
    It is computed from ranks (Mann and Whitney 1947), ties count half; scikit-learn gives the same ten times slower.
    """
    labels = np.asarray(labels)
    if labels.ndim == 2:
        positive = {c: labels[:, c] > 0 for c in range(labels.shape[1])}
    else:
        positive = {c: labels == c for c in (np.unique(labels) if probs.shape[1] > 2 else [1])}
    areas = [area for c, own in positive.items() if (area := _area(own, probs[:, c])) is not None]
    return float(np.mean(areas)) if areas else CHANCE


def _area(positive: np.ndarray, scores: np.ndarray) -> float | None:
    from scipy.stats import rankdata

    count, others = positive.sum(), (~positive).sum()
    if not (count and others):
        return None
    return (rankdata(scores)[positive].sum() - count * (count + 1) / 2) / (count * others)


def average_precision(labels: np.ndarray, probs: np.ndarray) -> float:
    """Average precision of the positive class (labels (N,)), or its mean over the columns with a positive row.

    scikit-learn gives the same, ten times slower for few rows, and greedy selection calls this very often.
    """
    if labels.ndim == 1:
        return _precision(labels, probs[:, 1]) if labels.any() else 0.0
    found = [_precision(labels[:, c], probs[:, c]) for c in np.flatnonzero(labels.any(0))]
    return float(np.mean(found)) if found else 0.0


def _precision(positive: np.ndarray, scores: np.ndarray) -> float:
    """Mean over the positive rows of the precision at their score; rows with equal scores count together."""
    order = np.argsort(-scores, kind="stable")
    last = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    found = positive[order].cumsum(dtype=np.int64)[last]
    return float((np.diff(found, prepend=0) * found / (last + 1)).sum() / found[-1])


def rank_of_truth(labels: np.ndarray, probs: np.ndarray) -> np.ndarray:
    """Rank (N,) of the true class in its row, from 1; among equal probabilities the lower class comes first."""
    own = np.take_along_axis(probs, labels[:, None], 1)
    before = (probs > own) | ((probs == own) & (np.arange(probs.shape[1]) < labels[:, None]))
    return 1 + np.count_nonzero(before, axis=1)


def top_k_rows(labels: np.ndarray, probs: np.ndarray, k: int) -> np.ndarray:
    """(N, 1): 1.0 if the true class is among the k most probable, else 0.0."""
    return (rank_of_truth(labels, probs) <= k).astype(np.float64)[:, None]


def map_at_k_rows(labels: np.ndarray, probs: np.ndarray, k: int) -> np.ndarray:
    """Average precision (N, 1) of the k most probable classes of each row; for a single true class it is 1 / rank.

    Several labels: the mean over the true labels (at most k) of the precision at their ranks.
    """
    if labels.ndim == 1:
        rank = rank_of_truth(labels, probs)
        return np.where(rank <= k, 1 / rank, 0.0)[:, None]
    hits = np.take_along_axis(labels, np.argsort(-probs, 1, kind="stable")[:, :k], 1).astype(np.float64)
    precision = hits.cumsum(1) / np.arange(1, hits.shape[1] + 1)
    return ((precision * hits).sum(1) / np.clip(labels.sum(1, dtype=np.int64), 1, k))[:, None]
