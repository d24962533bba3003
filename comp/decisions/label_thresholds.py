"""Decision rules for several labels: which probability of a label is enough to answer it.

half: 0.5 for all labels; common: one threshold for all; labels: one for each. A threshold t is stored as the offset
-log(t / (1 - t)) that is added to the log-odds of a label, so that the adjusted probabilities are compared with 0.5.
Thresholds are fitted on random halves of the groups by exact searches (see threshold_search.py) and shrunk: the common
one toward 0.5, those of the labels toward the common one.

Letters: N rows, C labels, B subsamples.
"""

import numpy as np

from comp.competition import scoring
from comp.competition.competition import Competition
from comp.decisions import shrink, threshold_search

TRIED = np.linspace(-threshold_search.LARGEST, threshold_search.LARGEST, 33)  # offsets, for metrics without terms
TRIED_CELLS = 5_000_000  # probabilities that they are tried on, at most
ROUNDS = 2  # of finding the rows without a label, then the thresholds


def rules(competition: Competition) -> tuple[str, ...]:
    """The rules that fit, from the simplest to the least simple."""
    return ("half", "common", "labels") if competition.metric.terms else ("half", "common")


def adjusted(probs: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Probabilities (N, C) float32 of which the rule answers those of at least 0.5: log-odds plus offsets (C,)."""
    if not offsets.any():
        return probs
    raised = probs * np.exp(offsets).astype(np.float32)
    return raised / (1 - probs + raised)


def fit(rule: str, probs: np.ndarray, labels: np.ndarray, groups: np.ndarray, competition: Competition) -> np.ndarray:
    """Offsets (C,) of a rule for blended probs (N, C). groups (N,): rows of one stay together in subsamples."""
    if rule == "half":
        return np.zeros(competition.size)
    common = _common if competition.metric.terms else _tried
    found = shrink.on_subsamples(lambda rows: _of_rows(rule, common, probs[rows], labels[rows], competition), groups)
    offset, of_labels = found[:, :1], found[:, 1:]
    return shrink.toward_zero(offset) + shrink.toward_zero(of_labels - offset)


def _of_rows(rule: str, common, probs, labels, competition: Competition) -> np.ndarray:
    """The common offset, then those of the labels (1 + C,)."""
    offset = common(probs, labels, competition)
    same = np.full(competition.size, offset)
    return np.append(offset, _labels(probs, labels, same, competition) if rule == "labels" else same)


def _common(probs, labels, competition: Competition) -> float:
    forced = _most_probable(probs) if competition.at_least_one else None  # answered whatever the threshold is
    return threshold_search.common(competition.metric, threshold_search.Cells.of(probs, labels, forced))


def _tried(probs, labels, competition: Competition) -> float:
    """The best of some offsets; among equal ones the nearest to 0."""
    step = max(1, probs.size // TRIED_CELLS)
    probs, labels = probs[::step], labels[::step]
    tried = TRIED[np.argsort(np.abs(TRIED), kind="stable")]
    found = [scoring.score(competition, labels, adjusted(probs, np.full(probs.shape[1], b))) for b in tried]
    return float(tried[int(np.argmax(found))])


def _labels(probs, labels, offsets: np.ndarray, competition: Competition) -> np.ndarray:
    """The best offsets (C,) of those found from the common one.

    A row whose labels are all below their thresholds is answered by its most probable one. Which rows those are depends
    on the thresholds, so they are found for the thresholds so far, and then the thresholds again.
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
    """Positions in probs.ravel() of each row's most probable label, where it is below a limit."""
    top = probs.argmax(1) + np.arange(len(probs)) * probs.shape[1]
    return top[probs.max(1) < below]
