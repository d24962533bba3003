"""The exact best thresholds on probabilities of several labels, for metrics that are a function of counts.

An offset is added to log-odds, and a label is answered where the sum is above 0. While an offset rises, one cell after
another is answered, so the counts change at computable points only.

Letters: N rows, C labels; a cell is one label of one row; T cells whose answer depends on the offset.
"""

from dataclasses import dataclass

import numpy as np

from comp.decisions import step_values
from comp.metrics.metric import Metric

LARGEST = 4.0  # offsets lie within ± this: thresholds from 0.018 to 0.982
ITERATIONS = 50


@dataclass(frozen=True)
class Cells:
    """The cells that an offset within ± LARGEST decides, sorted by label, then from the highest log-odds down.

    label, odds, hit, sign (C + T,): the column, the log-odds, whether the label is true, and 1. Each label begins with
    an entry that stands for "none of them": log-odds LARGEST, hit and sign 0.
    counts: true positives, predicted and actual (C,) where none of them is answered.
    """

    label: np.ndarray
    odds: np.ndarray
    hit: np.ndarray
    sign: np.ndarray
    counts: tuple[np.ndarray, np.ndarray, np.ndarray]

    @classmethod
    def of(cls, probs: np.ndarray, labels: np.ndarray, forced: np.ndarray | None = None) -> "Cells":
        """From probs and labels (N, C); forced: positions in probs.ravel() of cells that are answered in any case."""
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
    """The offset of all labels with the best score; among equal ones the middle of the widest interval."""
    order = np.argsort(-cells.odds, kind="stable")
    time = np.empty(len(order), np.int64)
    time[order] = np.arange(len(order))
    made = (metric, cells.label, time, cells.hit, cells.sign, len(order), cells.counts)
    scores, edges = step_values.values(*made)[1:], np.append(cells.odds[order], -LARGEST)
    widths = edges[:-1] - edges[1:]  # 0 between cells of equal odds, which are answered together
    best = scores[widths > 0].max()
    step = np.flatnonzero((widths > 0) & (scores >= best - 1e-12))
    step = step[widths[step].argmax()]
    return -float(edges[step : step + 2].mean())


def each(metric: Metric, cells: Cells) -> np.ndarray:
    """Offsets (C,), one for each label, with the best score of all combinations.

    The score is sum(numerators) / sum(denominators), and each label adds to both on its own. For a given ratio r the
    best cut of each label maximises numerator - r * denominator; the ratio that these cuts reach is the next r
    (Dinkelbach 1967). The ratio only improves, until no cut changes.
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
    """Position (C,) of each label's best gain, the widest interval among equal ones; widths of 0 do not count."""
    gains = np.where(widths > 0, gains, -np.inf)
    best = np.repeat(np.maximum.reduceat(gains, begins), ends - begins)
    width = np.where(gains >= best - 1e-12, widths, -1.0)
    widest = np.repeat(np.maximum.reduceat(width, begins), ends - begins)
    return np.minimum.reduceat(np.where(width == widest, np.arange(len(gains)), len(gains)), begins)
