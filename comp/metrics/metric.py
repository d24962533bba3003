"""The class Metric: a function together with everything that other modules need to know about the metric.

Other modules read the fields of a metric, never its name. So a metric in user_metrics.py with the same fields as a
built-in metric gets the same decision rules, searches, intervals, losses, class weights and form in the submission.
named_metrics.py lists the built-in metrics.

Letters in every shape: N rows, C classes, S numbers for each row.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from comp.metrics import formulas

ONE_LABEL = ("multiclass", "binary", "ordinal")  # the targets with one class for each photo


def first(means: np.ndarray) -> np.ndarray:
    """Return the first of the means (…, S), as an array (…)."""
    return means[..., 0]


@dataclass(frozen=True)
class Metric:
    """A metric. Two metrics are equal if their names and all fields that are not functions are equal.

    name: the name in competition.toml. function(labels, predictions): returns the value that the leaderboard shows.
    needs: the form of the predictions:
        "answers": a class (N,), a set of labels (N, C) of 0 and 1, or a grade (N,)
        "ranking": probabilities (N, C), of which only the order of the classes within a row counts
        "ranks": probabilities (N, C), of which only the order of the rows within a class counts
        "probabilities": probabilities (N, C)
        "values": numbers (N,)
    targets: the targets that the metric can score. graded: whether the distance between two grades counts, not only
        equality. limits: the lowest and the highest possible value; a leaderboard score outside of them is refused.

    Fields for speed. A metric with `terms` or `rows` is fast to resample, and has the decision rule `expected`:
    terms(true positives, predicted, actual): turns counts (…, C) into numerators and denominators (…, C). The value is
        the sum of the numerators divided by the sum of the denominators. summable: True if the value stays
        the same when the counts are added over the classes before `terms` is called, as in micro averages.
    rows(labels, predictions): returns S numbers for each row, (N, S). of_means(means (…, S)): returns the value of the
        metric from the means of these numbers over the rows.

    Fields for training and for the submission:
    classes_alike: whether rare classes count as much as frequent classes; sampler=auto and class_weights=auto then
        balance the classes.
    number_loss: "mse" or "mae", the loss with which a network (loss=auto) or boosted trees predict a number.
    ranked: how many classes each row of the submission lists, the most probable class first; 0 if the metric does not
        fix this number.
    lowest_probability: the submission has this value in place of every smaller probability, since -log(0) would be
        infinite.
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
        """Return the value as the leaderboard shows it. classes: the number C of classes, or 0 if it is not known."""
        if self.terms:
            return float(self.of_counts(*formulas.counts(labels, predictions, classes)))
        return float(self.function(labels, predictions))

    def score(self, labels: np.ndarray, predictions: np.ndarray, classes: int = 0) -> float:
        """Return the score, which is the value, negated if lower values are better. A higher score is always better."""
        return self.shown(self.value(labels, predictions, classes))

    def shown(self, score):
        """Return the leaderboard's value for a score, or the score for a value. Both use the same formula."""
        return score if self.higher_is_better else -score

    def of_counts(self, true_positives, predicted, actual):
        """Return the value (…) from counts (…, C) of the classes."""
        return formulas.ratio(*self.terms(true_positives, predicted, actual))

    def decides(self, target: str) -> str:
        """Return the decision that turns probabilities into the predictions that this metric needs.

        "class" is one class for each row, "labels" is a set of labels, and "grade" is a grade near the expected grade.
        "none" means that the metric takes the probabilities or values themselves.
        """
        if target == "ordinal" and (self.graded or self.needs == "values"):
            return "grade"
        if self.needs != "answers":
            return "none"
        return "labels" if target == "multilabel" else "class"


def counted(name: str, terms: Callable, targets: tuple[str, ...], **fields) -> Metric:
    """Return a metric of answers that is computed from the counts of each class. fields: more fields of the Metric."""

    def function(labels, answers):
        return formulas.ratio(*terms(*formulas.counts(labels, answers)))

    return Metric(name, function, "answers", targets, terms=terms, **fields)


def averaged(
    name: str, needs: str, targets: tuple[str, ...], rows: Callable, of_means: Callable = first, **fields
) -> Metric:
    """Return a metric that is computed from means over the rows. fields: more fields of the Metric."""

    def function(labels, predictions):
        return of_means(rows(labels, predictions).mean(0))

    return Metric(name, function, needs, targets, rows=rows, of_means=of_means, **fields)
