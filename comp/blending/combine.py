"""What weights do: models combined to one, models that are equal, models taken apart by attribute.

Letters: M models, N rows, C classes, A attributes.
"""

import numpy as np

from comp.competition.metrics import FLOOR


def distinct(probs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions (D,) of the distinct models in an order of their own, and each model's place among them (M,).

    The order is by the sums of their columns: no label may have a say in it, for it steers the searches.
    """
    keys = [tuple(map(float, one.sum(0, dtype=np.float64))) for one in probs]
    kept: list[int] = []
    of = np.zeros(len(probs), int)
    for m in sorted(range(len(probs)), key=lambda m: keys[m]):
        if not (kept and keys[kept[-1]] == keys[m] and np.array_equal(probs[kept[-1]], probs[m])):
            kept.append(m)
        of[m] = len(kept) - 1
    return np.array(kept), of


def shared(weights: np.ndarray, of: np.ndarray) -> np.ndarray:
    """Weights of the distinct models (D,) to those of all (M,): equal ones share."""
    return weights[of] / np.bincount(of)[of]


def blended(method: str, probs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The blend (N, C) float32 of probs (M, N, C): the mean, the geometric mean, or the mean of ranks."""
    if method.startswith("geometric"):
        logs = apply_weights(np.log(np.maximum(probs, FLOOR)), weights)
        powers = np.exp(logs - logs.max(1, keepdims=True))
        return powers / powers.sum(1, keepdims=True)
    if method == "rank":
        from scipy.stats import rankdata

        rank = np.tensordot(weights, rankdata(probs[:, :, 1], axis=1), axes=1) / (probs.shape[1] + 1)
        return np.stack([1 - rank, rank], 1).astype(np.float32)
    return apply_weights(probs, weights)


def by_attribute(probs: np.ndarray, attributes: dict) -> np.ndarray:
    """Each model as one of each attribute: (M, N, C) to (M A, N, C), the attributes of the first model first.

    Every class gets the marginal probability of its attribute's value, rows scaled to sum 1. In a geometric mean of
    them each attribute has weights of its own: one run may know ages best, and another masks.
    """
    parts = np.empty((len(probs) * len(attributes), *probs.shape[1:]), np.float32)
    for i, values in enumerate(attributes.values()):
        same = (values[:, None] == values).astype(np.float32)  # (C, C): the classes of one value
        part = probs @ same
        parts[i :: len(attributes)] = part / part.sum(2, keepdims=True)
    return parts


def on_simplex(weights: np.ndarray) -> np.ndarray:
    """Clipped at 0 and scaled to sum 1: takes away rounding."""
    weights = np.clip(weights, 0, None)
    return weights / weights.sum()


def apply_weights(probs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """sum_m w_m probs_m: (N, C) float32."""
    return np.tensordot(weights.astype(np.float32), probs, axes=1)
