"""Split runs into one part per attribute of the classes, so that a blend has a weight for each attribute."""

import numpy as np


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
