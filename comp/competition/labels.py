"""Labels as folds.csv writes them, and as arrays.

folds.csv writes one label as a class index, several labels as class indices with spaces between them (or nothing if
the row has no label), and a regression target as the number itself.

Letters: N rows, C classes.
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from comp.competition.competition import Competition


def to_array(column: pd.Series, competition: Competition) -> np.ndarray:
    """Labels as an array: (N,) int, (N, C) uint8 of 0 and 1, or (N,) float64.

    column (N,): the labels of folds.csv. Raises ValueError for a label that is not a class, or not a finite number.
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
    """The class indices of one row of a multilabel table as sorted text."""
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
    """The number (N,) by which folds are stratified: the class, or for float labels the decile (1 of `bins` parts).

    labels (N,): int or float. Multilabel rows have no such number.
    """
    if labels.dtype.kind == "f":
        edges = np.quantile(labels, np.linspace(0, 1, bins + 1)[1:-1])
        return np.searchsorted(edges, labels, side="right")
    return labels
