"""Metrics of the distance between numbers or grades: RMSE, MAE, quadratic weighted kappa. labels, values: (N,)."""

import numpy as np


def squared_rows(labels: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Squared error of each row, (N, 1)."""
    return (labels.astype(np.float64) - values)[:, None] ** 2


def root(means: np.ndarray) -> np.ndarray:
    """RMSE from the mean squared error."""
    return np.sqrt(means[..., 0])


def absolute_rows(labels: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Absolute error of each row, (N, 1)."""
    return np.abs(labels.astype(np.float64) - values)[:, None]


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
