"""The kinds of mean with which weights put models together, and models that are equal.

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
    """A kind of mean. blended(probs (M, N, C), weights (M,), competition): the blend (N, C) float32.

    Blends of one kind are linear in their weights, so their weights can be averaged. mixed: the name of such an
    average.
    """

    mixed: str
    blended: Callable[[np.ndarray, np.ndarray, Competition], np.ndarray]


def apply_weights(probs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """sum_m w_m probs_m: (N, C) float32."""
    return np.tensordot(weights.astype(np.float32), probs, axes=1)


def _arithmetic(probs: np.ndarray, weights: np.ndarray, competition: Competition) -> np.ndarray:
    return apply_weights(probs, weights)


def _geometric(probs: np.ndarray, weights: np.ndarray, competition: Competition) -> np.ndarray:
    logs = apply_weights(np.log(np.maximum(probs, FLOOR)), weights)
    powers = np.exp(logs - logs.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def _of_ranks(probs: np.ndarray, weights: np.ndarray, competition: Competition) -> np.ndarray:
    """Of several labels, or of two classes: rows of ranks of more classes would not sum to 1."""
    if competition.target == "multilabel":
        return _mean_rank(probs, weights).astype(np.float32)
    rank = _mean_rank(probs[:, :, 1], weights)
    return np.stack([1 - rank, rank], 1).astype(np.float32)


def _mean_rank(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The rank of each row within its column, in 0 … 1, as weighted mean over the models; values (M, N, …)."""
    from scipy.stats import rankdata

    ranks = np.stack([rankdata(model, axis=0) for model in values])
    return np.tensordot(weights, ranks, axes=1) / (values.shape[1] + 1)


ARITHMETIC = Mean("mixed", _arithmetic)
GEOMETRIC = Mean("geometric_mixed", _geometric)
RANKS = Mean("rank_mixed", _of_ranks)


def on_simplex(weights: np.ndarray) -> np.ndarray:
    """Weights clipped at 0 and scaled to sum 1; this removes rounding errors."""
    weights = np.clip(weights, 0, None)
    return weights / weights.sum()


# ---- equal models


def distinct_models(probs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions (D,) of the distinct models, sorted by column sums; and for each model (M,) its number among them.

    The order affects the searches. It uses no score, because that would leak the labels.
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
    """Weights of all models (M,) from weights of the distinct ones (D,): equal models share one weight."""
    return weights[number] / np.bincount(number)[number]
