"""Fit parameters on subsamples of the groups, average them, and shrink those that vary."""

from collections.abc import Callable

import numpy as np

from comp.decisions.open_rows import half_of_groups

SUBSAMPLES = 4
SUBSAMPLE_ROWS = 50_000  # at most; rules for rare classes need more rows than weights of models
SEED = 0


def on_subsamples(fit: Callable[[np.ndarray], np.ndarray], groups: np.ndarray) -> np.ndarray:
    """(B, P): the result of fit(rows) for random halves of the groups (N,); rows: bool (N,)."""
    rng = np.random.default_rng(SEED)
    return np.array([fit(half_of_groups(groups, rng, SUBSAMPLE_ROWS)) for _ in range(SUBSAMPLES)])


def toward_zero(found: np.ndarray) -> np.ndarray:
    """The mean (P,) of parameters found on subsamples (B, P), each shrunk toward 0 by its variance over them.

    The positive-part James-Stein factor 1 - variance / mean^2, with the variance of a single subsample: parameters that
    vary across random halves of the groups are shrunk to zero.
    """
    mean, variance = found.mean(0), found.var(0)
    return mean * np.clip(1 - variance / np.maximum(mean**2, 1e-12), 0, 1)
