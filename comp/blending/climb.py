"""Weights by coordinate ascent on the simplex, for metrics of counts (Och 2003; decisions/linesearch.py)."""

from collections.abc import Iterator

import numpy as np

from comp.blending.combine import on_simplex
from comp.decisions.ascent import Ascent
from comp.decisions.open_rows import OpenRows
from comp.metrics.metric import Metric

PASSES = 2  # more passes overfit


def climb(
    open_rows: OpenRows, metric: Metric, weights: np.ndarray, rng: np.random.Generator, passes: int = PASSES
) -> np.ndarray:
    """Weights (M,) after the best steps from `weights` toward or away from each model, and between pairs of models."""
    ascent = Ascent(open_rows.rows, metric, open_rows.scores(weights))

    def one_pass():
        nonlocal weights
        ascent.scores = open_rows.scores(weights)  # removes the rounding errors of the last pass
        for m, other in _lines(len(weights), rng):
            direction, low, high = _line(weights, m, other)
            if not low < high:
                continue
            slope = open_rows.values[m] - (ascent.scores if other is None else open_rows.values[other])
            step = ascent.along(slope, low, high)
            if step is not None:
                weights = on_simplex(weights + step * direction)

    ascent.repeat(one_pass, passes)
    return weights


def _lines(models: int, rng: np.random.Generator) -> Iterator[tuple[int, int | None]]:
    """Each model paired with the blend (None), in random order; then as many random pairs of models."""
    yield from ((m, None) for m in rng.permutation(models))
    yield from ((m, other) for m, other in zip(rng.permutation(models), rng.permutation(models), strict=True))


def _line(weights: np.ndarray, m: int, other: int | None) -> tuple[np.ndarray, float, float]:
    """The direction from the blend (or another model) to model m, and the lowest and highest step on the simplex."""
    unit = np.eye(len(weights))
    if other is None:
        return unit[m] - weights, -weights[m] / max(1 - weights[m], 1e-12), float(weights[m] < 1)
    return unit[m] - unit[other], -weights[m], weights[other] if m != other else -weights[m]
