"""Convert labels from the texts of folds.csv to arrays and back.

In folds.csv, one label is a class index, several labels are class indices separated by spaces (or an empty field if the
row has no label), and a regression target is the number itself.

Letters in the shapes: N rows, C classes.
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from comp.competition.competition import Competition


def to_array(column: pd.Series, competition: Competition) -> np.ndarray:
    """Return the labels of N rows as an array, whose form depends on the target of the competition.

    The array is (N, C) uint8 of 0 and 1 for a multilabel target with C classes, (N,) float64 for a regression target,
    and (N,) int for all other targets. column: the column `label` of folds.csv. Raises ValueError if a label is not a
    class or, for a regression target, not a finite number.
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
    """Return the class indices of one multilabel row as a text: sorted, each index once, separated by spaces."""
    return " ".join(map(str, sorted(set(labels))))


def _checked(labels: np.ndarray, size: int) -> np.ndarray:
    if len(labels) and not (labels.min() >= 0 and labels.max() < size):
        raise ValueError(f"a label is not a whole number from 0 to {size - 1}")
    return labels


def _finite(values: np.ndarray) -> np.ndarray:
    if not np.isfinite(values).all():
        raise ValueError("a label is not a finite number")
    return values


def strata(labels: np.ndarray, bins: int = 10, least: int = 1) -> np.ndarray:
    """Return the stratum of each of N rows as an array (N,) int, for folds that are stratified by the label.

    labels (N,): one int or float for each row. The stratum of an int label is the label itself. Float labels are
    divided at their quantiles into `bins` strata with about equally many rows. If they have at most `bins` different
    values, each value is a stratum of its own. A stratum with fewer than `least` rows is joined to its neighbours.
    Strata of floats are numbered from 0 in the order of the labels, and none is empty.
    """
    if labels.dtype.kind != "f":
        return labels
    edges = np.unique(labels)[1:]
    if len(edges) >= bins:
        edges = np.quantile(labels, np.linspace(0, 1, bins + 1)[1:-1])
    part = np.searchsorted(edges, labels, side="right")
    _, of_row, counts = np.unique(part, return_inverse=True, return_counts=True)
    return _joined(counts, least)[of_row]


def _joined(counts: np.ndarray, least: int) -> np.ndarray:
    """Return the new number of each of S strata, (S,) int, such that each new stratum has at least `least` rows.

    counts (S,): the number of rows in each stratum. Only neighbouring strata are joined.
    """
    stratum, rows, last = np.empty(len(counts), int), 0, 0
    for i, count in enumerate(counts):
        stratum[i], rows = last, rows + count
        if rows >= least:
            last, rows = last + 1, 0
    return np.minimum(stratum, max(last - 1, 0))
