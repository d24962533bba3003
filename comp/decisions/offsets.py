"""This module has the decision rules `argmax`, `half` and `common`, which add offsets to log-probabilities or log-odds.

`argmax` is for one class in each row, and predicts argmax_c (log p_c + b_c), where b_c is the offset of class c. The
offsets are tiny and only decide ties: of several equally probable classes, the class with the most labels is predicted,
and of equally frequent classes the class with the lowest number.

`half` and `common` are for multilabel data. A label is predicted if its probability reaches a threshold t. The
threshold is stored as the offset -log(t / (1 - t)), which is added to the log-odds of the label, so that the resulting
probability can be compared with 0.5. `half` has a threshold of 0.5 for all labels. `common` fits one threshold for all
labels. It is for metrics that are not computed from counts of each class, such as the mean F-beta of the rows. It finds
the offset with the best score on each of several random halves of the groups, and takes the mean of these offsets. If
the offsets differ much, the mean is moved toward 0, which is a threshold of 0.5.

Letters in the shapes: N rows, C classes or labels, B random halves of the groups.
"""

import numpy as np

from comp.competition import scoring
from comp.competition.competition import Competition
from comp.metrics.formulas import FLOOR

# ---- one class for each row


def tie_breaks(probs: np.ndarray, labels: np.ndarray, groups: np.ndarray, competition: Competition) -> np.ndarray:
    """Return tiny offsets (C,), which decide which of several equally probable classes is predicted.

    The offset is largest for the class with the most rows in `labels` (N,). Of equally frequent classes, the class with
    the lowest number has the largest offset.
    """
    counts = np.bincount(labels, minlength=competition.size)
    return -1e-6 * np.argsort(np.argsort(-counts, kind="stable"), kind="stable")


def decide_classes(probs: np.ndarray, offsets: np.ndarray, competition: Competition) -> np.ndarray:
    """Return for each row the class (N,) with the largest sum of log-probability and offset.

    probs (N, C): the blended probabilities. offsets (C,): the offset of each class.
    """
    return (np.log(np.maximum(probs, FLOOR)) + offsets).argmax(1)


def adjusted_classes(probs: np.ndarray, offsets: np.ndarray, competition: Competition) -> np.ndarray:
    """Return the probabilities (N, C) float32, multiplied by exp(offsets) and scaled so that each row sums to 1.

    Their argmax gives the classes that `decide_classes` predicts. probs (N, C): the blended probabilities. offsets
    (C,): the offset of each class.
    """
    scaled = np.maximum(probs, FLOOR) * np.exp(offsets)
    return (scaled / scaled.sum(1, keepdims=True)).astype(np.float32)


# ---- several labels

TRIED = np.linspace(-4.0, 4.0, 33)  # offsets of the log-odds, which mean thresholds from 0.982 to 0.018
TRIED_CELLS = 5_000_000  # largest number of probabilities on which the offsets are tried
SUBSAMPLES, SUBSAMPLE_ROWS = 4, 50_000  # number of subsamples, and largest number of rows in a subsample
SEED = 0


def half(probs: np.ndarray, labels: np.ndarray, groups: np.ndarray, competition: Competition) -> np.ndarray:
    """Return an offset of 0 for each of C labels, (C,), which means a threshold of 0.5."""
    return np.zeros(competition.size)


def common(probs: np.ndarray, labels: np.ndarray, groups: np.ndarray, competition: Competition) -> np.ndarray:
    """Fit one offset that all labels share, and return an array (C,) that repeats this offset for each label.

    A label is predicted if its log-odds plus the offset are at least 0. probs (N, C): the blended probabilities. labels
    (N, C): 1 for each label that is present, otherwise 0. groups (N,): the group of each row; the fit uses random
    halves of the groups.
    """
    rng = np.random.default_rng(SEED)
    halves = [half_of_groups(groups, rng, SUBSAMPLE_ROWS) for _ in range(SUBSAMPLES)]
    offset = toward_zero(np.array([_best_tried(probs[rows], labels[rows], competition) for rows in halves]))
    return np.full(competition.size, offset)


def adjusted_labels(probs: np.ndarray, offsets: np.ndarray, competition: Competition) -> np.ndarray:
    """Return the probabilities (N, C) float32 of the labels after an offset is added to the log-odds of each label.

    A label is predicted if this new probability is at least 0.5. probs (N, C): the blended probabilities. offsets (C,):
    the offset of each label.
    """
    if not offsets.any():
        return probs
    raised = probs * np.exp(offsets).astype(np.float32)
    return raised / (1 - probs + raised)


def _best_tried(probs: np.ndarray, labels: np.ndarray, competition: Competition) -> float:
    """Return the offset in TRIED that gives the best score if it is added to the log-odds of all labels.

    Of equally good offsets, the one nearest to 0 is returned. probs (N, C): the blended probabilities. labels (N, C): 1
    for each label that is present, otherwise 0.
    """
    step = max(1, probs.size // TRIED_CELLS)
    probs, labels = probs[::step], labels[::step]
    tried = TRIED[np.argsort(np.abs(TRIED), kind="stable")]
    adjusted = (adjusted_labels(probs, np.full(probs.shape[1], offset), competition) for offset in tried)
    return float(tried[int(np.argmax([scoring.score(competition, labels, changed) for changed in adjusted]))])


def toward_zero(values: np.ndarray) -> float:
    """Return the mean of B values of one parameter, moved toward 0 if the values differ much.

    values (B,): the parameter, fitted on each of B random subsamples. The mean is multiplied by 1 - variance / mean^2,
    or by 0 if this factor is negative (the positive-part James-Stein factor), where the variance is that of the B
    values.
    """
    mean, variance = values.mean(), values.var()
    return mean * np.clip(1 - variance / max(mean**2, 1e-12), 0, 1)


def half_of_groups(group: np.ndarray, rng: np.random.Generator, most: int) -> np.ndarray:
    """Return a bool array (N,), which is True for the rows of a random half of the groups.

    If these would be more than about `most` rows, fewer groups are drawn. group (N,): the group of each row. rng: the
    random number generator.
    """
    names, number = np.unique(group, return_inverse=True)
    count = min(-(-len(names) // 2), max(1, len(names) * most // len(group)))
    chosen = np.zeros(len(names), bool)
    chosen[rng.permutation(len(names))[:count]] = True
    return chosen[number]
