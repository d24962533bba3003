"""Decision rules for several labels: a label is answered if its probability reaches a threshold.

half: 0.5 for all labels; common: one threshold for all; labels: one for each. A threshold t is stored as the offset
-log(t / (1 - t)), which is added to the log-odds of a label. Then the adjusted probabilities are compared with 0.5.
Exact searches fit the thresholds on random halves of the groups (see threshold_search.py). The common threshold is
shrunk toward 0.5, the thresholds of the labels toward the common one.

Letters: N rows, C labels, B subsamples.
"""

import numpy as np

from comp.competition import scoring
from comp.competition.competition import Competition
from comp.decisions import shrink, threshold_search

TRIED = np.linspace(-threshold_search.LARGEST, threshold_search.LARGEST, 33)  # for metrics without terms
TRIED_CELLS = 5_000_000  # probabilities to try them on, at most
ROUNDS = 2  # each finds the rows without a label, then the thresholds


def rules(competition: Competition) -> tuple[str, ...]:
    """The rules for the competition, the simplest first."""
    return ("half", "common", "labels") if competition.metric.terms else ("half", "common")


def adjusted(probs: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Probabilities (N, C) float32 with offsets (C,) added to the log-odds; the rule answers those of at least 0.5."""
    if not offsets.any():
        return probs
    raised = probs * np.exp(offsets).astype(np.float32)
    return raised / (1 - probs + raised)


def fit(rule: str, probs: np.ndarray, labels: np.ndarray, groups: np.ndarray, competition: Competition) -> np.ndarray:
    """Offsets (C,) of a rule for blended probs (N, C). groups (N,): subsamples keep the rows of a group together."""
    if rule == "half":
        return np.zeros(competition.size)
    common = _common if competition.metric.terms else _tried
    found = shrink.on_subsamples(lambda rows: _of_rows(rule, common, probs[rows], labels[rows], competition), groups)
    offset, of_labels = found[:, :1], found[:, 1:]
    return shrink.toward_zero(offset) + shrink.toward_zero(of_labels - offset)


def _of_rows(rule: str, common, probs, labels, competition: Competition) -> np.ndarray:
    """(1 + C,): the common offset, then the offset of each label."""
    offset = common(probs, labels, competition)
    same = np.full(competition.size, offset)
    return np.append(offset, _labels(probs, labels, same, competition) if rule == "labels" else same)


def _common(probs, labels, competition: Competition) -> float:
    forced = _most_probable(probs) if competition.at_least_one else None  # answered with any threshold
    return threshold_search.common(competition.metric, threshold_search.Cells.of(probs, labels, forced))


def _tried(probs, labels, competition: Competition) -> float:
    """The best of the offsets in TRIED; among equal ones the nearest to 0."""
    step = max(1, probs.size // TRIED_CELLS)
    probs, labels = probs[::step], labels[::step]
    tried = TRIED[np.argsort(np.abs(TRIED), kind="stable")]
    found = [scoring.score(competition, labels, adjusted(probs, np.full(probs.shape[1], b))) for b in tried]
    return float(tried[int(np.argmax(found))])


def _labels(probs, labels, offsets: np.ndarray, competition: Competition) -> np.ndarray:
    """The best offsets (C,) that are found when starting from the common one.

    A row with all labels below their thresholds is answered with its most probable label. Which rows these are depends
    on the thresholds. So each round finds these rows for the current thresholds, and then new thresholds.
    """
    best, value = offsets, scoring.score(competition, labels, adjusted(probs, offsets))
    for _ in range(ROUNDS if competition.at_least_one else 1):
        forced = _most_probable(adjusted(probs, offsets), below=0.5) if competition.at_least_one else None
        offsets = threshold_search.each(competition.metric, threshold_search.Cells.of(probs, labels, forced))
        reached = scoring.score(competition, labels, adjusted(probs, offsets))
        if reached > value:
            best, value = offsets, reached
    return best


def _most_probable(probs: np.ndarray, below: float = np.inf) -> np.ndarray:
    """Positions in probs.ravel() of the most probable label of each row, if it is below a limit."""
    top = probs.argmax(1) + np.arange(len(probs)) * probs.shape[1]
    return top[probs.max(1) < below]
