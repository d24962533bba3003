"""Labels as folds.csv writes them, and as arrays.

One label: the class index. Several labels: their class indices with blanks between, empty for none. A number: itself.
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from comp.competition.competition import Competition


def to_array(column: pd.Series, competition: Competition) -> np.ndarray:
    """Labels in the form that the target has: (N,) int, (N, C) uint8 of 0 and 1, or (N,) float64.

    Raises ValueError for a label that is no class and no number.
    """
    if competition.target == "regression":
        return _finite(column.to_numpy(np.float64))
    if competition.target != "multilabel":
        return _checked(column.to_numpy(np.int64), competition.size)
    parts = column.fillna("").astype(str).str.split()
    rows = np.repeat(np.arange(len(parts)), parts.str.len())
    labels = np.zeros((len(parts), competition.size), np.uint8)
    labels[rows, _checked(np.array([int(part) for row in parts for part in row], int), competition.size)] = 1
    return labels


def to_text(labels: Iterable[int]) -> str:
    """Class indices of one row of a multilabel table as text, sorted."""
    return " ".join(map(str, sorted(set(labels))))


def _checked(labels: np.ndarray, size: int) -> np.ndarray:
    if len(labels) and not (labels.min() >= 0 and labels.max() < size):
        raise ValueError(f"label is not a whole number from 0 to {size - 1}")
    return labels


def _finite(values: np.ndarray) -> np.ndarray:
    if not np.isfinite(values).all():
        raise ValueError("label is not a finite number")
    return values


def strata(labels: np.ndarray, bins: int = 10) -> np.ndarray:
    """Class numbers (N,) to stratify by: the class itself, or the decile of a number; multilabel has none."""
    if labels.dtype.kind == "f":
        edges = np.quantile(labels, np.linspace(0, 1, bins + 1)[1:-1])
        return np.searchsorted(edges, labels, side="right")
    return labels
