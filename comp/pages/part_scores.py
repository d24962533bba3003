"""Scores of the parts of a target: of each attribute of the classes, or of each of several labels."""

import numpy as np

from comp.competition import scoring
from comp.competition.competition import Competition
from comp.metrics import metrics
from comp.metrics.metric import Metric

MOST = 60  # labels with a score each


def of(competition: Competition, labels: np.ndarray, probs: np.ndarray) -> dict[str, float]:
    """Attribute or label name to its score. labels as the target has them (N, …), probs (N, C).

    Attributes: the plain answers' attribute values, by `metric_of`. Labels: each one alone. Other targets, and more
    than MOST labels: empty.
    """
    if competition.target == "multilabel":
        return _of_labels(competition, labels, probs)
    if not competition.attributes:
        return {}
    answers, metric = probs.argmax(1), metric_of(competition)
    return {
        name: metric.value(values[labels], values[answers], len(competition.attributes[name].values))
        for name, values in competition.attribute_values.items()
    }


def metric_of(competition: Competition) -> Metric:
    """The metric of a part: the competition's where it takes answers, or a label alone; else accuracy or F1."""
    metric = competition.metric
    if competition.target == "multilabel":
        return metric if metric.terms or metric.needs in ("ranks", "probabilities") else metrics.get("macro_f1")
    return metric if metric.terms else metrics.get("accuracy")


def _of_labels(competition: Competition, labels: np.ndarray, probs: np.ndarray) -> dict[str, float]:
    if competition.size > MOST:
        return {}
    metric = metric_of(competition)
    made = scoring.predictions(competition, metric, probs)
    return {
        name: metric.value(labels[:, [c]], made[:, [c]], 1) for c, name in enumerate(competition.classes)
    }  # fmt: skip
