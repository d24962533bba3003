"""Quadratic weighted kappa (Cohen 1968), from the means of a few quantities per row."""

import numpy as np


def kappa_rows(labels: np.ndarray, grades: np.ndarray) -> np.ndarray:
    """Quantities (N, 4) for quadratic weighted kappa: label, answer, the sum of their squares, and their product."""
    labels, grades = labels.astype(np.float64), np.broadcast_to(grades, labels.shape).astype(np.float64)
    return np.stack([labels, grades, labels**2 + grades**2, labels * grades], 1)


def kappa_of_means(means: np.ndarray) -> np.ndarray:
    """Quadratic weighted kappa (Cohen 1968): 1 - mean squared distance / its expectation for independent grades.

    1 if all labels and all answers are the same grade.
    """
    label, grade, squares, product = np.moveaxis(means, -1, 0)
    expected = squares - 2 * label * grade
    return 1 - (squares - 2 * product) / np.where(expected > 0, expected, 1)
