"""Decision rules that add an offset to each class or label. They are argmax and thresholds for several labels.

With one class for each row, the answer is argmax_c (log p_c + b_c) with offsets b_c. The rule argmax has only tiny
offsets, which decide ties: of several equally probable classes, the answer is the class with the most rows among the
labels, and of these classes the lowest.

With several labels, a label is answered if its probability reaches a threshold t. The threshold is stored as the offset
-log(t / (1 - t)) of the log-odds, so that the adjusted probabilities are compared with 0.5. The rule `half` has the
threshold 0.5 for all labels. The rule `common` has one fitted threshold for all labels; it is for metrics without
terms, such as F-beta of each row. On each of several random halves of the groups it takes the best threshold of a grid.
It then averages these thresholds, and moves the average toward 0.5 if they differ much.

Letters: N rows, C classes or labels, B subsamples.
"""

import numpy as np

from comp.competition import scoring
from comp.competition.competition import Competition
from comp.metrics.formulas import FLOOR

# ---- one class for each row


def tie_breaks(probs: np.ndarray, labels: np.ndarray, groups: np.ndarray, competition: Competition) -> np.ndarray:
    """Return tiny offsets (C,) that decide ties for the class with more rows in labels (N,), or for the lower class."""
    counts = np.bincount(labels, minlength=competition.size)
    return -1e-6 * np.argsort(np.argsort(-counts, kind="stable"), kind="stable")


def decide_classes(probs: np.ndarray, offsets: np.ndarray, competition: Competition) -> np.ndarray:
    """The answers (N,) for probs (N, C) with offsets (C,)."""
    return (np.log(np.maximum(probs, FLOOR)) + offsets).argmax(1)


def adjusted_classes(probs: np.ndarray, offsets: np.ndarray, competition: Competition) -> np.ndarray:
    """The probabilities p_c exp(b_c), (N, C) float32, scaled so that the rows sum to 1.

    Their argmax gives the answers of `decide_classes`.
    """
    scaled = np.maximum(probs, FLOOR) * np.exp(offsets)
    return (scaled / scaled.sum(1, keepdims=True)).astype(np.float32)


# ---- several labels

TRIED = np.linspace(-4.0, 4.0, 33)  # offsets of the log-odds: thresholds from 0.018 to 0.982
TRIED_CELLS = 5_000_000  # most probabilities on which the offsets are tried
SUBSAMPLES, SUBSAMPLE_ROWS = 4, 50_000  # number of subsamples, and most rows of a subsample
SEED = 0


def half(probs: np.ndarray, labels: np.ndarray, groups: np.ndarray, competition: Competition) -> np.ndarray:
    """Return offsets (C,) of 0, which mean a threshold of 0.5 for every label."""
    return np.zeros(competition.size)


def common(probs: np.ndarray, labels: np.ndarray, groups: np.ndarray, competition: Competition) -> np.ndarray:
    """Fit one offset to blended probs (N, C) and labels (N, C), and return it for every label, (C,).

    groups (N,): subsamples keep the rows of a group together.
    """
    rng = np.random.default_rng(SEED)
    halves = [half_of_groups(groups, rng, SUBSAMPLE_ROWS) for _ in range(SUBSAMPLES)]
    offset = toward_zero(np.array([_best_tried(probs[rows], labels[rows], competition) for rows in halves]))
    return np.full(competition.size, offset)


def adjusted_labels(probs: np.ndarray, offsets: np.ndarray, competition: Competition) -> np.ndarray:
    """The probabilities (N, C) float32 after the offsets (C,) are added to the log-odds.

    The rule answers each label whose adjusted probability is at least 0.5.
    """
    if not offsets.any():
        return probs
    raised = probs * np.exp(offsets).astype(np.float32)
    return raised / (1 - probs + raised)


def _best_tried(probs: np.ndarray, labels: np.ndarray, competition: Competition) -> float:
    """The offset in TRIED with the best score; among equally good offsets, the offset nearest to 0."""
    step = max(1, probs.size // TRIED_CELLS)
    probs, labels = probs[::step], labels[::step]
    tried = TRIED[np.argsort(np.abs(TRIED), kind="stable")]
    adjusted = (adjusted_labels(probs, np.full(probs.shape[1], offset), competition) for offset in tried)
    return float(tried[int(np.argmax([scoring.score(competition, labels, changed) for changed in adjusted]))])


def toward_zero(values: np.ndarray) -> float:
    """The mean of the values (B,) that a parameter has on B subsamples, shrunk toward 0.

    The mean is multiplied by the positive-part James-Stein factor 1 - variance / mean^2, where the variance is that of
    the B values. So a parameter that varies much between random halves of the groups becomes 0.
    """
    mean, variance = values.mean(), values.var()
    return mean * np.clip(1 - variance / max(mean**2, 1e-12), 0, 1)


def half_of_groups(group: np.ndarray, rng: np.random.Generator, most: int) -> np.ndarray:
    """Return which rows belong to a random half of the groups, bool (N,).

    If half of the groups have more than `most` rows, take fewer groups. group (N,): the group of each row.
    """
    names, number = np.unique(group, return_inverse=True)
    count = min(-(-len(names) // 2), max(1, len(names) * most // len(group)))
    chosen = np.zeros(len(names), bool)
    chosen[rng.permutation(len(names))[:count]] = True
    return chosen[number]
