"""The values that a metric of counts takes while the counts of its classes change one event at a time.

Letters: E events, T changes of a count (one event may change the counts of two classes), C classes.
"""

import numpy as np

from comp.metrics.metric import Metric


def values(metric: Metric, touched, time, hit, sign, events: int, counts) -> np.ndarray:
    """The score (E + 1,) before the first event and after each.

    touched (T,): the class of each change, sorted; time (T,): its event, ascending within a class; hit and sign (T,):
    what is added to the class's true positives and to its predicted. counts: true positives, predicted and actual (C,)
    before the first event.
    """
    start = metric.terms(*counts)
    now, was = terms_by_class(metric, touched, hit, sign, counts)
    sums = [
        before.sum() + np.concatenate([[0.0], np.bincount(time, np.subtract(a, b, dtype=float), events).cumsum()])
        for before, a, b in zip(start, now, was, strict=True)
    ]
    return metric.shown(sums[0] / np.where(sums[1] > 1e-9, sums[1], 1))


def terms_by_class(metric: Metric, touched, hit, sign, counts):
    """The metric's terms, numerators and denominators (T,) each, after each change and before it."""
    begins = np.flatnonzero(np.diff(touched, prepend=-1))
    right, predicted, actual = (part[touched] for part in counts)
    right, predicted = right + running(hit, begins), predicted + running(sign, begins)
    return metric.terms(right, predicted, actual), metric.terms(right - hit, predicted - sign, actual)


def running(values: np.ndarray, begins: np.ndarray) -> np.ndarray:
    """Cumulative sums of `values` that begin anew at each position of `begins`."""
    sums = values.cumsum()
    offset = np.concatenate([[0], sums])[begins]
    return sums - np.repeat(offset, np.diff(np.append(begins, len(values))))
