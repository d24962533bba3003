"""The values of a metric of counts while the counts change, one event after another.

Letters: E events, T changes (one event may change the counts of two classes), C classes.
"""

import numpy as np

from comp.metrics.metric import Metric


def values(metric: Metric, touched, time, hit, sign, events: int, counts) -> np.ndarray:
    """The score (E + 1,) before the first event and after each.

    touched (T,): the class of each change, sorted; time (T,): its event, rising within a class; hit, sign (T,): what
    it adds to the true positives and to the predicted rows of the class. counts: true positives, predicted and actual
    (C,) before the first event.
    """
    start = metric.terms(*counts)
    now, was = terms_by_class(metric, touched, hit, sign, counts)
    sums = [
        before.sum() + np.concatenate([[0.0], np.bincount(time, np.subtract(a, b, dtype=float), events).cumsum()])
        for before, a, b in zip(start, now, was, strict=True)
    ]
    return metric.shown(sums[0] / np.where(sums[1] > 1e-9, sums[1], 1))


def terms_by_class(metric: Metric, touched, hit, sign, counts):
    """The terms of the metric after each change and before it: numerators and denominators (T,) each."""
    begins = np.flatnonzero(np.diff(touched, prepend=-1))
    right, predicted, actual = (part[touched] for part in counts)
    right, predicted = right + running(hit, begins), predicted + running(sign, begins)
    return metric.terms(right, predicted, actual), metric.terms(right - hit, predicted - sign, actual)


def running(values: np.ndarray, begins: np.ndarray) -> np.ndarray:
    """Cumulative sums of `values` that start again at each position in `begins`."""
    sums = values.cumsum()
    offset = np.concatenate([[0], sums])[begins]
    return sums - np.repeat(offset, np.diff(np.append(begins, len(values))))
