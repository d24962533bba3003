"""Weights on the simplex with the least log loss or the least squared error. Both problems are convex."""

from collections.abc import Callable

import numpy as np
from scipy.optimize import minimize

from comp.blending.combine import on_simplex
from comp.blending.problem import Problem
from comp.metrics.metrics import FLOOR


def log_loss(problem: Problem) -> np.ndarray:
    """Weights (M,) with the least log loss, or binary cross entropy (super learner, van der Laan 2007)."""
    true = problem.likelihoods()
    count = true.shape[1]

    def objective(w):
        mixed = np.maximum(w @ true, FLOOR)
        return -np.log(mixed).mean(), -(true @ (1 / mixed)) / count

    return _minimum(objective, len(true))


def squares(problem: Problem) -> np.ndarray:
    """Weights (M,) with the least mean squared error of values or expected grades, relative to label variance."""
    values, labels = problem.values(), problem.labels.astype(np.float64)
    scale = max(labels.var(), 1e-12)
    errors = (values - labels) / np.sqrt(scale)  # weights sum to 1: the blend's error is the blend of the errors
    products = errors @ errors.T / len(labels)
    return _minimum(lambda w: (w @ products @ w, 2 * products @ w), len(values))


def _minimum(objective: Callable, models: int) -> np.ndarray:
    """The weights on the simplex with the least objective(w), a function that returns value and gradient (M,)."""
    simplex = {"type": "eq", "fun": lambda w: w.sum() - 1, "jac": np.ones_like}
    options = {"ftol": 1e-9, "maxiter": 500}
    found = minimize(objective, np.full(models, 1 / models), jac=True, method="SLSQP", bounds=[(0, 1)] * models,
                     constraints=[simplex], options=options)  # fmt: skip
    return on_simplex(found.x)
