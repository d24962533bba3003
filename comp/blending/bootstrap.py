"""The uncertainty of scores by a bootstrap over groups (Efron 1979), because rows of one group are not independent.

Predictions are first summed for each group, so that a round draws groups without going through the rows. Metrics that
cannot be computed from sums, such as AUC, keep the rows and get fewer rounds.

Letters: N rows, C classes, P predictions, G groups, R rounds, S quantities for each row.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from comp.competition.competition import Competition
from comp.metrics.metric import Metric

# ---- predictions, by group

DENSE_CELLS = 200_000  # a table with more cells is mostly 0 and becomes a sparse matrix, which is smaller


@dataclass(frozen=True)
class GroupSums:
    """Sums over the rows of each group, for metrics that are computed from counts or from means.

    tables: for a metric of counts three tables (G, C) with the true positives, the predicted rows and the actual rows
    of each class, or (G, 1) if the metric is summable; for a metric of means the sums of its quantities (G, S) and the
    numbers of rows (G, 1). Each table is an array or a sparse matrix. GroupSums of different rows can be added.
    """

    metric: Metric
    tables: tuple

    def __add__(self, other: "GroupSums") -> "GroupSums":
        return GroupSums(self.metric, tuple(a + b for a, b in zip(self.tables, other.tables, strict=True)))

    def of_groups(self, groups: np.ndarray) -> "GroupSums":
        """The sums of only these groups, which are given by their numbers or by a bool for each group (G,)."""
        return GroupSums(self.metric, tuple(table[groups] for table in self.tables))

    def score(self) -> float:
        """The score over all rows; a higher score is better."""
        sums = [np.asarray(table.sum(0, dtype=np.float64)).reshape(1, -1) for table in self.tables]
        return float(self._value(sums)[0])

    def drawn(self, draws: np.ndarray) -> np.ndarray:
        """The score (R,) of each draw; a higher score is better. draws (R, G): how often a draw contains each group."""
        return self._value([draws @ table for table in self.tables])

    def _value(self, sums: list[np.ndarray]) -> np.ndarray:
        if self.metric.terms:
            return self.metric.shown(self.metric.of_counts(*sums))
        quantities, rows = sums
        return self.metric.shown(self.metric.of_means(quantities / rows))


@dataclass(frozen=True)
class AllRows:
    """The rows themselves, for metrics that cannot be computed from sums, such as AUC."""

    metric: Metric
    labels: np.ndarray
    predictions: np.ndarray
    group: np.ndarray

    def __add__(self, other: "AllRows") -> "AllRows":
        parts = ("labels", "predictions", "group")
        return AllRows(self.metric, *(np.concatenate([getattr(self, p), getattr(other, p)]) for p in parts))

    def of_groups(self, groups: np.ndarray) -> "AllRows":
        """The rows of only these groups, renumbered from 0. groups: sorted numbers."""
        place = np.searchsorted(groups, self.group).clip(max=len(groups) - 1)
        kept = groups[place] == self.group
        return AllRows(self.metric, self.labels[kept], self.predictions[kept], place[kept])

    def score(self) -> float:
        """The score over all rows; a higher score is better."""
        return self.metric.score(self.labels, self.predictions)

    def drawn(self, draws: np.ndarray) -> np.ndarray:
        """The score (R,) of each draw; a higher score is better. draws (R, G): how often a draw contains each group."""
        index = np.arange(len(self.labels))
        rows = (np.repeat(index, draw.astype(int)[self.group]) for draw in draws)
        return np.array([self.metric.score(self.labels[row], self.predictions[row]) for row in rows])


def sums_are_enough(metric: Metric) -> bool:
    """Return whether the metric can be computed from sums over rows."""
    return metric.terms is not None or metric.rows is not None


def sums_of_predictions(
    competition: Competition, labels: np.ndarray, group: np.ndarray, groups: int, predictions: Iterable[np.ndarray]
) -> list[GroupSums] | list[AllRows]:
    """A GroupSums or an AllRows for each of several predictions of the same rows.

    predictions: each in the form that the metric takes (see scoring.predictions). group (N,): the group of each row as
    a number below `groups`.
    """
    metric, size = competition.metric, competition.size
    if not sums_are_enough(metric):
        return [AllRows(metric, labels, each, group) for each in predictions]
    if metric.terms:
        count = partial(_table_of_sums, group, groups=groups, size=size, metric=metric)
        actual = count(labels)
        return [GroupSums(metric, (count(_hits(labels, each)), count(each), actual)) for each in predictions]
    rows = np.bincount(group, minlength=groups)[:, None].astype(np.float64)
    return [GroupSums(metric, (_sums(group, metric.rows(labels, each), groups), rows)) for each in predictions]


def _hits(labels: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """The right answers: (N, C) bool for several labels, else the class (N,) of each row, or -1 for a wrong answer."""
    if labels.ndim == 2:
        return labels.astype(bool, copy=False) & answers.astype(bool, copy=False)
    return np.where(labels == answers, labels, -1)


def _table_of_sums(group: np.ndarray, classes: np.ndarray, groups: int, size: int, metric: Metric):
    """The number of rows (G, C) of each group and class, or (G, 1) over all classes if the metric is summable.

    classes: the class (N,) of each row, where a negative number means no class, or (N, C) of 0 and 1. The counts are
    float32, which numpy multiplies faster than whole numbers.
    """
    if classes.ndim == 2:
        row, column = np.nonzero(classes)
    else:
        row = np.flatnonzero(classes >= 0)
        column = classes[row]
    if metric.summable:
        size, column = 1, np.zeros(len(row), np.int64)
    if groups * size > DENSE_CELLS:
        from scipy.sparse import csr_array

        return csr_array((np.ones(len(row), np.float32), (group[row], column)), shape=(groups, size))
    counted = np.bincount(group[row] * size + column, minlength=groups * size)
    return counted.reshape(groups, size).astype(np.float32)


def _sums(group: np.ndarray, quantities: np.ndarray, groups: int) -> np.ndarray:
    """The sum (G, S) of the quantities (N, S) over the rows of each group."""
    return np.stack([np.bincount(group, column, minlength=groups) for column in quantities.T], 1)


# ---- the bootstrap

ROUNDS = 1000
ROUNDS_OF_ROWS = 100  # most rounds for metrics that must be computed from all rows in each round
SEED = 0
DRAWN = 20_000_000  # most draws of groups held in memory at once
MOST_DRAWS = 200_000_000  # most draws of groups in all rounds together: with many groups, fewer rounds are enough
FEWEST_ROUNDS = 100


def bootstrap_scores(predictions: list[GroupSums] | list[AllRows], groups: int, rounds: int = ROUNDS) -> np.ndarray:
    """The scores (P, R) of each prediction on groups drawn with replacement; a higher score is better.

    In each round the same groups are drawn for all predictions. groups: G; each group must have at least one row.
    """
    if isinstance(predictions[0], AllRows):
        rounds = min(rounds, ROUNDS_OF_ROWS)
    rounds = min(rounds, max(FEWEST_ROUNDS, MOST_DRAWS // groups))
    return np.concatenate([[each.drawn(draws) for each in predictions] for draws in _draws(groups, rounds)], axis=1)


def _draws(groups: int, rounds: int) -> Iterator[np.ndarray]:
    """Yield how often each round draws each group, in blocks (some rounds, G) of all rounds.

    The blocks are float32, because numpy multiplies whole numbers slowly.
    """
    rng, block = np.random.default_rng(SEED), max(1, DRAWN // groups)
    for first in range(0, rounds, block):
        size = min(block, rounds - first)
        yield rng.multinomial(groups, np.full(groups, 1 / groups), size=size).astype(np.float32)
