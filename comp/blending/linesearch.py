"""The exact best step along a line, for metrics of the most probable class.

Along scores(t) = start + t * slope every row's winner changes at computable points only, so macro F1 and accuracy are
step functions of t. One sort of those points gives every value they take (Och 2003, minimum error rate training).

Letters: n rows, k candidate classes a row, C classes in all, E events (changes of a winner).
"""

from dataclasses import dataclass

import numpy as np

from comp.competition.metrics import ARGMAX


@dataclass(frozen=True)
class Rows:
    """Rows whose winner may change. classes (n, k): the class of each candidate; labels (n,) the true ones.

    right, predicted, actual (C,): counts of right answers, predictions and labels; the first two over the other rows,
    whose winner never changes, the last over all rows.
    """

    classes: np.ndarray
    labels: np.ndarray
    right: np.ndarray
    predicted: np.ndarray
    actual: np.ndarray

    def winners(self, scores: np.ndarray) -> np.ndarray:
        """Classes (n,) of the highest scores (n, k); of equal ones the first candidate."""
        return self.classes[np.arange(len(scores)), scores.argmax(1)]

    def counts(self, winners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Right answers and predictions (C,) of all rows, given the winners (n,) of these."""
        size = len(self.actual)
        hits = np.bincount(winners[winners == self.labels], minlength=size)
        return self.right + hits, self.predicted + np.bincount(winners, minlength=size)

    def score(self, metric: str, scores: np.ndarray) -> float:
        """The metric over all rows, given the scores (n, k) of these."""
        return ARGMAX[metric](*self.counts(self.winners(scores)), self.actual)


def best_step(
    rows: Rows, metric: str, start: np.ndarray, slope: np.ndarray, low: float, high: float
) -> tuple[float, float]:
    """The t of [low, high] with the best metric, and that metric; exact over every step of the function.

    start, slope: (n, k), higher scores win. Of equally good steps the widest is taken, in its middle: what lies
    far from a change of mind on these rows is likelier to hold on others.
    """
    edges, values = steps(rows, metric, start, slope, low, high)
    widths = np.diff(edges)
    there = widths > (high - low) * 1e-6  # narrower ones are rounding of float32: no number lies within
    best = values[there].max()
    step = np.flatnonzero(there & (values >= best - 1e-12))
    step = step[widths[step].argmax()]
    return float(edges[step : step + 2].mean()), float(values[step])


def steps(
    rows: Rows, metric: str, start: np.ndarray, slope: np.ndarray, low: float, high: float
) -> tuple[np.ndarray, np.ndarray]:
    """The step function itself: edges (E + 2,) from low to high, and the metric (E + 1,) between them."""
    first, row, when, before, after = events(start, slope, low, high)
    order = np.argsort(when, kind="stable")
    row, when = row[order], when[order]
    lost, won = rows.classes[row, before[order]], rows.classes[row, after[order]]
    right, predicted = rows.counts(rows.classes[np.arange(len(first)), first])
    label = rows.labels[row]
    if metric == "accuracy":
        gain = (won == label).astype(float) - (lost == label)
        value = right.sum() + np.concatenate([[0.0], gain.cumsum()])
        values = value / rows.actual.sum()
    else:
        values = _macro_f1_steps(lost, won, label, right, predicted, rows.actual)
    return np.concatenate([[low], when, [high]]), values


def _macro_f1_steps(lost, won, label, right, predicted, actual) -> np.ndarray:
    """Macro F1 (E + 1,) before the first and after each event, in which `lost` (E,) hands a row to `won` (E,)."""
    count = len(lost)
    # each event touches two classes: one entry for each, grouped by class, in the order of time
    touched = np.stack([lost, won], 1).ravel()
    order = np.argsort(touched.astype(np.int16), kind="stable")  # small integers are sorted by counting
    touched, time = touched[order], order // 2
    sign = 2 * (order % 2) - 1
    hit = sign * (touched == label[time])
    begins = np.flatnonzero(np.diff(touched, prepend=-1))
    hits, predictions = (_running(values, begins) for values in (hit, sign))
    f1, there = _f1(right[touched] + hits, predicted[touched] + predictions, actual[touched])
    was_f1, was_there = _f1(right[touched] + hits - hit, predicted[touched] + predictions - sign, actual[touched])
    total, present = (
        np.bincount(time, weights=now - was, minlength=count) for now, was in ((f1, was_f1), (there, was_there))
    )
    f1, there = _f1(right, predicted, actual)
    total = f1.sum() + np.concatenate([[0.0], total.cumsum()])
    present = there.sum() + np.concatenate([[0.0], present.cumsum()])
    return total / np.maximum(present, 1)


def _running(values: np.ndarray, begins: np.ndarray) -> np.ndarray:
    """Sums of `values` that begin anew at each of `begins`."""
    sums = values.cumsum()
    offset = np.concatenate([[0], sums])[begins]
    return sums - np.repeat(offset, np.diff(np.append(begins, len(values))))


def _f1(right, predicted, actual) -> tuple[np.ndarray, np.ndarray]:
    """F1 of each class, and 1.0 where the class occurs in labels or predictions."""
    either = predicted + actual
    return 2 * right / np.maximum(either, 1), (either > 0).astype(float)


def events(start: np.ndarray, slope: np.ndarray, low: float, high: float):
    """The upper envelope of each row's k lines on [low, high].

    Returns the first winner (n,), and for each event its row, time, and the candidates that lose and win, (E,) each.
    """
    scores = start + low * slope
    best = scores.max(1, keepdims=True)
    winner = np.where(scores >= best, slope, -np.inf).argmax(1)  # of equal ones the steepest wins at once
    first, active, now = winner, np.arange(len(start)), np.full(len(start), low)
    nothing = np.zeros(0, int)
    found = [(nothing, np.zeros(0), nothing, nothing)]
    while len(active):
        ahead = start[np.arange(len(active)), winner][:, None] - start
        faster = slope - slope[np.arange(len(active)), winner][:, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            crossing = np.where(faster > 0, ahead / faster, np.inf)
        rival = crossing.argmin(1)
        when = np.maximum(crossing[np.arange(len(active)), rival], now)  # rounding may put it a hair back in time
        alive = when < high
        found.append((active[alive], when[alive], winner[alive], rival[alive]))
        active, now, winner = active[alive], when[alive], rival[alive]
        start, slope = start[alive], slope[alive]
    return first, *(np.concatenate(parts) for parts in zip(*found, strict=True))
