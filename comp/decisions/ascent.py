"""Coordinate ascent: from where one is, the best step along one line after another, pass after pass."""

from collections.abc import Callable

import numpy as np

from comp.decisions.linesearch import Rows, best_step
from comp.metrics.metric import Metric

LEAST_GAIN = 1e-9  # smaller ones are rounding


class Ascent:
    """The scores (n, k) of rows so far, and the metric's score of them.

    `along` moves to the best point of a line; `repeat` makes passes over lines until one of them gains nothing.
    """

    def __init__(self, rows: Rows, metric: Metric, scores: np.ndarray):
        self.rows, self.metric, self.scores = rows, metric, scores
        self.value = rows.score(metric, scores)

    def along(self, slope: np.ndarray, low: float, high: float) -> float | None:
        """Go to the best t of [low, high] on the line scores + t * slope; return t, or None if nothing is gained."""
        step, reached = best_step(self.rows, self.metric, self.scores, slope, low, high)
        if reached <= self.value + LEAST_GAIN:
            return None
        self.scores, self.value = self.scores + np.float32(step) * slope, reached
        return step

    def repeat(self, one_pass: Callable[[], None], passes: int) -> None:
        """Call one_pass up to `passes` times, until it gains nothing."""
        for _ in range(passes):
            before = self.value
            one_pass()
            if self.value <= before:
                break
