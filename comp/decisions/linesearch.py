"""The exact best step along a line, for metrics that are computed from counts for each class (Metric.terms).

Along scores(t) = start + t * slope, the most probable class of a row changes only at points that can be computed. So
the metric is a step function of t. Sorting those points gives all its values (Och 2003, minimum error rate training).

Letters: n rows, k candidate classes per row, C classes in all, E events (changes of a winner).
"""

from dataclasses import dataclass

import numpy as np

from comp.decisions import step_values
from comp.metrics.metric import Metric

SMALL_CLASSES = 2**15  # fewer classes fit int16, which numpy sorts much faster


@dataclass(frozen=True)
class Rows:
    """Rows where the most probable class may change. classes (n, k): the candidates; labels (n,): the true classes.

    right, predicted (C,): counts of right answers and of predictions over all other rows, where it never changes.
    actual (C,): counts of the labels of all rows.
    """

    classes: np.ndarray
    labels: np.ndarray
    right: np.ndarray
    predicted: np.ndarray
    actual: np.ndarray

    def winners(self, scores: np.ndarray) -> np.ndarray:
        """Classes (n,) with the highest scores (n, k); among equal ones the first candidate."""
        return self.classes[np.arange(len(scores)), scores.argmax(1)]

    def counts(self, winners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Right answers and predictions (C,) of all rows, given the winners (n,) of these."""
        size = len(self.actual)
        hits = np.bincount(winners[winners == self.labels], minlength=size)
        return self.right + hits, self.predicted + np.bincount(winners, minlength=size)

    def score(self, metric: Metric, scores: np.ndarray) -> float:
        """The score over all rows, higher is better, given the scores (n, k) of these."""
        return metric.shown(metric.of_counts(*self.counts(self.winners(scores)), self.actual))


def best_step(
    rows: Rows, metric: Metric, start: np.ndarray, slope: np.ndarray, low: float, high: float
) -> tuple[float, float]:
    """The t in [low, high] with the best score, and that score. All steps of the function are compared.

    start, slope: (n, k), higher scores win. Among equally good intervals, t is the middle of the widest one: it
    generalises best.
    """
    edges, values = steps(rows, metric, start, slope, low, high)
    widths = np.diff(edges)
    there = widths > (high - low) * 1e-6  # narrower steps come from rounding in float32
    best = values[there].max()
    step = np.flatnonzero(there & (values >= best - 1e-12))
    step = step[widths[step].argmax()]
    return float(edges[step : step + 2].mean()), float(values[step])


def steps(
    rows: Rows, metric: Metric, start: np.ndarray, slope: np.ndarray, low: float, high: float
) -> tuple[np.ndarray, np.ndarray]:
    """The step function itself: edges (E + 2,) from low to high, and the score (E + 1,) between them."""
    first, row, when, before, after = events(start, slope, low, high)
    order = np.argsort(when, kind="stable")
    row, when = row[order], when[order]
    lost, won = rows.classes[row, before[order]], rows.classes[row, after[order]]
    counts = (*rows.counts(rows.classes[np.arange(len(first)), first]), rows.actual)
    label = rows.labels[row]
    if metric.summable:
        gain = (won == label).astype(float) - (lost == label)
        right = counts[0].sum() + np.concatenate([[0.0], gain.cumsum()])
        values = metric.shown(metric.of_counts(right[:, None], *(part.sum(keepdims=True) for part in counts[1:])))
    else:
        values = _class_by_class(metric, lost, won, label, counts)
    return np.concatenate([[low], when, [high]]), values


def _class_by_class(metric: Metric, lost, won, label, counts) -> np.ndarray:
    """Scores (E + 1,) before the first and after each event. In it, class `lost` (E,) loses a row to `won` (E,)."""
    touched = np.stack([lost, won], 1).ravel()
    order = np.argsort(touched.astype(np.int16 if len(counts[0]) < SMALL_CLASSES else np.int32), kind="stable")
    touched, time = touched[order], order // 2
    sign = 2 * (order % 2) - 1
    hit = sign * (touched == label[time])
    return step_values.values(metric, touched, time, hit, sign, len(lost), counts)


def events(start: np.ndarray, slope: np.ndarray, low: float, high: float):
    """The upper envelope of the k lines of each row on [low, high].

    Returns the winner (n,) at `low`, and for each event (E,): its row, its t, the losing and the winning candidate.
    """
    scores = start + low * slope
    best = scores.max(1, keepdims=True)
    winner = np.where(scores >= best, slope, -np.inf).argmax(1)  # among equal ones the steepest wins at once
    first, active, now = winner, np.arange(len(start)), np.full(len(start), low)
    nothing = np.zeros(0, int)
    found = [(nothing, np.zeros(0), nothing, nothing)]
    while len(active):
        ahead = start[np.arange(len(active)), winner][:, None] - start
        faster = slope - slope[np.arange(len(active)), winner][:, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            crossing = np.where(faster > 0, ahead / faster, np.inf)
        rival = crossing.argmin(1)
        when = np.maximum(crossing[np.arange(len(active)), rival], now)  # rounding may give a slightly earlier time
        alive = when < high
        found.append((active[alive], when[alive], winner[alive], rival[alive]))
        active, now, winner = active[alive], when[alive], rival[alive]
        start, slope = start[alive], slope[alive]
    return first, *(np.concatenate(parts) for parts in zip(*found, strict=True))
