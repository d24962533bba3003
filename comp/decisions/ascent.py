"""Coordinate ascent: take the best step along one line after another, in several passes."""

from collections.abc import Callable

import numpy as np

from comp.decisions.linesearch import Rows, best_step
from comp.metrics.metric import Metric

LEAST_GAIN = 1e-9  # smaller gains are rounding errors


class Ascent:
    """The current scores (n, k) of rows, and the value of the metric for them.

    `along` moves to the best point on a line; `repeat` runs passes over all lines until a pass gains nothing.
    """

    def __init__(self, rows: Rows, metric: Metric, scores: np.ndarray):
        self.rows, self.metric, self.scores = rows, metric, scores
        self.value = rows.score(metric, scores)

    def along(self, slope: np.ndarray, low: float, high: float) -> float | None:
        """Move to the best t in [low, high] on the line scores + t * slope. Return t, or None if nothing is gained."""
        step, reached = best_step(self.rows, self.metric, self.scores, slope, low, high)
        if reached <= self.value + LEAST_GAIN:
            return None
        self.scores, self.value = self.scores + np.float32(step) * slope, reached
        return step

    def repeat(self, one_pass: Callable[[], None], passes: int) -> None:
        """Call one_pass up to `passes` times; stop when it gains nothing."""
        for _ in range(passes):
            before = self.value
            one_pass()
            if self.value <= before:
                break
