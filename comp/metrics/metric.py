"""One metric as a value: its function, its direction, what it needs, and what a search or the bootstrap can use of it.

The built-in metrics are listed in metrics.py; your own go to user_metrics.py.

Letters in every shape: N rows, C classes, S quantities of a row.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from comp.metrics import count_metrics

ONE_LABEL = ("multiclass", "binary", "ordinal")  # targets with one class per photo
NEEDS = ("answers", "ranking", "ranks", "probabilities", "values")


def first(means: np.ndarray) -> np.ndarray:
    """The mean of the only quantity: means (…, 1) to (…)."""
    return means[..., 0]


@dataclass(frozen=True)
class Metric:
    """A metric with its direction and what it needs. Two metrics of the same name and fields are equal.

    name: as competition.toml writes it; function(labels, predictions): the value that the leaderboard shows.
    needs: what predictions are:
        "answers": a class (N,), a set of labels (N, C) of 0 and 1, or a grade (N,)
        "ranking": probabilities (N, C), of which only the order of the classes within a row counts
        "ranks": probabilities (N, C), of which only the order of the rows within a class counts
        "probabilities": probabilities (N, C)
        "values": numbers (N,)
    targets: the kinds of target that it fits. graded: the distance between two grades counts, not only equality.

    One of these makes a metric quick to resample, and lets decision rules search for its best value:
    terms(true positives, predicted, actual), counts (…, C) each: numerators and denominators (…, C); the value is the
        sum of the numerators divided by the sum of the denominators. summable: the sums of the terms depend on the
        sums of the counts only, as in micro averages.
    rows(labels, predictions): quantities (N, S) of each row; of_means(means (…, S)): the value from their means.
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

    def value(self, labels: np.ndarray, predictions: np.ndarray, classes: int = 0) -> float:
        """What the leaderboard shows; classes: C, where it is known."""
        if self.terms:
            return float(self.of_counts(*count_metrics.counts(labels, predictions, classes)))
        return float(self.function(labels, predictions))

    def score(self, labels: np.ndarray, predictions: np.ndarray, classes: int = 0) -> float:
        """The value with its sign turned where lower is better: a score is always better up."""
        return self.shown(self.value(labels, predictions, classes))

    def shown(self, score):
        """The leaderboard's value of a score, and the score of a value."""
        return score if self.higher_is_better else -score

    def of_counts(self, true_positives, predicted, actual):
        """The value from counts (…, C)."""
        return count_metrics.ratio(*self.terms(true_positives, predicted, actual))

    def decides(self, target: str) -> str:
        """What is decided from the probabilities before this metric is computed.

        "class": one class per row; "labels": a set of labels; "grade": a grade by its distance to the others;
        "none": nothing, the metric takes the probabilities or the values as they are.
        """
        if target == "ordinal" and (self.graded or self.needs == "values"):
            return "grade"
        if self.needs != "answers":
            return "none"
        return "labels" if target == "multilabel" else "class"


def counted(name: str, terms: Callable, targets: tuple[str, ...], summable: bool = False) -> Metric:
    """A metric of answers that is a function of counts for each class."""

    def function(labels, answers):
        return count_metrics.ratio(*terms(*count_metrics.counts(labels, answers)))

    return Metric(name, function, "answers", targets, terms=terms, summable=summable)


def averaged(name: str, needs: str, targets: tuple[str, ...], rows: Callable, of_means: Callable = first, **more):
    """A metric that is a function of means over the rows; `more`: further fields of Metric."""

    def function(labels, predictions):
        return of_means(rows(labels, predictions).mean(0))

    return Metric(name, function, needs, targets, rows=rows, of_means=of_means, **more)
