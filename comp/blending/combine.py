"""Split runs into one part per attribute of the classes, so that a blend has a weight for each attribute.

Apply weights to models, find equal models, and split models by attribute.

Letters: M models, N rows, C classes, A attributes.
"""

import numpy as np

from comp.competition.competition import Competition
from comp.metrics.named_metrics import FLOOR


def by_attribute(probs: np.ndarray, attributes: dict) -> np.ndarray:
    """Each model split into one for each attribute: (M, N, C) to (M A, N, C), the parts of the first model first.

    In a part, every class gets the marginal probability of its attribute value, rows scaled to sum 1. So a geometric
    mean of the parts has its own weights for each attribute: one run may predict one attribute best, another run
    another.
    """
    parts = np.empty((len(probs) * len(attributes), *probs.shape[1:]), np.float32)
    for i, values in enumerate(attributes.values()):
        same = (values[:, None] == values).astype(np.float32)  # (C, C): whether two classes have the same value
        part = probs @ same
        parts[i :: len(attributes)] = part / part.sum(2, keepdims=True)
    return parts


def distinct_models(probs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions (D,) of the distinct models, sorted by column sums; and for each model (M,) its number among them.

    The order affects the searches. It uses no score, because that would leak the labels.
    """
    keys = [tuple(map(float, one.sum(0, dtype=np.float64))) for one in probs]
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


def kind_of_mean(method: str) -> str:
    """The kind of mean of a method: "geometric", "rank", or "mean" for the arithmetic one."""
    return "geometric" if method.startswith("geometric") else "rank" if method == "rank" else "mean"


def blended(method: str, probs: np.ndarray, weights: np.ndarray, competition: Competition) -> np.ndarray:
    """The blend (N, C) float32 of probs (M, N, C): the mean, the geometric mean, or the mean of ranks."""
    if kind_of_mean(method) == "geometric":
        logs = apply_weights(np.log(np.maximum(probs, FLOOR)), weights)
        powers = np.exp(logs - logs.max(1, keepdims=True))
        return powers / powers.sum(1, keepdims=True)
    if kind_of_mean(method) == "mean":
        return apply_weights(probs, weights)
    if competition.target == "multilabel":
        return mean_rank(probs, weights).astype(np.float32)
    rank = mean_rank(probs[:, :, 1], weights)
    return np.stack([1 - rank, rank], 1).astype(np.float32)


def mean_rank(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Rank of each row within its column, in 0 … 1, as weighted mean over the models; values (M, N, …)."""
    from scipy.stats import rankdata

    ranks = np.stack([rankdata(one, axis=0) for one in values])
    return np.tensordot(weights, ranks, axes=1) / (values.shape[1] + 1)


def on_simplex(weights: np.ndarray) -> np.ndarray:
    """Weights clipped at 0 and scaled to sum 1; this removes rounding errors."""
    weights = np.clip(weights, 0, None)
    return weights / weights.sum()


def apply_weights(probs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """sum_m w_m probs_m: (N, C) float32."""
    return np.tensordot(weights.astype(np.float32), probs, axes=1)
