"""The exact best thresholds for the probabilities of several labels, for metrics that are computed from counts.

An offset is added to log-odds, and a label is answered if the sum is above 0. While the offset rises, one cell after
another becomes an answer, so the counts change only at points that can be computed.

Letters: N rows, C labels; a cell is one label of one row; T cells with answers that depend on the offset.
"""

from dataclasses import dataclass

import numpy as np

from comp.decisions import step_values
from comp.metrics.metric import Metric

LARGEST = 4.0  # largest offset, up or down: thresholds from 0.018 to 0.982
ITERATIONS = 50


@dataclass(frozen=True)
class Cells:
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
    def of(cls, probs: np.ndarray, labels: np.ndarray, forced: np.ndarray | None = None) -> "Cells":
        """From probs and labels (N, C); forced: positions in probs.ravel() of cells that are always answered."""
        size, high = probs.shape[1], 1 / (1 + np.exp(-LARGEST))
        sure, undecided = probs >= high, (probs < high) & (probs > 1 - high)
        if forced is not None:
            sure.ravel()[forced], undecided.ravel()[forced] = True, False
        true = labels.astype(bool, copy=False)
        row, label = np.nonzero(undecided)
        p = probs[row, label].astype(np.float64)
        parts = (label, np.log(p / (1 - p)), true[row, label].astype(np.int64), np.ones(len(row), np.int64))
        nothing = np.zeros(size, np.int64)
        starts = (np.arange(size), nothing + LARGEST, nothing, nothing)
        order = np.lexsort((-np.append(starts[1], parts[1]), np.append(starts[0], label)))
        counts = tuple(np.count_nonzero(part, axis=0) for part in (sure & true, sure, true))
        return cls(*(np.append(a, b)[order] for a, b in zip(starts, parts, strict=True)), counts)


def common(metric: Metric, cells: Cells) -> float:
    """The offset with the best score if all labels share it; among equal ones the middle of the widest interval."""
    order = np.argsort(-cells.odds, kind="stable")
    time = np.empty(len(order), np.int64)
    time[order] = np.arange(len(order))
    changes = (metric, cells.label, time, cells.hit, cells.sign, len(order), cells.counts)
    scores, edges = step_values.values(*changes)[1:], np.append(cells.odds[order], -LARGEST)
    widths = edges[:-1] - edges[1:]  # 0 between cells of equal odds: they are answered together
    best = scores[widths > 0].max()
    step = np.flatnonzero((widths > 0) & (scores >= best - 1e-12))
    step = step[widths[step].argmax()]
    return -float(edges[step : step + 2].mean())


def each(metric: Metric, cells: Cells) -> np.ndarray:
    """The offsets (C,), one for each label, that have the best score together.

    The score is sum(numerators) / sum(denominators), with one summand per label in each. For a given ratio r, the best
    cut of a label maximises numerator - r * denominator. The ratio of these cuts is the next r (Dinkelbach 1967). It
    improves in each step until no cut changes.
    """
    begins = np.flatnonzero(np.diff(cells.label, prepend=-1))
    ends = np.append(begins[1:], len(cells.label))
    below = np.append(cells.odds[1:], -LARGEST)
    below[ends - 1] = -LARGEST
    widths = cells.odds - below
    (top, bottom), _ = step_values.terms_by_class(metric, cells.label, cells.hit, cells.sign, cells.counts)
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
