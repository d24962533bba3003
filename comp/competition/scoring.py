"""Score probabilities by a competition's metrics. Answers come from the plain decision (argmax, 0.5 or rounding).

Letters: N rows, C classes.
"""

import numpy as np

from comp.competition.competition import Competition
from comp.metrics.metric import Metric


def answers(competition: Competition, probs: np.ndarray) -> np.ndarray:
    """Return the plain decision for probabilities (N, C). Its form depends on the target:

    - multiclass, binary: the most probable class (N,).
    - ordinal: the most probable class (N,), or the rounded expectation if the metric measures distances of grades.
    - multilabel: (N, C) bool, true for probabilities of at least 0.5. If every photo of the competition has a label, a
      row without one gets its most probable label.
    - regression: the values (N,).
    """
    if competition.target == "regression":
        return probs[:, 0]
    if competition.target == "multilabel":
        return _labels(competition, probs)
    if competition.metric.decides(competition.target) == "grade":
        return rounded(expectation(probs))
    return probs.argmax(1)


def predictions(competition: Competition, metric: Metric, probs: np.ndarray) -> np.ndarray:
    """Return the predictions in the form that a metric takes, which is plain decisions, values or probabilities.

    The form depends on the metric, not only on the target. For grades, accuracy takes the most probable grade, and
    kappa takes the rounded expectation. MAP@k takes the probabilities and uses the order of the classes.
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
    """Return the competition's metric of the plain decision, negated if lower is better. A higher score is better."""
    return competition.metric.shown(_value(competition, competition.metric, labels, probs))


def scores(competition: Competition, labels: np.ndarray, probs: np.ndarray) -> dict[str, float]:
    """Return the values of the competition's metric and of the metrics in `also`, by metric name.

    The values are as a leaderboard shows them, so that a lower value may be better.
    """
    return {m.name: _value(competition, m, labels, probs) for m in (competition.metric, *competition.also)}


def titles(competition: Competition) -> list[str]:
    """Return the names of the shown metrics, the competition's metric first, with a note if lower values are better."""
    shown = (competition.metric, *competition.also)
    return [metric.name if metric.higher_is_better else f"{metric.name} (lower is better)" for metric in shown]


def with_mean_row(rows: list[list]) -> list[list]:
    """Return the rows of the folds and, of two or more folds, a row with the mean and the standard deviation.

    A row is the name of the fold, the value of each metric, and a last column that has no mean.
    """
    if len(rows) < 2:
        return rows
    values = np.array([row[1:-1] for row in rows], float)
    spread = zip(values.mean(0), values.std(0), strict=True)
    return [*rows, ["mean ± sd", *(f"{mean:.4f} ± {deviation:.4f}" for mean, deviation in spread), ""]]


def expectation(probs: np.ndarray) -> np.ndarray:
    """Return the expected grade (N,) float64 of probabilities (N, C) of the grades 0 … C-1."""
    return probs @ np.arange(probs.shape[1], dtype=np.float64)


def rounded(values: np.ndarray) -> np.ndarray:
    """Return the nearest grades (N,) int. Halves are rounded up."""
    return np.floor(values + 0.5).astype(np.int64)


def two_points(values: np.ndarray, grades: int) -> np.ndarray:
    """Return probabilities (N, grades) float32 of the two grades next to each value, whose expectation is the value.

    values (N,): numbers, which are clipped to 0 … grades-1. The heads of networks have the same function for tensors.
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
