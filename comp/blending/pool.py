"""What the most probable class of a blend depends on: a few rows, and a few classes of each.

Where one class is above another in every model it is above it in every convex blend, too. Most rows have one such class
above all others: no weights change them, and a search need not look at them.

Letters: M models, N rows, C classes; n rows that are open, k candidate classes of each.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from comp.blending.linesearch import Rows

PAD = -1e6  # score of a candidate that is none: below every probability and its logarithm


@dataclass(frozen=True)
class Pool:
    """values (M, n, k) float32 and classes (n, k) of the open rows; index (n,) where they are among all rows.

    settled (N,): the class of each row that is not open; labels (N,); size: C.
    """

    values: np.ndarray
    classes: np.ndarray
    index: np.ndarray
    settled: np.ndarray
    labels: np.ndarray
    size: int

    @classmethod
    def of(cls, values: Sequence[np.ndarray], labels: np.ndarray, alive: np.ndarray | None = None) -> "Pool":
        """From probabilities, or their logarithms, of M models, (N, C) each.

        alive (N, C) bool: the candidates; if not given, those that are above the leader of the mean in some model.
        """
        count, size = values[0].shape
        leader = sum(values[1:], start=values[0]).argmax(1)
        if alive is None:
            alive = np.zeros((count, size), bool)
            for one in values:
                alive |= one >= np.take_along_axis(one, leader[:, None], 1)  # the leader itself always is
        index = np.flatnonzero(alive.sum(1) > 1)
        width = int(alive[index].sum(1).max(initial=1))
        # candidates first, in the order of the classes: equal scores go to the lowest, as argmax has it
        classes = np.argsort(~alive[index], 1, kind="stable")[:, :width].astype(np.int16)
        there = np.take_along_axis(alive[index], classes, 1)
        open_values = np.empty((len(values), len(index), width), np.float32)
        for one, out in zip(values, open_values, strict=True):
            out[:] = np.where(there, one[index[:, None], classes], PAD)
        return cls(open_values, classes, index, leader, np.asarray(labels), size)

    def take(self, rows: np.ndarray) -> "Pool":
        """Only these rows (bool (N,))."""
        kept = rows[self.index]
        place = np.cumsum(rows) - 1
        return Pool(
            self.values[:, kept], self.classes[kept], place[self.index[kept]], self.settled[rows], self.labels[rows],
            self.size,
        )

    def logarithms(self, floor: float) -> "Pool":
        """The same rows and candidates, for blends of log-probabilities: what dominates in one does so in the other."""
        values = np.where(self.values == PAD, PAD, np.log(np.maximum(self.values, floor)))
        return Pool(values, self.classes, self.index, self.settled, self.labels, self.size)

    @cached_property
    def rows(self) -> Rows:
        """The open rows for the line search, with the counts of the settled ones."""
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
        """The blend's scores (n, k) of the open rows."""
        return np.tensordot(weights.astype(np.float32), self.values, axes=1)

    def score(self, metric: str, weights: np.ndarray) -> float:
        """The metric over all rows of the blend with these weights (M,)."""
        return self.rows.score(metric, self.scores(weights))


def half(group: np.ndarray, rng: np.random.Generator, most: int) -> np.ndarray:
    """A bag: half of the groups (numbers (N,)) at random, or fewer of about `most` rows; the rows as bool (N,)."""
    names, number = np.unique(group, return_inverse=True)
    count = min(-(-len(names) // 2), max(1, len(names) * most // len(group)))
    chosen = np.zeros(len(names), bool)
    chosen[rng.permutation(len(names))[:count]] = True
    return chosen[number]
