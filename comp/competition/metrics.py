"""Scores of predicted classes; `*_score` is better up. Plain numpy: blending evaluates them many thousand times."""

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
