"""The kinds of weighted mean that combine models into a blend, and the search for models with equal predictions.

Letters: M models, N rows, C classes, D distinct models.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from comp.competition.competition import Competition
from comp.metrics.formulas import FLOOR

# ---- kinds of mean


@dataclass(frozen=True)
class Mean:
    """A kind of mean.

    blended: a function of probs (M, N, C), weights (M,) and the competition that returns the blend (N, C) float32.
    mixed: the name of a method whose weights are the average over several methods with this kind of mean. Weights can
    be averaged, because the blends of one kind of mean are linear in their weights.
    """

    mixed: str
    blended: Callable[[np.ndarray, np.ndarray, Competition], np.ndarray]


def apply_weights(probs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The weighted sum (N, C) float32 of probs (M, N, C) with weights (M,)."""
    return np.tensordot(weights.astype(np.float32), probs, axes=1)


def _arithmetic(probs: np.ndarray, weights: np.ndarray, competition: Competition) -> np.ndarray:
    return apply_weights(probs, weights)


def _geometric(probs: np.ndarray, weights: np.ndarray, competition: Competition) -> np.ndarray:
    logs = apply_weights(np.log(np.maximum(probs, FLOOR)), weights)
    powers = np.exp(logs - logs.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def _of_ranks(probs: np.ndarray, weights: np.ndarray, competition: Competition) -> np.ndarray:
    """The weighted mean of the ranks, (N, C) float32, for several labels or for two classes.

    With more classes the ranks of a row would not sum to 1.
    """
    if competition.target == "multilabel":
        return _mean_rank(probs, weights).astype(np.float32)
    rank = _mean_rank(probs[:, :, 1], weights)
    return np.stack([1 - rank, rank], 1).astype(np.float32)


def _mean_rank(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The rank (N, …) of each row within its column, scaled to 0 … 1, as a weighted mean over the models.

    values: (M, N, …).
    """
    from scipy.stats import rankdata

    ranks = np.stack([rankdata(model, axis=0) for model in values])
    return np.tensordot(weights, ranks, axes=1) / (values.shape[1] + 1)


ARITHMETIC = Mean("mixed", _arithmetic)
GEOMETRIC = Mean("geometric_mixed", _geometric)
RANKS = Mean("rank_mixed", _of_ranks)


def on_simplex(weights: np.ndarray) -> np.ndarray:
    """The weights (M,), clipped at 0 and scaled to sum to 1, which removes rounding errors."""
    weights = np.clip(weights, 0, None)
    return weights / weights.sum()


# ---- equal models


def distinct_models(probs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The positions (D,) of the distinct models, and the number (M,) of each model among the distinct models.

    The distinct models are sorted by the sums of their columns. The order affects the searches for weights. Sorting by
    scores would leak the labels.
    """
    keys = [tuple(map(float, model.sum(0, dtype=np.float64))) for model in probs]
    kept: list[int] = []
    number = np.zeros(len(probs), int)
    for m in sorted(range(len(probs)), key=lambda m: keys[m]):
        if not (kept and keys[kept[-1]] == keys[m] and np.array_equal(probs[kept[-1]], probs[m])):
            kept.append(m)
        number[m] = len(kept) - 1
    return np.array(kept), number


def shared_weights(weights: np.ndarray, number: np.ndarray) -> np.ndarray:
    """The weights of all models (M,), from the weights of the distinct models (D,).

    Equal models share the weight of their distinct model in equal parts. number (M,): from `distinct_models`.
    """
    return weights[number] / np.bincount(number)[number]
