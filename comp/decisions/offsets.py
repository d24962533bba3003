"""Hold the decision rules `argmax`, `half` and `common`, which add an offset to the score of each class or label.

With one class for each row, the answer is argmax_c (log p_c + b_c), where b_c is the offset of class c. The rule
`argmax` has only tiny offsets, which decide ties: of several equally probable classes, the answer is the class with the
most rows among the labels. If these numbers of rows are equal, too, the answer is the lowest class.

With several labels, a label is answered if its probability reaches a threshold t. The threshold is stored as the offset
-log(t / (1 - t)), which is added to the log-odds, so that the adjusted probabilities can be compared with 0.5. The rule
`half` has a threshold of 0.5 for all labels. The rule `common` has one fitted threshold for all labels. This rule is
for metrics that are not computed from counts of each class, such as the mean F-beta of the rows. On each of several
random halves of the groups, it takes from a grid the offset with the best score. It then averages these offsets,
and moves the average toward 0, which is a threshold of 0.5, if they differ much.

Letters in the shapes: N rows, C classes or labels, B subsamples of the groups.
"""

import numpy as np

from comp.competition import scoring
from comp.competition.competition import Competition
from comp.metrics.formulas import FLOOR

# ---- one class for each row


def tie_breaks(probs: np.ndarray, labels: np.ndarray, groups: np.ndarray, competition: Competition) -> np.ndarray:
    """Return tiny offsets (C,) that decide which of several equally probable classes is the answer.

    With these offsets, the answer is the class with the most rows in `labels` (N,) or, among equally frequent classes,
    the lowest class.
    """
    counts = np.bincount(labels, minlength=competition.size)
    return -1e-6 * np.argsort(np.argsort(-counts, kind="stable"), kind="stable")


def decide_classes(probs: np.ndarray, offsets: np.ndarray, competition: Competition) -> np.ndarray:
    """Return the answer (N,) for each row, which is the class with the largest sum of log-probability and offset.

    probs (N, C): the blended probabilities. offsets (C,): the offset of each class.
    """
    return (np.log(np.maximum(probs, FLOOR)) + offsets).argmax(1)


def adjusted_classes(probs: np.ndarray, offsets: np.ndarray, competition: Competition) -> np.ndarray:
    """Return the probabilities (N, C) float32, multiplied by exp(offsets) and scaled so that each row sums to 1.

    Their argmax gives the answers of `decide_classes`. probs (N, C): the blended probabilities. offsets (C,): the
    offset of each class.
    """
    scaled = np.maximum(probs, FLOOR) * np.exp(offsets)
    return (scaled / scaled.sum(1, keepdims=True)).astype(np.float32)


# ---- several labels

TRIED = np.linspace(-4.0, 4.0, 33)  # offsets of the log-odds, which mean thresholds from 0.982 to 0.018
TRIED_CELLS = 5_000_000  # largest number of probabilities on which the offsets are tried
SUBSAMPLES, SUBSAMPLE_ROWS = 4, 50_000  # number of subsamples, and largest number of rows in a subsample
SEED = 0


def half(probs: np.ndarray, labels: np.ndarray, groups: np.ndarray, competition: Competition) -> np.ndarray:
    """Return an offset of 0 for every label, (C,), which means a threshold of 0.5."""
    return np.zeros(competition.size)


def common(probs: np.ndarray, labels: np.ndarray, groups: np.ndarray, competition: Competition) -> np.ndarray:
    """Fit one offset that all labels share, and return an array (C,) with this offset for each label.

    probs (N, C): the blended probabilities. labels (N, C): 1 for each label that is present, otherwise 0. groups (N,):
    the group of each row; subsamples keep the rows of a group together.
    """
    rng = np.random.default_rng(SEED)
    halves = [half_of_groups(groups, rng, SUBSAMPLE_ROWS) for _ in range(SUBSAMPLES)]
    offset = toward_zero(np.array([_best_tried(probs[rows], labels[rows], competition) for rows in halves]))
    return np.full(competition.size, offset)


def adjusted_labels(probs: np.ndarray, offsets: np.ndarray, competition: Competition) -> np.ndarray:
    """Return the probabilities (N, C) float32 after an offset is added to the log-odds of each label.

    The rule answers each label whose adjusted probability is at least 0.5. probs (N, C): the blended probabilities.
    offsets (C,): the offset of each label.
    """
    if not offsets.any():
        return probs
    raised = probs * np.exp(offsets).astype(np.float32)
    return raised / (1 - probs + raised)


def _best_tried(probs: np.ndarray, labels: np.ndarray, competition: Competition) -> float:
    """Return the offset in TRIED with the best score; among equally good offsets, return the offset nearest to 0.

    probs (N, C): the blended probabilities. labels (N, C): 1 for each label that is present, otherwise 0.
    """
    step = max(1, probs.size // TRIED_CELLS)
    probs, labels = probs[::step], labels[::step]
    tried = TRIED[np.argsort(np.abs(TRIED), kind="stable")]
    adjusted = (adjusted_labels(probs, np.full(probs.shape[1], offset), competition) for offset in tried)
    return float(tried[int(np.argmax([scoring.score(competition, labels, changed) for changed in adjusted]))])


def toward_zero(values: np.ndarray) -> float:
    """Return the mean of the values (B,) that a parameter has on B subsamples, shrunk toward 0.

    The mean is multiplied by 1 - variance / mean^2, or by 0 if this factor is negative (the positive-part James-Stein
    factor). The variance is the variance of the B values, so a parameter that varies much between subsamples becomes 0.
    """
    mean, variance = values.mean(), values.var()
    return mean * np.clip(1 - variance / max(mean**2, 1e-12), 0, 1)


def half_of_groups(group: np.ndarray, rng: np.random.Generator, most: int) -> np.ndarray:
    """Return which rows belong to a random half of the groups, bool (N,).

    Fewer groups are drawn if half of the groups would have more than about `most` rows. group (N,): the group of each
    row.
    """
    names, number = np.unique(group, return_inverse=True)
    count = min(-(-len(names) // 2), max(1, len(names) * most // len(group)))
    chosen = np.zeros(len(names), bool)
    chosen[rng.permutation(len(names))[:count]] = True
    return chosen[number]
