"""Scores of predicted classes; `*_score` is better up. Plain numpy: blending evaluates them many thousand times."""

import numpy as np


def confusion(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Counts (C, C): rows the true class, columns the predicted one."""
    return np.bincount(np.asarray(labels) * classes + predicted, minlength=classes**2).reshape(classes, classes)


def macro_f1_score(labels: np.ndarray, predicted: np.ndarray, classes: int) -> float:
    """Mean of the classes' F1 = 2TP / (2TP + FP + FN), over classes that occur in either (as scikit-learn's)."""
    return f1_from_confusion(confusion(labels, predicted, classes))


def f1_from_confusion(counts: np.ndarray) -> float:
    """Macro F1 of a confusion matrix (C, C)."""
    either = counts.sum(0) + counts.sum(1)
    return float(np.mean(2 * np.diag(counts)[either > 0] / either[either > 0])) if either.any() else 0.0


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
