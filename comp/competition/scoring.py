"""Scores of probabilities by a competition's metrics. Answers come from the plain decision (argmax, 0.5, rounding).

Letters: N rows, C classes.
"""

import numpy as np

from comp.competition.competition import Competition
from comp.metrics.metric import Metric


def answers(competition: Competition, probs: np.ndarray) -> np.ndarray:
    """The plain decision for probs (N, C).

    multiclass, binary: the most probable class (N,). ordinal: the same, or the rounded expectation if the metric
    measures the distance between grades. multilabel: (N, C) bool, true from 0.5 on; if every photo has a label, an
    empty row gets its most probable one. regression: values (N,).
    """
    if competition.target == "regression":
        return probs[:, 0]
    if competition.target == "multilabel":
        return _labels(competition, probs)
    if competition.metric.decides(competition.target) == "grade":
        return rounded(expectation(probs))
    return probs.argmax(1)


def predictions(competition: Competition, metric: Metric, probs: np.ndarray) -> np.ndarray:
    """The predictions in the form that a metric takes: plain decisions, values, or the probabilities themselves.

    The form depends on the metric, not only on the target. For grades, accuracy takes the most probable grade, and
    kappa takes the rounded expectation. MAP@k takes the probabilities and uses their order.
    """
    decides = metric.decides(competition.target)
    if decides == "class":
        return probs.argmax(1)
    if decides == "labels":
        return _labels(competition, probs)
    if decides == "grade":
        return rounded(expectation(probs))
    return probs[:, 0] if competition.target == "regression" else probs


def score(competition: Competition, labels: np.ndarray, probs: np.ndarray) -> float:
    """The competition's metric of the plain decision, with its sign turned if lower is better: higher is better."""
    return competition.metric.shown(_value(competition, competition.metric, labels, probs))


def scores(competition: Competition, labels: np.ndarray, probs: np.ndarray) -> dict[str, float]:
    """Metric name to value, as a leaderboard shows it: the competition's metric, then the metrics in `also`."""
    return {m.name: _value(competition, m, labels, probs) for m in (competition.metric, *competition.also)}


def titles(competition: Competition) -> list[str]:
    """The names of the shown metrics, the deciding one first, with the direction where lower is better."""
    shown = (competition.metric, *competition.also)
    return [metric.name if metric.higher_is_better else f"{metric.name} (lower is better)" for metric in shown]


def expectation(probs: np.ndarray) -> np.ndarray:
    """Expected grade (N,) float64 of probs (N, C) over the grades 0 … C-1."""
    return probs @ np.arange(probs.shape[1], dtype=np.float64)


def rounded(values: np.ndarray) -> np.ndarray:
    """Nearest grades (N,) int; halves go up."""
    return np.floor(values + 0.5).astype(np.int64)


def two_points(values: np.ndarray, grades: int) -> np.ndarray:
    """Probabilities (N, grades) float32 that lie on the two grades next to each value, with the value as expectation.

    values: (N,), clipped to 0 … grades-1. Heads have the same function on tensors, because it is part of the model.
    """
    values = np.clip(values, 0, grades - 1)
    low = np.minimum(np.floor(values).astype(np.int64), max(grades - 2, 0))
    probs = np.zeros((len(values), grades), np.float32)
    rows, above = np.arange(len(values)), (values - low).astype(np.float32)
    probs[rows, low] = 1 - above
    probs[rows, np.minimum(low + 1, grades - 1)] += above
    return probs


def _labels(competition: Competition, probs: np.ndarray) -> np.ndarray:
    chosen = probs >= 0.5
    if competition.at_least_one:
        empty = ~chosen.any(1)
        chosen[empty, probs[empty].argmax(1)] = True
    return chosen


def _value(competition: Competition, metric: Metric, labels: np.ndarray, probs: np.ndarray) -> float:
    return metric.value(labels, predictions(competition, metric, probs), competition.size)
