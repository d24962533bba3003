"""The answers with the best expected value of a metric of counts, given calibrated probabilities. It needs no labels.

The value of the expected counts is maximised: right_c is the sum of p_ic over the rows with answer c, predicted_c their
number, actual_c the sum of p_ic over all rows. A further row with answer c adds slope_c p_ic + intercept_c to the
value, so the best answers are those that add most. For F1 that is 2 (p_ic - F_c / 2) / (predicted_c + actual_c).
Slopes follow from counts and counts from slopes: they are found in turns. Plug-in rules: Nan et al. 2012, Dembczynski
et al. 2013, Lipton et al. 2014 (the threshold F / 2); several classes: Narasimhan et al. 2015.

Letters: C classes or labels.
"""

from collections.abc import Callable

import numpy as np

from comp.metrics.count_metrics import TINY
from comp.metrics.metric import Metric

ROUNDS = 12  # after 10 the value changes by less than 1e-4
NEW = 0.5  # share of the newest counts in the running mean: without a mean the rounds may jump between two states
CELLS = 2_000_000  # probabilities that a rule is fitted to, at most


def maximise(
    metric: Metric, counts: Callable[[np.ndarray], np.ndarray], actual: np.ndarray, start: np.ndarray
) -> np.ndarray:
    """Slopes and intercepts (2, C) with the best expected value of all rounds; never worse than `start`.

    counts: from slopes and intercepts to expected right answers and answers (2, C); actual (C,): expected labels.
    """
    tried, best, value, mean = start, start, -np.inf, None
    for _ in range(ROUNDS):
        new = counts(tried)
        reached = float(metric.shown(metric.of_counts(*new, actual)))
        if reached > value:
            best, value = tried, reached
        mean = new if mean is None else mean + NEW * (new - mean)
        tried = gains(metric, *mean, actual)
    return best


def gains(metric: Metric, right: np.ndarray, predicted: np.ndarray, actual: np.ndarray) -> np.ndarray:
    """Slopes and intercepts (2, C): what one more answer adds to the value, wrong: intercept, right: their sum.

    Scaled so that the largest slope is 1, which changes no answer.
    """
    top, bottom = (np.asarray(part, np.float64) for part in metric.terms(right, predicted, actual))

    def value(more: int) -> np.ndarray:
        tops, bottoms = metric.terms(right + more, predicted + 1, actual)
        return (top.sum() + tops - top) / np.maximum(bottom.sum() + bottoms - bottom, TINY)

    wrong = value(0)
    found = metric.shown(np.stack([value(1) - wrong, wrong - top.sum() / max(bottom.sum(), TINY)]))
    return found / max(found[0].max(), TINY)
