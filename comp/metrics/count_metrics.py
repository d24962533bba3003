"""Metrics that are computed from counts for each class: true positives, predicted, actual.

Each `…_terms` function returns numerators and denominators (…, C). The metric is the sum of its numerators divided by
the sum of its denominators, so one search works for all of them (see decisions/linesearch.py).
"""

import numpy as np

TINY = 1e-9  # replaces a denominator of 0; its numerator is 0 too


def counts(labels: np.ndarray, answers: np.ndarray, classes: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """True positives, predicted and actual of each class, (C,) each.

    labels and answers: classes (N,), or (N, C) of 0 and 1. classes: C; 0 takes the largest class that occurs.
    """
    labels, answers = np.asarray(labels), np.asarray(answers)
    if labels.ndim == 2:
        size, true = labels.shape[1], labels.astype(bool, copy=False)
        answered, actual = np.flatnonzero(answers), np.flatnonzero(true)  # most cells are 0
        parts = (answered[true.ravel()[answered]], answered, actual)
        return tuple(np.bincount(part % size, minlength=size) for part in parts)
    size = classes or int(max(labels.max(initial=0), answers.max(initial=0))) + 1
    return tuple(np.bincount(part, minlength=size) for part in (labels[labels == answers], answers, labels))


def ratio(numerators: np.ndarray, denominators: np.ndarray) -> np.ndarray:
    """Sum of the numerators (…, C) divided by the sum of the denominators; 0 if both are 0."""
    return numerators.sum(-1) / np.maximum(denominators.sum(-1), TINY)


def f_scores(true_positives, predicted, actual, beta: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """F-beta of each class (…, C), 0 for a class that does not occur, and its denominator."""
    whole = predicted + (actual if beta == 1 else beta * beta * actual)
    scores = (1 + beta * beta) * true_positives / np.maximum(whole, TINY)
    return scores.astype(np.float64, copy=False), whole


def macro_f_terms(true_positives, predicted, actual, beta: float = 1.0):
    """Mean F-beta over the classes that occur in labels or answers, as in scikit-learn with zero_division=nan."""
    scores, whole = f_scores(true_positives, predicted, actual, beta)
    return scores, whole > 0


def micro_f_terms(true_positives, predicted, actual, beta: float = 1.0):
    """F-beta of the counts of all classes together."""
    return (1 + beta * beta) * true_positives, beta * beta * actual + predicted


def weighted_f1_terms(true_positives, predicted, actual):
    """Mean F1 with each class weighted by its number of labels."""
    return f_scores(true_positives, predicted, actual)[0] * actual, actual


def accuracy_terms(true_positives, predicted, actual):
    """Share of right answers."""
    return true_positives, actual


def balanced_accuracy_terms(true_positives, predicted, actual):
    """Mean recall over the classes that occur in the labels."""
    return (true_positives / np.maximum(actual, TINY)).astype(np.float64, copy=False), actual > 0


def samples_f_rows(labels: np.ndarray, answers: np.ndarray, beta: float = 1.0) -> np.ndarray:
    """F-beta (N, 1) of the label set of each row, from labels and answers (N, C); 0 if both sets are empty."""
    labels, answers = labels.astype(bool, copy=False), answers.astype(bool, copy=False)
    of_row = (np.count_nonzero(part, axis=1) for part in (labels & answers, answers, labels))
    return f_scores(*of_row, beta)[0][:, None]


def macro_f1_score(labels: np.ndarray, answers: np.ndarray, classes: int) -> float:
    """Macro F1 of answers (N,)."""
    return float(ratio(*macro_f_terms(*counts(labels, answers, classes))))
