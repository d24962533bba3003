"""The exact best thresholds for the probabilities of several labels, for metrics that are computed from counts.

An offset is added to log-odds, and a label is answered if the sum is above 0. While the offset rises, one cell after
another becomes an answer, so the counts change only at points that can be computed.

Letters: N rows, C labels; a cell is one label of one row; T cells with answers that depend on the offset.

Decision rules for several labels: a label is answered if its probability reaches a threshold.

half: 0.5 for all labels; common: one threshold for all; labels: one for each. A threshold t is stored as the offset
-log(t / (1 - t)), which is added to the log-odds of a label. Then the adjusted probabilities are compared with 0.5.
Exact searches fit the thresholds on random halves of the groups (see threshold_search.py). The common threshold is
shrunk toward 0.5, the thresholds of the labels toward the common one.

Letters: N rows, C labels, B subsamples.
"""

from dataclasses import dataclass

import numpy as np

from comp.competition import scoring
from comp.competition.competition import Competition
from comp.decisions import line_search
from comp.metrics.metric import Metric

LARGEST_THRESHOLD = 4.0  # largest offset, up or down: thresholds from 0.018 to 0.982
ITERATIONS = 50


@dataclass(frozen=True)
class ThresholdCells:
    """The cells that depend on the offset, sorted by label, then by falling log-odds.

    label, odds, hit, sign (C + T,): the column, the log-odds, whether the label is true, and 1. Each label begins with
    an entry for "no cell is answered": log-odds LARGEST, hit and sign 0.
    counts: true positives, predicted and actual (C,) if none of these cells is answered.
    """

    label: np.ndarray
    odds: np.ndarray
    hit: np.ndarray
    sign: np.ndarray
    counts: tuple[np.ndarray, np.ndarray, np.ndarray]

    @classmethod
    def of(cls, probs: np.ndarray, labels: np.ndarray, forced: np.ndarray | None = None) -> "ThresholdCells":
        """From probs and labels (N, C); forced: positions in probs.ravel() of cells that are always answered."""
        size, high = probs.shape[1], 1 / (1 + np.exp(-LARGEST_THRESHOLD))
        sure, undecided = probs >= high, (probs < high) & (probs > 1 - high)
        if forced is not None:
            sure.ravel()[forced], undecided.ravel()[forced] = True, False
        true = labels.astype(bool, copy=False)
        row, label = np.nonzero(undecided)
        p = probs[row, label].astype(np.float64)
        parts = (label, np.log(p / (1 - p)), true[row, label].astype(np.int64), np.ones(len(row), np.int64))
        nothing = np.zeros(size, np.int64)
        starts = (np.arange(size), nothing + LARGEST_THRESHOLD, nothing, nothing)
        order = np.lexsort((-np.append(starts[1], parts[1]), np.append(starts[0], label)))
        counts = tuple(np.count_nonzero(part, axis=0) for part in (sure & true, sure, true))
        return cls(*(np.append(a, b)[order] for a, b in zip(starts, parts, strict=True)), counts)


def common_threshold(metric: Metric, cells: ThresholdCells) -> float:
    """The offset with the best score if all labels share it; among equal ones the middle of the widest interval."""
    order = np.argsort(-cells.odds, kind="stable")
    time = np.empty(len(order), np.int64)
    time[order] = np.arange(len(order))
    changes = (metric, cells.label, time, cells.hit, cells.sign, len(order), cells.counts)
    scores, edges = line_search.values_of_steps(*changes)[1:], np.append(cells.odds[order], -LARGEST_THRESHOLD)
    widths = edges[:-1] - edges[1:]  # 0 between cells of equal odds: they are answered together
    best = scores[widths > 0].max()
    step = np.flatnonzero((widths > 0) & (scores >= best - 1e-12))
    step = step[widths[step].argmax()]
    return -float(edges[step : step + 2].mean())


def threshold_of_each(metric: Metric, cells: ThresholdCells) -> np.ndarray:
    """The offsets (C,), one for each label, that have the best score together.

    The score is sum(numerators) / sum(denominators), with one summand per label in each. For a given ratio r, the best
    cut of a label maximises numerator - r * denominator. The ratio of these cuts is the next r (Dinkelbach 1967). It
    improves in each step until no cut changes.
    """
    begins = np.flatnonzero(np.diff(cells.label, prepend=-1))
    ends = np.append(begins[1:], len(cells.label))
    below = np.append(cells.odds[1:], -LARGEST_THRESHOLD)
    below[ends - 1] = -LARGEST_THRESHOLD
    widths = cells.odds - below
    (top, bottom), _ = line_search.terms_by_class(metric, cells.label, cells.hit, cells.sign, cells.counts)
    bottom = bottom.astype(np.float64)
    chosen, ratio = ends - 1, -np.inf
    for _ in range(ITERATIONS):
        whole = bottom[chosen].sum()
        before, ratio = ratio, top[chosen].sum() / whole if whole > 0 else 0.0
        if abs(ratio - before) < 1e-12:
            break
        chosen = _best_of_each(metric.shown(top - ratio * bottom), widths, begins, ends)
    return -(cells.odds[chosen] + below[chosen]) / 2


def _best_of_each(gains: np.ndarray, widths: np.ndarray, begins: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Position (C,) of the best gain of each label; among equal ones the widest interval. Widths of 0 do not count."""
    gains = np.where(widths > 0, gains, -np.inf)
    best = np.repeat(np.maximum.reduceat(gains, begins), ends - begins)
    width = np.where(gains >= best - 1e-12, widths, -1.0)
    widest = np.repeat(np.maximum.reduceat(width, begins), ends - begins)
    return np.minimum.reduceat(np.where(width == widest, np.arange(len(gains)), len(gains)), begins)


TRIED = np.linspace(-LARGEST_THRESHOLD, LARGEST_THRESHOLD, 33)  # for metrics without terms
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
    found = line_search.on_subsamples(
        lambda rows: _of_rows(rule, common, probs[rows], labels[rows], competition), groups
    )
    offset, of_labels = found[:, :1], found[:, 1:]
    return line_search.toward_zero(offset) + line_search.toward_zero(of_labels - offset)


def _of_rows(rule: str, common, probs, labels, competition: Competition) -> np.ndarray:
    """(1 + C,): the common offset, then the offset of each label."""
    offset = common(probs, labels, competition)
    same = np.full(competition.size, offset)
    return np.append(offset, _labels(probs, labels, same, competition) if rule == "labels" else same)


def _common(probs, labels, competition: Competition) -> float:
    forced = _most_probable(probs) if competition.at_least_one else None  # answered with any threshold
    return common_threshold(competition.metric, ThresholdCells.of(probs, labels, forced))


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
        offsets = threshold_of_each(competition.metric, ThresholdCells.of(probs, labels, forced))
        reached = scoring.score(competition, labels, adjusted(probs, offsets))
        if reached > value:
            best, value = offsets, reached
    return best


def _most_probable(probs: np.ndarray, below: float = np.inf) -> np.ndarray:
    """Positions in probs.ravel() of the most probable label of each row, if it is below a limit."""
    top = probs.argmax(1) + np.arange(len(probs)) * probs.shape[1]
    return top[probs.max(1) < below]
