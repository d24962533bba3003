"""Compute a competition's metrics from labels and probabilities.

For metrics that need answers, the plain decision turns probabilities into answers: the most probable class, the labels
with a probability of at least 0.5, or the rounded grade.

Letters: N rows, C classes.
"""

import numpy as np

from comp.competition.competition import Competition
from comp.metrics.metric import Metric


def answers(competition: Competition, probs: np.ndarray) -> np.ndarray:
    """Return the answers for probabilities (N, C) by the plain decision. Their form depends on the target:

    - multiclass, binary: the most probable class (N,).
    - ordinal: the most probable class (N,), or the rounded expectation if the metric measures how far grades are apart.
    - multilabel: (N, C) bool, true for probabilities of at least 0.5. If every photo of the competition has a label, a
      row without such a probability gets its most probable label.
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
    """Turn probabilities (N, C) into the predictions that a metric takes: plain decisions, values or probabilities.

    The form of the predictions depends on the metric and on the target. For example, for grades, accuracy takes the
    most probable grade, and kappa takes the rounded expectation. MAP@k takes the probabilities themselves.
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
    """Return the value of the competition's metric with the plain decision, negated if lower values are better.

    A higher score is therefore always better. labels: the labels, in the form that the target has; probs (N, C): the
    probabilities.
    """
    return competition.metric.shown(_value(competition, competition.metric, labels, probs))


def scores(competition: Competition, labels: np.ndarray, probs: np.ndarray) -> dict[str, float]:
    """Return, by metric name, the values of the competition's metric and of its further metrics (`also`).

    The values are not negated, so a lower value is better for some metrics. labels: the labels, in the form that the
    target has; probs (N, C): the probabilities.
    """
    return {m.name: _value(competition, m, labels, probs) for m in (competition.metric, *competition.also)}


def titles(competition: Competition) -> list[str]:
    """Return the names of the metrics in the order of `scores`, with a note if lower values are better."""
    shown = (competition.metric, *competition.also)
    return [metric.name if metric.higher_is_better else f"{metric.name} (lower is better)" for metric in shown]


def with_mean_row(rows: list[list]) -> list[list]:
    """Return a table's rows, one for each fold, and add a last row "mean ± sd" if there are two or more folds.

    A row has the name of the fold, the value of each metric, and a last cell. The last cell of the new row is empty.
    """
    if len(rows) < 2:
        return rows
    values = np.array([row[1:-1] for row in rows], float)
    spread = zip(values.mean(0), values.std(0), strict=True)
    return [*rows, ["mean ± sd", *(f"{mean:.4f} ± {deviation:.4f}" for mean, deviation in spread), ""]]


def expectation(probs: np.ndarray) -> np.ndarray:
    """Return the expected grade (N,) float64. probs (N, C): the probabilities of the grades 0 to C - 1."""
    return probs @ np.arange(probs.shape[1], dtype=np.float64)


def rounded(values: np.ndarray) -> np.ndarray:
    """Return the grade (N,) int that is nearest to each value. Halves are rounded up."""
    return np.floor(values + 0.5).astype(np.int64)


def two_points(values: np.ndarray, grades: int) -> np.ndarray:
    """Turn each value into probabilities of the two grades next to the value, whose expectation is the value.

    values (N,): numbers, which are clipped to the range from 0 to grades - 1; grades: the number of grades. Returns
    (N, grades) float32. For example, 1.25 becomes 0.75 for grade 1 and 0.25 for grade 2. models/heads.py has the same
    function for tensors.
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
