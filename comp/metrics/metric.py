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
    """Return an array (…) with the first of S means. means (…, S): the means."""
    return means[..., 0]


@dataclass(frozen=True)
class Metric:
    """A metric. Two metrics are equal if their names and all fields that are not functions are equal.

    name: the name in competition.toml. function(labels, predictions): returns the value that the leaderboard shows.
    needs: the form of the predictions:
        "answers": a class (N,), a set of labels (N, C) of 0 and 1, or a grade (N,)
        "ranking": probabilities (N, C), of which only the order of the classes within a row matters
        "ranks": probabilities (N, C), of which only the order of the rows within a class matters
        "probabilities": probabilities (N, C)
        "values": numbers (N,)
    targets: the targets that the metric can score. graded: whether it matters how far a wrong grade is from the true
        grade. limits: the lowest and the highest possible value; a leaderboard score outside this range is refused.

    Fields for speed. A metric with `terms` or `rows` can be resampled fast, and can use the decision rule `expected`:
    terms(true_positives, predicted, actual): turns counts (…, C) of the true positives, the answers and the labels of
        each class into numerators and denominators (…, C). The value of the metric is the sum of the numerators divided
        by the sum of the denominators. summable: whether the value stays the same if the counts are added over the
        classes before `terms` is called, as in micro averages.
    rows(labels, predictions): returns S numbers for each row, (N, S). of_means(means (…, S)): returns the value of the
        metric from the means of these numbers over the rows.

    Fields for training and for the submission:
    classes_alike: whether a rare class matters as much as a frequent class; if so, sampler=auto and class_weights=auto
        balance the classes.
    number_loss: "mse" or "mae", the loss with which a network (loss=auto) or boosted trees learn to predict a number.
    ranked: how many classes each row of the submission lists, the most probable class first; 0 if the metric does not
        fix this number.
    lowest_probability: in the submission, smaller probabilities are raised to this value, because -log(0) would be
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
        """Return the value of the metric, as the leaderboard shows it.

        predictions: in the form that `needs` names; classes: the number C of classes, or 0 if it is not known.
        """
        if self.terms:
            return float(self.of_counts(*formulas.counts(labels, predictions, classes)))
        return float(self.function(labels, predictions))

    def score(self, labels: np.ndarray, predictions: np.ndarray, classes: int = 0) -> float:
        """Return the score: the value of the metric, negated if lower values are better. So a higher score is better.

        predictions: in the form that `needs` names; classes: the number C of classes, or 0 if it is not known.
        """
        return self.shown(self.value(labels, predictions, classes))

    def shown(self, score):
        """Turn a score into the value that the leaderboard shows, or such a value into a score.

        Both directions are the same: the sign changes if lower values are better.
        """
        return score if self.higher_is_better else -score

    def of_counts(self, true_positives, predicted, actual):
        """Return the value (…) from counts (…, C) of the true positives, the answers and the labels of each class."""
        return formulas.ratio(*self.terms(true_positives, predicted, actual))

    def decides(self, target: str) -> str:
        """Return the kind of decision that turns probabilities into the predictions that this metric needs.

        "class" chooses one class for each row, "labels" a set of labels, and "grade" a grade near the expected grade.
        "none" means that the metric takes the probabilities or values themselves.
        """
        if target == "ordinal" and (self.graded or self.needs == "values"):
            return "grade"
        if self.needs != "answers":
            return "none"
        return "labels" if target == "multilabel" else "class"


def counted(name: str, terms: Callable, targets: tuple[str, ...], **fields) -> Metric:
    """Return a Metric that takes answers and that is computed from the counts of each class.

    terms: the function that computes the metric, as in the class Metric; fields: more fields of the Metric.
    """

    def function(labels, answers):
        return formulas.ratio(*terms(*formulas.counts(labels, answers)))

    return Metric(name, function, "answers", targets, terms=terms, **fields)


def averaged(
    name: str, needs: str, targets: tuple[str, ...], rows: Callable, of_means: Callable = first, **fields
) -> Metric:
    """Return a Metric that is computed from means over the rows.

    rows, of_means: the functions that compute the metric, as in the class Metric; fields: more fields of the Metric.
    """

    def function(labels, predictions):
        return of_means(rows(labels, predictions).mean(0))

    return Metric(name, function, needs, targets, rows=rows, of_means=of_means, **fields)
