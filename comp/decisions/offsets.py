"""Rules that add an offset to each class or label: argmax with its ties, and thresholds for several labels.

Classes: the answer is argmax_c (log p_c + b_c). The rule argmax has only offsets for ties: of equally probable classes
the one with more rows among the labels is answered, then the lower one.

Labels: a label is answered if its probability reaches a threshold t, stored as the offset -log(t / (1 - t)) of its
log-odds. Then the adjusted probabilities are compared with 0.5. half: 0.5 for all labels; common: one threshold for
all, for metrics without terms, such as F-beta of each row: the best of a grid on random halves of the groups, drawn
toward 0.5 where these do not agree.

Letters: N rows, C classes or labels, B subsamples.
"""

import numpy as np

from comp.competition import scoring
from comp.competition.competition import Competition
from comp.metrics.formulas import FLOOR

# ---- one class for each row


def tie_breaks(probs: np.ndarray, labels: np.ndarray, groups: np.ndarray, competition: Competition) -> np.ndarray:
    """Tiny offsets (C,) for ties: they go to the class with more rows in labels (N,), then to the lower class."""
    counts = np.bincount(labels, minlength=competition.size)
    return -1e-6 * np.argsort(np.argsort(-counts, kind="stable"), kind="stable")


def decide_classes(probs: np.ndarray, offsets: np.ndarray, competition: Competition) -> np.ndarray:
    """Answers (N,) for probs (N, C) with offsets (C,)."""
    return (np.log(np.maximum(probs, FLOOR)) + offsets).argmax(1)


def adjusted_classes(probs: np.ndarray, offsets: np.ndarray, competition: Competition) -> np.ndarray:
    """Probabilities (N, C) float32 with the answers of `decide_classes` as argmax: p_c exp(b_c), rows sum to 1."""
    scaled = np.maximum(probs, FLOOR) * np.exp(offsets)
    return (scaled / scaled.sum(1, keepdims=True)).astype(np.float32)


# ---- several labels

TRIED = np.linspace(-4.0, 4.0, 33)  # offsets of the log-odds: thresholds from 0.018 to 0.982
TRIED_CELLS = 5_000_000  # probabilities to try them on, at most
SUBSAMPLES, SUBSAMPLE_ROWS = 4, 50_000  # rows of a subsample, at most
SEED = 0


def half(probs: np.ndarray, labels: np.ndarray, groups: np.ndarray, competition: Competition) -> np.ndarray:
    """Offsets (C,) of 0: every threshold is 0.5."""
    return np.zeros(competition.size)


def common(probs: np.ndarray, labels: np.ndarray, groups: np.ndarray, competition: Competition) -> np.ndarray:
    """The same offset for all labels (C,), for blended probs (N, C). Subsamples keep the rows of a group together."""
    rng = np.random.default_rng(SEED)
    halves = [half_of_groups(groups, rng, SUBSAMPLE_ROWS) for _ in range(SUBSAMPLES)]
    offset = toward_zero(np.array([_best_tried(probs[rows], labels[rows], competition) for rows in halves]))
    return np.full(competition.size, offset)


def adjusted_labels(probs: np.ndarray, offsets: np.ndarray, competition: Competition) -> np.ndarray:
    """Probabilities (N, C) float32 with offsets (C,) added to the log-odds; the rule answers those of at least 0.5."""
    if not offsets.any():
        return probs
    raised = probs * np.exp(offsets).astype(np.float32)
    return raised / (1 - probs + raised)


def _best_tried(probs: np.ndarray, labels: np.ndarray, competition: Competition) -> float:
    """The best of the offsets in TRIED; among equal ones the nearest to 0."""
    step = max(1, probs.size // TRIED_CELLS)
    probs, labels = probs[::step], labels[::step]
    tried = TRIED[np.argsort(np.abs(TRIED), kind="stable")]
    adjusted = (adjusted_labels(probs, np.full(probs.shape[1], offset), competition) for offset in tried)
    return float(tried[int(np.argmax([scoring.score(competition, labels, changed) for changed in adjusted]))])


def toward_zero(values: np.ndarray) -> float:
    """The mean of a parameter that was fitted on subsamples (B,), shrunk toward 0 by its variance over them.

    The positive-part James-Stein factor 1 - variance / mean^2, with the variance of a single subsample: a parameter
    that varies across random halves of the groups is shrunk to zero.
    """
    mean, variance = values.mean(), values.var()
    return mean * np.clip(1 - variance / max(mean**2, 1e-12), 0, 1)


def half_of_groups(group: np.ndarray, rng: np.random.Generator, most: int) -> np.ndarray:
    """Rows (bool (N,)) of a random half of the groups (N,); of fewer groups if half have more than `most` rows."""
    names, number = np.unique(group, return_inverse=True)
    count = min(-(-len(names) // 2), max(1, len(names) * most // len(group)))
    chosen = np.zeros(len(names), bool)
    chosen[rng.permutation(len(names))[:count]] = True
    return chosen[number]
