"""Scores of probabilities under a competition's metrics, with the plain decision (argmax, 0.5, rounding).

Letters: N rows, C classes.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from comp.competition.competition import Competition
from comp.metrics.metrics import Metric


def answers(competition: Competition, probs: np.ndarray) -> np.ndarray:
    """The plain decision for probs (N, C).

    One label: the most probable class (N,); ordinal: the same, unless the metric is for grades, then the rounded
    expectation; multilabel: (N, C) bool, at least 0.5, and the most probable label where a row would have none but must
    have one; regression: values (N,).
    """
    if competition.target == "regression":
        return probs[:, 0]
    if competition.target == "multilabel":
        return _labels(competition, probs)
    if competition.metric.decides(competition.target) == "grade":
        return rounded(expectation(probs))
    return probs.argmax(1)


def predictions(competition: Competition, metric: Metric, probs: np.ndarray) -> np.ndarray:
    """What a metric takes: the plain decision that it needs, values, or the probabilities themselves.

    The metric may be any that fits the target: for accuracy on grades the most probable grade, for kappa the rounded
    expectation, for MAP@k the probabilities, of which it takes the order.
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
    """The deciding metric of the plain decision; better up."""
    return competition.metric.shown(_value(competition, competition.metric, labels, probs))


def scores(competition: Competition, labels: np.ndarray, probs: np.ndarray) -> dict[str, float]:
    """Name to value, as a leaderboard shows it, of the deciding metric and those shown beside it."""
    return {m.name: _value(competition, m, labels, probs) for m in (competition.metric, *competition.also)}


def expectation(probs: np.ndarray) -> np.ndarray:
    """Expected grade (N,) float64 of probs (N, C) over the grades 0 … C-1."""
    return probs @ np.arange(probs.shape[1], dtype=np.float64)


def rounded(values: np.ndarray) -> np.ndarray:
    """Nearest grades (N,) int; halves go up."""
    return np.floor(values + 0.5).astype(np.int64)


def two_points(values: np.ndarray, grades: int) -> np.ndarray:
    """Probabilities (N, grades) float32 on the two grades next to each value (0 … grades-1), with it as expectation."""
    values = np.clip(values, 0, grades - 1)
    low = np.minimum(np.floor(values).astype(np.int64), max(grades - 2, 0))
    probs = np.zeros((len(values), grades), np.float32)
    rows, above = np.arange(len(values)), (values - low).astype(np.float32)
    probs[rows, low] = 1 - above
    probs[rows, np.minimum(low + 1, grades - 1)] += above
    return probs


def combine_rows(probs: np.ndarray, ids: Sequence[str], how: str) -> tuple[np.ndarray, np.ndarray]:
    """One row for each prediction id from those of its photos.

    probs (N, C); how: "mean" or "max", for each class. Returns the ids in order of first appearance, and probabilities.
    Where rows sum to 1 they do so afterwards: two classes by the maximum of the second one, more by scaling.
    """
    number, names = pd.factorize(np.asarray(ids))
    if how == "mean":
        sums = np.zeros((len(names), probs.shape[1]), np.float64)
        np.add.at(sums, number, probs)
        return names, (sums / np.bincount(number)[:, None]).astype(probs.dtype)
    made = np.full((len(names), probs.shape[1]), -np.inf, probs.dtype)
    np.maximum.at(made, number, probs)
    if probs.shape[1] > 1 and np.allclose(probs.sum(1), 1, atol=1e-3):
        made = np.stack([1 - made[:, 1], made[:, 1]], 1) if probs.shape[1] == 2 else made / made.sum(1, keepdims=True)
    return names, made


def _labels(competition: Competition, probs: np.ndarray) -> np.ndarray:
    chosen = probs >= 0.5
    if competition.at_least_one:
        empty = ~chosen.any(1)
        chosen[empty, probs[empty].argmax(1)] = True
    return chosen


def _value(competition: Competition, metric: Metric, labels: np.ndarray, probs: np.ndarray) -> float:
    return metric.value(labels, predictions(competition, metric, probs), competition.size)
