"""Combine the predictions of models by a weighted mean of some kind, and find models with the same predictions.

Letters in the shapes: M models, N rows, C classes, D models with distinct predictions.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from comp.competition.competition import Competition
from comp.metrics.formulas import FLOOR

# ---- kinds of mean


@dataclass(frozen=True)
class Mean:
    """A kind of weighted mean over models, such as the arithmetic or the geometric mean.

    blended: a function of the predictions (M, N, C) of M models, their weights (M,) and the competition, which returns
    the blend (N, C) float32. mixed: the name for the method of a blend whose weights are the mean of the weights of
    several methods. Such weights can be averaged, because the blend or, for the geometric mean, its logarithm is linear
    in the weights.
    """

    mixed: str
    blended: Callable[[np.ndarray, np.ndarray, Competition], np.ndarray]


def apply_weights(probs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the weighted sum (N, C) float32 of the predictions of the models.

    probs (M, N, C): the predictions of M models. weights (M,): the weights of the models.
    """
    return np.tensordot(weights.astype(np.float32), probs, axes=1)


def _arithmetic(probs: np.ndarray, weights: np.ndarray, competition: Competition) -> np.ndarray:
    return apply_weights(probs, weights)


def _geometric(probs: np.ndarray, weights: np.ndarray, competition: Competition) -> np.ndarray:
    logs = apply_weights(np.log(np.maximum(probs, FLOOR)), weights)
    powers = np.exp(logs - logs.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def _of_ranks(probs: np.ndarray, weights: np.ndarray, competition: Competition) -> np.ndarray:
    """Return the rank of each row in each column, scaled to 0 … 1 and averaged over the models, as (N, C) float32.

    This is possible only with two classes or for multilabel data: with more classes, the ranks in a row would not sum
    to 1. probs (M, N, C): the predictions of M models. weights (M,): the weights of the models.
    """
    if competition.target == "multilabel":
        return _mean_rank(probs, weights).astype(np.float32)
    rank = _mean_rank(probs[:, :, 1], weights)
    return np.stack([1 - rank, rank], 1).astype(np.float32)


def _mean_rank(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the rank of each row, scaled to 0 … 1 and averaged over the models.

    values: the predictions of the models, as (M, N), which gives (N,); or as (M, N, C), which gives the rank in each
    column (N, C). weights (M,): the weights of the models.
    """
    from scipy.stats import rankdata

    ranks = np.stack([rankdata(model, axis=0) for model in values])
    return np.tensordot(weights, ranks, axes=1) / (values.shape[1] + 1)


ARITHMETIC = Mean("mixed", _arithmetic)
GEOMETRIC = Mean("geometric_mixed", _geometric)
RANKS = Mean("rank_mixed", _of_ranks)


def on_simplex(weights: np.ndarray) -> np.ndarray:
    """Return the weights with negative weights set to 0, scaled to sum to 1. This removes rounding errors."""
    weights = np.clip(weights, 0, None)
    return weights / weights.sum()


# ---- equal models


def distinct_models(probs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find models with the same predictions. Return the positions (D,) of distinct models, and an array (M,).

    The array (M,) says for each of the M models which distinct model has the same predictions, as a number from 0 to
    D - 1. probs (M, N, C): the predictions of the models. The distinct models are sorted by the sums of their columns,
    because the order affects the searches for weights, and an order by scores would leak the labels.
    """
    keys = [tuple(map(float, model.sum(0, dtype=np.float64))) for model in probs]
    kept: list[int] = []
    number = np.zeros(len(probs), int)
    for m in sorted(range(len(probs)), key=lambda m: keys[m]):
        if not (kept and keys[kept[-1]] == keys[m] and np.array_equal(probs[kept[-1]], probs[m])):
            kept.append(m)
        number[m] = len(kept) - 1
    return np.array(kept), number


def identical_models(names: Sequence[str], probs: np.ndarray) -> list[str]:
    """Return the names of two or more models with the same predictions, or [] if all predictions differ.

    probs (M, N, C): the predictions of the models, in the order of `names`.
    """
    _, number = distinct_models(probs)
    shared = np.flatnonzero(np.bincount(number) > 1)[:1]
    return [name for name, where in zip(names, number, strict=True) if where in shared]


def shared_weights(weights: np.ndarray, number: np.ndarray) -> np.ndarray:
    """Return the weights (M,) of all models from the weights (D,) of the distinct models.

    Models with the same predictions share the weight of their distinct model equally. number (M,): for each model, the
    index (0 … D-1) of the distinct model with the same predictions, as `distinct_models` returns it.
    """
    return weights[number] / np.bincount(number)[number]
