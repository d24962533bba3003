"""Scores of predicted classes; `*_score` is better up. Plain numpy: blending evaluates them many thousand times."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

FLOOR = 1e-7  # of a probability: a model that is sure and wrong costs 16 nats, not infinity


def confusion(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Counts (C, C): rows the true class, columns the predicted one."""
    return np.bincount(np.asarray(labels) * classes + predicted, minlength=classes**2).reshape(classes, classes)


def macro_f1_score(labels: np.ndarray, predicted: np.ndarray, classes: int) -> float:
    """Mean of the classes' F1 = 2TP / (2TP + FP + FN), over classes that occur in either (as scikit-learn's)."""
    return score_of_answers("macro_f1", labels, predicted, classes)


def macro_f1_of_counts(right, predicted, actual):
    """Macro F1 from the right answers, predictions and labels of each class, (…, C) each."""
    either = predicted + actual
    f1 = np.divide(2.0 * right, either, out=np.zeros(np.shape(either)), where=either > 0)
    return f1.sum(-1) / np.maximum((either > 0).sum(-1), 1)


def accuracy_of_counts(right, predicted, actual):
    """Share of right answers, from counts (…, C)."""
    return right.sum(-1) / np.maximum(actual.sum(-1), 1)


ARGMAX = {"macro_f1": macro_f1_of_counts, "accuracy": accuracy_of_counts}  # metrics of the most probable class


def accuracy_score(labels: np.ndarray, predicted: np.ndarray) -> float:
    """Share of rows whose class is right."""
    return float(np.mean(np.asarray(labels) == predicted))


def scores(labels: np.ndarray, probs: np.ndarray) -> dict[str, float]:
    """macro_f1 and accuracy of the most probable class; labels (N,), probs (N, C)."""
    predicted = probs.argmax(1)
    return {
        "macro_f1": macro_f1_score(labels, predicted, probs.shape[1]),
        "accuracy": accuracy_score(labels, predicted),
    }


def log_loss(labels: np.ndarray, probs: np.ndarray) -> float:
    """Mean -log p of the true class, p at least FLOOR."""
    return float(-np.log(np.maximum(probs[np.arange(len(labels)), labels], FLOOR)).mean(dtype=np.float64))


def auc_score(labels: np.ndarray, probs: np.ndarray) -> float:
    """Mean over the classes of the area under the ROC curve, one class against the rest.

    From ranks (Mann and Whitney 1947), ties counted half; scikit-learn's gives the same and takes ten times as long.
    """
    from scipy.stats import rankdata

    areas = []
    for c in np.unique(labels):
        own = labels == c
        count, others = own.sum(), (~own).sum()
        if others:
            areas.append((rankdata(probs[:, c])[own].sum() - count * (count + 1) / 2) / (count * others))
    return float(np.mean(areas)) if areas else 0.5


def score(metric: str, labels: np.ndarray, probs: np.ndarray) -> float:
    """The named metric, better up: macro_f1, accuracy, auc, or log_loss with its sign turned."""
    if metric in ARGMAX:
        return score_of_answers(metric, labels, probs.argmax(1), probs.shape[1])
    return auc_score(labels, probs) if metric == "auc" else -log_loss(labels, probs)


def score_of_answers(metric: str, labels: np.ndarray, answers: np.ndarray, classes: int) -> float:
    """A metric of ARGMAX of answers (N,)."""
    counts = confusion(labels, answers, classes)
    return float(ARGMAX[metric](np.diag(counts), counts.sum(0), counts.sum(1)))


NAMES = (*ARGMAX, "log_loss", "auc")


# ---- metrics as values


@dataclass(frozen=True)
class Metric:
    """A metric with its direction and what it needs.

    name: as competition.toml writes it; function(labels, predictions): the value that the leaderboard shows.
    needs: what predictions are: "answers" (a class, a set of labels, a grade), "ranking" (probabilities, of which only
    the order of the classes within a row counts), "ranks" (probabilities, of which only the order of the rows within a
    class counts), "probabilities" or "values".
    """

    name: str
    function: Callable[[np.ndarray, np.ndarray], float]
    needs: str
    targets: tuple[str, ...]
    higher_is_better: bool = True

    def score(self, labels: np.ndarray, predictions: np.ndarray) -> float:
        """The value with its sign turned where lower is better: a score is always better up."""
        value = float(self.function(labels, predictions))
        return value if self.higher_is_better else -value

    def shown(self, score: float) -> float:
        """The leaderboard's value of a score."""
        return score if self.higher_is_better else -score


def _of_classes(metric: str) -> Callable[[np.ndarray, np.ndarray], float]:
    return lambda labels, answers: score_of_answers(metric, labels, answers, int(max(labels.max(), answers.max())) + 1)


_CLASSES = ("multiclass", "binary", "ordinal")
_ALL = (
    Metric("macro_f1", _of_classes("macro_f1"), "answers", _CLASSES),
    Metric("accuracy", _of_classes("accuracy"), "answers", _CLASSES),
    Metric("log_loss", log_loss, "probabilities", _CLASSES, higher_is_better=False),
    Metric("auc", auc_score, "ranks", _CLASSES),
)


def get(name: str) -> Metric:
    """The metric of that name."""
    return next(metric for metric in _ALL if metric.name == name)
