"""The value Metric: a function, and everything that the other rooms need to know about it.

No other module asks for the name of a metric. So a metric in user_metrics.py that sets the same fields is treated as a
built-in one: it gets the same decision rules, searches, intervals, losses, class weights and form in the submission.
The built-in metrics are listed in named_metrics.py.

Letters in every shape: N rows, C classes, S quantities for each row.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from comp.metrics import formulas

ONE_LABEL = ("multiclass", "binary", "ordinal")  # targets with one class for each photo


def first(means: np.ndarray) -> np.ndarray:
    """The first mean: means (…, S) to (…)."""
    return means[..., 0]


@dataclass(frozen=True)
class Metric:
    """A metric with its direction and what it needs. Two metrics of the same name and plain fields are equal.

    name: as in competition.toml; function(labels, predictions): the value that the leaderboard shows.
    needs: what the predictions are:
        "answers": a class (N,), a set of labels (N, C) of 0 and 1, or a grade (N,)
        "ranking": probabilities (N, C), of which only the order of the classes within a row counts
        "ranks": probabilities (N, C), of which only the order of the rows within a class counts
        "probabilities": probabilities (N, C)
        "values": numbers (N,)
    targets: the targets that it can score. graded: the distance between two grades counts, not only equality.
    limits: the lowest and the highest possible value. A leaderboard score outside of them is refused as mistyped.

    Fields for speed. A metric with `terms` or `rows` is fast to resample, and has the decision rule `expected`:
    terms(true positives, predicted, actual): from counts (…, C) to numerators and denominators (…, C); the value is the
        sum of the numerators divided by the sum of the denominators. summable: the sums of the terms depend only on the
        sums of the counts, as in micro averages.
    rows(labels, predictions): quantities (N, S) of the rows; of_means(means (…, S)): the value from their means.

    Fields for training and for the submission:
    classes_alike: rare classes count as much as frequent ones, so sampler=auto and class_weights=auto balance them.
    number_loss: "mse" or "mae", the loss with which a network (loss=auto) or boosted trees predict a number.
    ranked: how many classes a ranking in the submission has; 0 if the metric does not say it.
    lowest_probability: smaller ones are raised to it in the submission; a logarithm of 0 would be infinite.
    """

    name: str
    function: Callable[[np.ndarray, np.ndarray], float] = field(compare=False)
    needs: str
    targets: tuple[str, ...]
    higher_is_better: bool = True
    graded: bool = False
    terms: Callable | None = field(default=None, compare=False)
    summable: bool = False
    rows: Callable | None = field(default=None, compare=False)
    of_means: Callable = field(default=first, compare=False)
    limits: tuple[float, float] = (-math.inf, math.inf)
    classes_alike: bool = False
    number_loss: str = "mse"
    ranked: int = 0
    lowest_probability: float = 0.0

    def value(self, labels: np.ndarray, predictions: np.ndarray, classes: int = 0) -> float:
        """The value as the leaderboard shows it; classes: C, if it is known."""
        if self.terms:
            return float(self.of_counts(*formulas.counts(labels, predictions, classes)))
        return float(self.function(labels, predictions))

    def score(self, labels: np.ndarray, predictions: np.ndarray, classes: int = 0) -> float:
        """The value, negated if lower is better: for scores, higher is always better."""
        return self.shown(self.value(labels, predictions, classes))

    def shown(self, score):
        """Convert a score to the value of the leaderboard, or a value to a score."""
        return score if self.higher_is_better else -score

    def of_counts(self, true_positives, predicted, actual):
        """The value from counts (…, C)."""
        return formulas.ratio(*self.terms(true_positives, predicted, actual))

    def decides(self, target: str) -> str:
        """The decision that turns probabilities into the predictions of this metric.

        "class": one class for each row; "labels": a set of labels; "grade": a grade, near to the expected one; "none":
        no decision, because the metric takes the probabilities or values themselves.
        """
        if target == "ordinal" and (self.graded or self.needs == "values"):
            return "grade"
        if self.needs != "answers":
            return "none"
        return "labels" if target == "multilabel" else "class"


def counted(name: str, terms: Callable, targets: tuple[str, ...], **fields) -> Metric:
    """A metric of answers that is computed from counts for each class; fields: other fields of Metric."""

    def function(labels, answers):
        return formulas.ratio(*terms(*formulas.counts(labels, answers)))

    return Metric(name, function, "answers", targets, terms=terms, **fields)


def averaged(
    name: str, needs: str, targets: tuple[str, ...], rows: Callable, of_means: Callable = first, **fields
) -> Metric:
    """A metric that is computed from means over the rows; fields: other fields of Metric."""

    def function(labels, predictions):
        return of_means(rows(labels, predictions).mean(0))

    return Metric(name, function, needs, targets, rows=rows, of_means=of_means, **fields)
