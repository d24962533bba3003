"""Open rows: rows where the most probable class depends on the weights of a blend, with their candidate classes.

If a class is above another one in every model, it is above it in every convex blend too. In most rows one class
is above all others in every model. The answer for these rows is settled, so a search can skip them.

Letters: M models, N rows, C classes; n open rows, k candidate classes for each.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from comp.decisions.linesearch import SMALL_CLASSES, Rows
from comp.metrics.metric import Metric

PAD = -1e6  # score in place of missing candidates: below every probability and its logarithm


@dataclass(frozen=True)
class OpenRows:
    """values (M, n, k) float32 and classes (n, k) of the candidates; index (n,): positions of the open rows.

    settled (N,): the most probable class of each row, valid for rows that are not open; labels (N,); size: C.
    """

    values: np.ndarray
    classes: np.ndarray
    index: np.ndarray
    settled: np.ndarray
    labels: np.ndarray
    size: int

    @classmethod
    def of(cls, values: Sequence[np.ndarray], labels: np.ndarray, alive: np.ndarray | None = None) -> "OpenRows":
        """From the probabilities of M models, or their logarithms, (N, C) each.

        alive (N, C) bool: the candidates; default: the top class of the mean, and all classes above it in some model.
        """
        count, size = values[0].shape
        leader = sum(values[1:], start=values[0]).argmax(1)
        if alive is None:
            alive = np.zeros((count, size), bool)
            for one in values:
                alive |= one >= np.take_along_axis(one, leader[:, None], 1)  # the top class always is
        candidates = alive.sum(1)
        index = np.flatnonzero(candidates > 1)
        # candidates in the order of the classes: ties go to the lowest one, as with argmax
        row, found = np.nonzero(alive[index])
        begins = np.cumsum(candidates[index]) - candidates[index]
        place = np.arange(len(row)) - begins[row]
        shape = len(index), int(candidates[index].max(initial=1))
        classes = np.zeros(shape, np.int16 if size < SMALL_CLASSES else np.int32)
        classes[row, place] = found
        open_values = np.full((len(values), *shape), PAD, np.float32)
        for one, out in zip(values, open_values, strict=True):
            out[row, place] = one[index[row], found]
        return cls(open_values, classes, index, leader, np.asarray(labels), size)

    def take(self, rows: np.ndarray) -> "OpenRows":
        """Only these rows (bool (N,))."""
        kept = rows[self.index]
        place = np.cumsum(rows) - 1
        return OpenRows(
            self.values[:, kept], self.classes[kept], place[self.index[kept]], self.settled[rows], self.labels[rows],
            self.size,
        )  # fmt: skip

    def logarithms(self, floor: float) -> "OpenRows":
        """The same rows and candidates with log-probabilities; the order of the classes stays the same."""
        values = np.where(self.values == PAD, PAD, np.log(np.maximum(self.values, floor)))
        return OpenRows(values, self.classes, self.index, self.settled, self.labels, self.size)

    @cached_property
    def rows(self) -> Rows:
        """The open rows for the line search, with the counts of the settled rows."""
        settled = np.ones(len(self.labels), bool)
        settled[self.index] = False
        winners, labels = self.settled[settled], self.labels[settled]
        return Rows(
            self.classes,
            self.labels[self.index],
            np.bincount(winners[winners == labels], minlength=self.size),
            np.bincount(winners, minlength=self.size),
            np.bincount(self.labels, minlength=self.size),
        )

    def scores(self, weights: np.ndarray) -> np.ndarray:
        """Scores (n, k) of the blend for the open rows."""
        return np.tensordot(weights.astype(np.float32), self.values, axes=1)

    def score(self, metric: Metric, weights: np.ndarray) -> float:
        """The score over all rows of the blend with weights (M,); higher is better."""
        return self.rows.score(metric, self.scores(weights))


def half_of_groups(group: np.ndarray, rng: np.random.Generator, most: int) -> np.ndarray:
    """Rows (bool (N,)) of a random half of the groups (N,); of fewer groups if half have more than `most` rows."""
    names, number = np.unique(group, return_inverse=True)
    count = min(-(-len(names) // 2), max(1, len(names) * most // len(group)))
    chosen = np.zeros(len(names), bool)
    chosen[rng.permutation(len(names))[:count]] = True
    return chosen[number]


def some_groups(group: np.ndarray, most: int) -> np.ndarray:
    """Rows (bool (N,)): all, or those of random whole groups (N,) with about `most` rows if there are more."""
    if len(group) <= most:
        return np.ones(len(group), bool)
    names, number = np.unique(group, return_inverse=True)
    chosen = np.zeros(len(names), bool)
    chosen[np.random.default_rng(0).permutation(len(names))[: max(1, len(names) * most // len(group))]] = True
    return chosen[number]
