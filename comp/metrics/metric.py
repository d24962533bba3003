"""Define the class Metric, which holds the function of a metric and what other modules need to know about it.

Other modules read the fields of a metric, never its name. So they treat your own metrics in user_metrics.py in the same
way as the built-in metrics, which are listed in named_metrics.py.

Letters in the shapes: N rows, C classes, S quantities that are computed for each row, and … any further axes, such as
the rounds of a bootstrap.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from comp.metrics import formulas

ONE_LABEL = ("multiclass", "binary", "ordinal")  # the targets with one class for each photo


def first(means: np.ndarray) -> np.ndarray:
    """Return the first entry on the last axis of an array. means: an array (…, S); the result has the shape (…)."""
    return means[..., 0]


@dataclass(frozen=True)
class Metric:
    """A metric and its properties. Two metrics are equal if all their fields except the functions are equal.

    name: the name in competition.toml. function(labels, predictions): returns the value that the leaderboard shows.
    needs: the form in which the metric takes the predictions:
        "answers": one predicted class or grade for each row (N,), or the predicted labels (N, C) of 0 and 1
        "ranking": probabilities (N, C), of which only the order of the classes within a row matters, as in MAP@k
        "ranks": probabilities (N, C), of which only the order of the rows within a class matters, as in AUC
        "probabilities": probabilities (N, C)
        "values": numbers (N,)
    targets: the targets in competition.toml with which the metric can be used, such as "multiclass".
    graded: whether a wrong grade is worse if it is farther from the true grade.
    limits: the lowest and the highest possible value. A leaderboard score outside this range is refused.

    Fields for speed. A bootstrap is fast for metrics with `terms` or `rows`. The decision rule `expected` needs `terms`
    to predict classes or labels, and `rows` to predict grades.
    terms(true_positives, predicted, actual): takes the number of true positives, of predictions and of labels of each
        class, and returns numerators and denominators; all these arrays have the shape (…, C). The value of the metric
        is the ratio of the sums of numerators and denominators over the classes.
    summable: whether `terms` gives the same value of the metric if the counts are first added over the classes, as for
        micro averages.
    rows(labels, predictions): returns S quantities for each row, (N, S).
    of_means(means): takes the means (…, S) of these quantities over the rows, and returns the value of the metric (…).

    Fields for training and for the submission:
    classes_alike: whether a rare class matters as much as a frequent class. If so, the settings sampler=auto of a
        network and class_weights=auto of a classifier balance the classes in training.
    number_loss: the loss with which numbers are learned, "mse" or "mae", in networks with the setting loss=auto and in
        boosted trees.
    ranked: how many classes a row of the submission lists, the most probable class first; 0 if the metric does not fix
        this number.
    grades: the values of the grades, such as (1, 2, 5), if labels and predictions are the indices of these grades; ()
        if they are not indices, or if the indices themselves are the values. `of_grades` makes such a metric.
    lowest_probability: smaller probabilities are raised to this value in the submission, because -log(0) is infinite.
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
    grades: tuple[float, ...] = ()
    plain: "Metric | None" = field(default=None, compare=False)  # the metric from which `of_grades` made this one

    def value(self, labels: np.ndarray, predictions: np.ndarray, classes: int = 0) -> float:
        """Return the value of the metric, as the leaderboard shows it.

        predictions: in the form that the field `needs` describes. classes: the number of classes, or 0 if it is not
        known.
        """
        if self.terms:
            return float(self.of_counts(*formulas.counts(labels, predictions, classes)))
        return float(self.function(labels, predictions))

    def score(self, labels: np.ndarray, predictions: np.ndarray, classes: int = 0) -> float:
        """Return the value of the metric, negated if lower values are better. So a higher score is always better.

        predictions: in the form that the field `needs` describes. classes: the number of classes, or 0 if it is not
        known.
        """
        return self.shown(self.value(labels, predictions, classes))

    def shown(self, score):
        """Turn a score into the value that the leaderboard shows, or this value into a score.

        A score is the value of the metric, negated if lower values are better, so that a higher score is always better.
        """
        return score if self.higher_is_better else -score

    def of_counts(self, true_positives, predicted, actual):
        """Return the value of the metric, computed from counts. This is possible only for a metric with `terms`.

        true_positives, predicted, actual (…, C): the number of true positives, of predictions and of labels of each
        class, where … stands for any further axes. The result has the shape (…).
        """
        return formulas.ratio(*self.terms(true_positives, predicted, actual))

    def of_grades(self, values: tuple[float, ...]) -> "Metric":
        """Return the metric that takes the indices of grades and measures how far the values of the grades are apart.

        values (C,): the value of each grade. A metric that does not measure distances between grades stays unchanged.
        """
        plain = self.plain or self
        if plain.decides("ordinal") != "grade" or values == tuple(range(len(values))):
            return plain
        function, rows = (
            own and partial(_of_values, own, np.array(values, np.float64)) for own in (plain.function, plain.rows)
        )
        return replace(plain, function=function, rows=rows, grades=values, plain=plain)

    def decides(self, target: str) -> str:
        """Return "class", "labels", "grade" or "none", which says how probabilities become predictions for this metric.

        For "class", one class is chosen for each row; for "labels", a set of labels; for "grade", the expected grade of
        the row is turned into a whole grade. "none" means that the metric takes the probabilities or numbers
        themselves. target: the target in competition.toml, such as "multiclass".
        """
        if target == "ordinal" and (self.graded or self.needs == "values"):
            return "grade"
        if self.needs != "answers":
            return "none"
        return "labels" if target == "multilabel" else "class"


def _of_values(function: Callable, values: np.ndarray, labels: np.ndarray, grades: np.ndarray):
    """Return what `function` returns for the values of grades.

    values (C,): the value of each grade; labels (N,) int: the indices of the true grades in `values`; grades (N,): the
    predicted grades, as indices (int) or as values (float).
    """
    return function(values[labels], values[grades] if grades.dtype.kind in "iu" else grades)


def counted(name: str, terms: Callable, targets: tuple[str, ...], **fields) -> Metric:
    """Return a Metric that compares predicted with true classes and is computed from the counts of each class.

    The arguments are fields of the class Metric. fields: any further fields by name.
    """

    def function(labels, answers):
        return formulas.ratio(*terms(*formulas.counts(labels, answers)))

    return Metric(name, function, "answers", targets, terms=terms, **fields)


def averaged(
    name: str, needs: str, targets: tuple[str, ...], rows: Callable, of_means: Callable = first, **fields
) -> Metric:
    """Return a Metric that is computed from means over the rows.

    The arguments are fields of the class Metric. fields: any further fields by name.
    """

    def function(labels, predictions):
        return of_means(rows(labels, predictions).mean(0))

    return Metric(name, function, needs, targets, rows=rows, of_means=of_means, **fields)
