"""Compute a competition's metrics from labels and probabilities.

Some metrics need answers and not probabilities. Here the simplest decision turns probabilities into answers: it takes
the most probable class, all labels with a probability of at least 0.5, or the expected grade, rounded.

Letters in the shapes: N rows, C classes.
"""

import numpy as np

from comp.competition.competition import Competition
from comp.console import score_text
from comp.metrics.metric import Metric


def answers(competition: Competition, probs: np.ndarray) -> np.ndarray:
    """Return the answers that the simplest decision takes from the probabilities (N, C) of N rows.

    The target decides the form of the answers:
    - multiclass, binary: the most probable class (N,).
    - ordinal: the most probable class (N,), or the expected grade, rounded, if the metric measures how far grades are
      apart.
    - multilabel: (N, C) bool, true for probabilities of at least 0.5. If every photo of the competition has a label, a
      row without such a probability gets its most probable label.
    - regression: the values (N,), within the limits that the competition states.
    """
    if competition.target == "regression":
        return limited(competition, probs)
    if competition.target == "multilabel":
        return _labels(competition, probs)
    if competition.metric.decides(competition.target) == "grade":
        return rounded(expectation(probs))
    return probs.argmax(1)


def predictions(competition: Competition, metric: Metric, probs: np.ndarray) -> np.ndarray:
    """Turn probabilities (N, C) of N rows into the form in which a metric takes predictions.

    The form depends on the metric and on the target. For grades, for example, accuracy takes the most probable grade,
    kappa takes the expected grade, rounded, and the mean absolute error takes the expected grade without rounding if
    the submission has it. MAP@k takes the probabilities themselves.
    """
    decides = competition.decides(metric)
    if decides == "class":
        return probs.argmax(1)
    if decides == "labels":
        return _labels(competition, probs)
    if decides == "grade":
        return rounded(expectation(probs))
    return limited(competition, probs) if metric.needs == "values" or competition.target == "regression" else probs


def score(competition: Competition, labels: np.ndarray, probs: np.ndarray) -> float:
    """Return the competition's metric, negated if lower values are better, so that a higher score is always better.

    labels: the true labels, in the form that the target has; probs (N, C): the probabilities of the N rows. If the
    metric needs answers, the simplest decision is taken, such as the most probable class.
    """
    return competition.metric.shown(_value(competition, competition.metric, labels, probs))


def scores(competition: Competition, labels: np.ndarray, probs: np.ndarray) -> dict[str, float]:
    """Return, by metric name, the values of the competition's metric and of the further metrics in `also`.

    The values are not negated, so for some metrics a lower value is better. labels: the true labels, in the form that
    the target has; probs (N, C): the probabilities of the N rows. If a metric needs answers, the simplest decision is
    taken, such as the most probable class.
    """
    return {m.name: _value(competition, m, labels, probs) for m in (competition.metric, *competition.also)}


def titles(competition: Competition) -> list[str]:
    """Return the names of the metrics in the order of `scores`, with the note "(lower is better)" if this is true."""
    shown = (competition.metric, *competition.also)
    return [metric.name if metric.higher_is_better else f"{metric.name} (lower is better)" for metric in shown]


def with_mean_row(rows: list[list]) -> list[list]:
    """Add a last row "mean ± sd" to a table of scores, if the table has two or more rows. Return all rows.

    rows: for each fold, its name, the value of each metric, and one more cell, which is left empty in the new row.
    """
    if len(rows) < 2:
        return rows
    values = np.array([row[1:-1] for row in rows], float)
    spread = zip(values.mean(0), values.std(0), strict=True)
    return [
        *rows,
        ["mean ± sd", *(f"{score_text(mean)} ± {score_text(deviation, mean)}" for mean, deviation in spread), ""],
    ]


def expectation(probs: np.ndarray) -> np.ndarray:
    """Return the expected index (N,) float64 of the grade of each row. probs (N, C): the probabilities of the grades.

    The lowest grade has the index 0 and the highest C - 1, whatever the values of the grades are.
    """
    return probs @ np.arange(probs.shape[1], dtype=np.float64)


def numbers(competition: Competition, probs: np.ndarray) -> np.ndarray:
    """Return the number (N,) that is predicted for each row of a regression or of grades.

    probs: the values (N, 1) of a regression, or the probabilities of the grades (N, C). The number is the value, or the
    mean of the values of the grades, weighted with their probabilities.
    """
    return probs[:, 0] if competition.target == "regression" else probs @ competition.grade_values


def limited(competition: Competition, probs: np.ndarray) -> np.ndarray:
    """Return the number (N,) that is answered for each row: as `numbers`, but within the limits of the competition."""
    values = numbers(competition, probs)
    return np.clip(values, *competition.limits) if competition.limits else values


def numbers_of_labels(competition: Competition, labels: np.ndarray) -> np.ndarray:
    """Return the labels (N,) of a regression, or of grades, as numbers (N,) float64. A grade becomes its value."""
    return labels.astype(np.float64) if competition.target == "regression" else competition.grade_values[labels]


def rounded(values: np.ndarray) -> np.ndarray:
    """Return the grade (N,) int that is nearest to each value. Halves are rounded up."""
    return np.floor(values + 0.5).astype(np.int64)


def two_points(values: np.ndarray, grades: int) -> np.ndarray:
    """Turn each of N values into probabilities of grades, such that the expected grade is the value.

    Only the two grades next to a value get a probability: 1.25 gives 0.75 for grade 1 and 0.25 for grade 2. values
    (N,): numbers, which are clipped to the range from 0 to grades - 1; grades: the number of grades. Returns an array
    (N, grades) float32. models/heads.py has the same function for tensors.
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
