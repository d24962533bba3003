"""Blends fitted on out-of-fold probabilities, and their honest score.

Letters: M models, N rows, C classes, K folds. probs is (M, N, C); weights (M,) lie on the simplex.
"""

import numpy as np
from scipy.optimize import minimize

from comp import metrics

FLOOR = 1e-7  # a model that is sure and wrong costs 16 nats, not infinity


def fit_weights(probs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The convex weights (M,) of least log loss: convex, one optimum (super learner, van der Laan 2007)."""
    true = probs[:, np.arange(len(labels)), labels].astype(np.float64)  # (M, N): all that the log loss needs

    def objective(w):
        mixed = np.maximum(w @ true, FLOOR)
        return -np.log(mixed).mean(), -(true / mixed).mean(1)

    start = np.full(len(probs), 1 / len(probs))
    simplex = {"type": "eq", "fun": lambda w: w.sum() - 1, "jac": np.ones_like}
    found = minimize(objective, start, jac=True, method="SLSQP", bounds=[(0, 1)] * len(probs), constraints=[simplex],
                     options={"ftol": 1e-9, "maxiter": 500})
    weights = np.clip(found.x, 0, 1)
    return weights / weights.sum()


def apply_weights(probs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """sum_m w_m probs_m: (N, C) float32."""
    return np.tensordot(weights.astype(np.float32), probs, axes=1)


def cross_fitted(probs: np.ndarray, labels: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """Blended probabilities (N, C) where each fold's weights were fitted on the other folds: the honest ones."""
    blended = np.empty(probs.shape[1:], np.float32)
    for k in np.unique(fold):
        inside = fold == k
        blended[inside] = apply_weights(probs[:, inside], fit_weights(probs[:, ~inside], labels[~inside]))
    return blended


def score(labels: np.ndarray, probs: np.ndarray) -> float:
    """Macro F1 of the most probable class."""
    return metrics.scores(labels, probs)["macro_f1"]
