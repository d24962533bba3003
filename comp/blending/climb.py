"""Weights by coordinate search: from where they are, the best step along one line of the simplex after another.

The line search is exact for metrics of the most probable class (Och 2003; comp/linesearch.py).
"""

from collections.abc import Iterator

import numpy as np

from comp.blending.combine import on_simplex
from comp.blending.linesearch import best_step
from comp.blending.pool import Pool

PASSES = 2  # not to the top: more of them fit the rows, not the truth


def climb(pool: Pool, metric: str, weights: np.ndarray, rng: np.random.Generator, passes: int = PASSES) -> np.ndarray:
    """Weights (M,) after so many passes of the best steps toward or away from each model, and between pairs of them."""
    scores, value = pool.scores(weights), pool.score(metric, weights)
    for _ in range(passes):
        before = value
        for m, other in _lines(len(weights), rng):
            direction, low, high = _line(weights, m, other)
            if not low < high:
                continue
            slope = pool.values[m] - (scores if other is None else pool.values[other])
            step, reached = best_step(pool.rows, metric, scores, slope, low, high)
            if reached > value + 1e-9:
                weights, scores = on_simplex(weights + step * direction), scores + np.float32(step) * slope
                value = reached
        if value <= before:
            break
        scores = pool.scores(weights)  # without the rounding of the steps
    return weights


def _lines(models: int, rng: np.random.Generator) -> Iterator[tuple[int, int | None]]:
    """Each model with the blend, at random, then pairs of models, as many again."""
    yield from ((m, None) for m in rng.permutation(models))
    yield from ((m, other) for m, other in zip(rng.permutation(models), rng.permutation(models), strict=True))


def _line(weights: np.ndarray, m: int, other: int | None) -> tuple[np.ndarray, float, float]:
    """A direction from the blend (or from another model) to model m, and how far it stays on the simplex both ways."""
    unit = np.eye(len(weights))
    if other is None:
        return unit[m] - weights, -weights[m] / max(1 - weights[m], 1e-12), float(weights[m] < 1)
    return unit[m] - unit[other], -weights[m], weights[other] if m != other else -weights[m]
