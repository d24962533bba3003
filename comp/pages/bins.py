"""Bins for histograms of any numbers."""

import numpy as np

BINS = 30
BEYOND = 0.5  # percent at either end that the outermost bins take in, so that a few extreme values do not hide the rest


def edges(values: np.ndarray) -> np.ndarray:
    """Bin edges (n + 1,), n at most BINS, for finite values (N,); bins of whole numbers hold equally many of them.

    A single value gets a single bin. Values beyond the edges are meant to be clipped, as `counts` does.
    """
    values = np.asarray(values, float)
    low, high = np.percentile(values, [BEYOND, 100 - BEYOND])
    if not high > low:
        low, high = values.min(), values.max()
    if (values % 1 == 0).all():
        low, high = np.floor(low), np.ceil(high)
        width = np.ceil((high - low + 1) / BINS)
        return np.arange(low, high + width + 1, width) - 0.5
    largest = max(abs(low), abs(high))
    if high - low > 2 * BINS * np.spacing(largest):  # else the edges would not all differ
        return np.linspace(low, high, BINS + 1)
    beyond = max(0.5, largest * 1e-6)
    return np.array([low - beyond, high + beyond])


def counts(values: np.ndarray, bins: np.ndarray) -> np.ndarray:
    """How many values each bin has, (n,) int; those beyond the edges are in the outermost bins."""
    return np.histogram(np.clip(np.asarray(values, float), bins[0], bins[-1]), bins)[0]


def percent(values: np.ndarray, bins: np.ndarray) -> np.ndarray:
    """Like `counts`, in percent of all values, (n,) float."""
    return counts(values, bins) * 100 / max(len(values), 1)
