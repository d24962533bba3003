"""Bins for histograms of any numbers."""

import numpy as np

BINS = 30
BEYOND = 0.5  # percent at either end that the outermost bins take in, so that a few extreme values do not hide the rest


def edges(values: np.ndarray) -> np.ndarray:
    """Bin edges (n + 1,) for finite values (N,): a bin for each whole number where these are few, else at most BINS.

    A single value gets a single bin. Values beyond the edges are meant to be clipped, as `counts` does.
    """
    values = np.asarray(values, float)
    different = np.unique(values)
    if (different % 1 == 0).all() and different[-1] - different[0] < BINS:
        return np.arange(different[0], different[-1] + 2) - 0.5
    low, high = np.percentile(values, [BEYOND, 100 - BEYOND])
    if not high > low:
        low, high = different[0], different[-1]
    return np.linspace(low, high, BINS + 1) if high > low else np.array([low - 0.5, low + 0.5])


def counts(values: np.ndarray, bins: np.ndarray) -> np.ndarray:
    """How many values each bin has, (n,) int; those beyond the edges are in the outermost bins."""
    return np.histogram(np.clip(np.asarray(values, float), bins[0], bins[-1]), bins)[0]


def percent(values: np.ndarray, bins: np.ndarray) -> np.ndarray:
    """Like `counts`, in percent of all values, (n,) float."""
    return counts(values, bins) * 100 / max(len(values), 1)
