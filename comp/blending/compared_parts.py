"""What two sets of runs are compared in: the competition's metrics, and the metric of each attribute, class or label.

Letters: N rows, C classes.
"""

from dataclasses import dataclass, replace

import numpy as np

from comp.blending.paired_difference import Difference, Part, differences
from comp.competition import scoring
from comp.competition.competition import Competition
from comp.metrics import metrics
from comp.metrics.count_metrics import counts, f_scores
from comp.metrics.metric import Metric

SHOWN = 12  # classes or labels, at most: of more those that differ most


@dataclass(frozen=True)
class Compared:
    """Two sets of runs: the probabilities (N, C) of each run, for the same rows; group (N,): 0 … G-1."""

    competition: Competition
    labels: np.ndarray
    folds: np.ndarray
    group: np.ndarray
    first: list[np.ndarray]
    second: list[np.ndarray]

    def predictions(self, metric: Metric) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Both sets in the form that the metric takes."""
        first, second = (
            [scoring.predictions(self.competition, metric, one) for one in part] for part in (self.first, self.second)
        )
        return first, second


def of_metrics(data: Compared) -> dict[str, Difference]:
    """The difference of the competition's metric, then of each metric in `also`, then of each attribute."""
    parts = {
        metric.name: Part(replace(data.competition, metric=metric), data.labels, *data.predictions(metric))
        for metric in (data.competition.metric, *data.competition.also)
    }
    return differences(parts | _attributes(data), data.group)


def _attributes(data: Compared) -> dict[str, Part]:
    """The metric of the attributes of the answers, such as F1 over two colours; only for metrics of counts."""
    metric, values = data.competition.metric, data.competition.attribute_values
    if not values or metric.terms is None:
        return {}
    first, second = data.predictions(metric)
    return {
        f"{metric.name}, {name}": Part(
            Competition("multiclass", data.competition.attributes[name].values, metric),
            value[data.labels], [value[one] for one in first], [value[one] for one in second],
        )
        for name, value in values.items()
    }  # fmt: skip


def of_folds(data: Compared) -> dict[int, tuple[float, float]]:
    """The value of the metric in each fold, for both sets: the mean over their runs."""
    competition, found = data.competition, {}
    predictions = data.predictions(competition.metric)
    for k in np.unique(data.folds):
        rows = data.folds == k
        found[int(k)] = tuple(
            float(np.mean([competition.metric.value(data.labels[rows], one[rows], competition.size) for one in part]))
            for part in predictions
        )
    return found


def of_labels(data: Compared) -> tuple[str, dict[str, Difference]]:
    """The name of a measure, and its difference for each class or label: of many those that differ most.

    Answers are measured by F1, probabilities of several labels by the metric itself. Both are empty for other metrics.
    """
    competition, metric = data.competition, data.competition.metric
    decides, first_and_second = metric.decides(competition.target), data.predictions(metric)
    if decides in ("class", "labels"):
        metric = metrics.get("macro_f1")  # of one column: its F1
    elif competition.target != "multilabel" or metric.needs not in ("ranks", "probabilities"):
        return "", {}
    parts = {}
    for c in _most_different(data.labels, first_and_second, competition.size):
        name = competition.classes[c]
        columns = [[_column(one, c) for one in part] for part in first_and_second]
        own = Competition("multilabel", (name,), metric, at_least_one=False)
        parts[name] = Part(own, _column(data.labels, c).astype(np.uint8), *columns)
    return "F1" if decides in ("class", "labels") else metric.name, differences(parts, data.group)


def _column(answers: np.ndarray, c: int) -> np.ndarray:
    """Column c (N, 1) of labels or probabilities (N, C); of classes (N,) whether it is class c."""
    return answers[:, [c]] if answers.ndim == 2 else (answers == c)[:, None]


def _most_different(labels: np.ndarray, first_and_second, size: int) -> np.ndarray:
    """The classes (at most SHOWN) whose predictions differ most, roughly in standard errors; sorted."""
    if size <= SHOWN:
        return np.arange(size)
    rows = np.count_nonzero(labels, axis=0) if labels.ndim == 2 else np.bincount(labels, minlength=size)
    first, second = (np.mean([_measured(labels, one, size) for one in part], axis=0) for part in first_and_second)
    return np.sort(np.argsort(-np.abs(second - first) * np.sqrt(rows), kind="stable")[:SHOWN])


def _measured(labels: np.ndarray, predictions: np.ndarray, size: int) -> np.ndarray:
    """F1 (C,) of answers; of probabilities the mean probability (C,) of the true state of each label."""
    if predictions.dtype.kind != "f":
        return f_scores(*counts(labels, predictions, size))[0]
    return np.where(labels, predictions, 1 - predictions).mean(0)
