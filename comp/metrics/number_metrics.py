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
