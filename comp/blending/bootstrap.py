"""Estimate the uncertainty of scores by a bootstrap over groups (Efron 1979).

Whole groups are drawn, because the rows of one group are not independent. Everything that the metric needs is first
summed over the rows of each group, so that a round of the bootstrap need not go through the rows. Metrics that cannot
be computed from sums, such as AUC, keep the rows and get fewer rounds.

Letters in the shapes: N rows, C classes, P predictions of the same rows, G groups, R rounds, S numbers that a metric
computes for each row.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from comp.competition.competition import Competition
from comp.metrics.metric import Metric

# ---- the sums of each group

DENSE_CELLS = 200_000  # a table with more cells is mostly 0, so it is stored as a sparse matrix, which is smaller


@dataclass(frozen=True)
class GroupSums:
    """The sums over the rows of each group from which a metric can be computed.

    tables: arrays or sparse matrices with one row for each of G groups. A metric of counts has three tables (G, C): the
    true positives, the predicted rows and the actual rows of each class. These tables are (G, 1) if the metric needs
    only the sums over all classes (metric.summable). A metric of means has two tables: the sums (G, S) of the S numbers
    that the metric computes for each row, and the numbers of rows (G, 1). GroupSums of different rows can be added
    with +.
    """

    metric: Metric
    tables: tuple

    def __add__(self, other: "GroupSums") -> "GroupSums":
        return GroupSums(self.metric, tuple(a + b for a, b in zip(self.tables, other.tables, strict=True)))

    def of_groups(self, groups: np.ndarray) -> "GroupSums":
        """Return the sums of only some groups. groups: the numbers of these groups, or a bool (G,) for each group."""
        return GroupSums(self.metric, tuple(table[groups] for table in self.tables))

    def score(self) -> float:
        """Return the score over all rows; a higher score is better."""
        sums = [np.asarray(table.sum(0, dtype=np.float64)).reshape(1, -1) for table in self.tables]
        return float(self._value(sums)[0])

    def drawn(self, draws: np.ndarray) -> np.ndarray:
        """Return the score (R,) in each of R draws of groups; a higher score is better.

        draws (R, G): how many times each draw contains each group.
        """
        return self._value([draws @ table for table in self.tables])

    def _value(self, sums: list[np.ndarray]) -> np.ndarray:
        if self.metric.terms:
            return self.metric.shown(self.metric.of_counts(*sums))
        quantities, rows = sums
        return self.metric.shown(self.metric.of_means(quantities / rows))


@dataclass(frozen=True)
class AllRows:
    """The labels and predictions of all rows, for metrics that cannot be computed from sums, such as AUC.

    labels: the true labels, as (N,) or (N, C). predictions: the predictions in the form that the metric takes. group
    (N,): the number of each row's group.
    """

    metric: Metric
    labels: np.ndarray
    predictions: np.ndarray
    group: np.ndarray

    def __add__(self, other: "AllRows") -> "AllRows":
        parts = ("labels", "predictions", "group")
        return AllRows(self.metric, *(np.concatenate([getattr(self, p), getattr(other, p)]) for p in parts))

    def of_groups(self, groups: np.ndarray) -> "AllRows":
        """Return the rows of only some groups, which get new numbers from 0.

        groups: the sorted numbers that these groups have now.
        """
        place = np.searchsorted(groups, self.group).clip(max=len(groups) - 1)
        kept = groups[place] == self.group
        return AllRows(self.metric, self.labels[kept], self.predictions[kept], place[kept])

    def score(self) -> float:
        """Return the score over all rows; a higher score is better."""
        return self.metric.score(self.labels, self.predictions)

    def drawn(self, draws: np.ndarray) -> np.ndarray:
        """Return the score (R,) in each of R draws of groups; a higher score is better.

        draws (R, G): how many times each draw contains each group.
        """
        index = np.arange(len(self.labels))
        rows = (np.repeat(index, draw.astype(int)[self.group]) for draw in draws)
        return np.array([self.metric.score(self.labels[row], self.predictions[row]) for row in rows])


def sums_are_enough(metric: Metric) -> bool:
    """Return whether the metric can be computed from sums over rows."""
    return metric.terms is not None or metric.rows is not None


def sums_of_predictions(
    competition: Competition, labels: np.ndarray, group: np.ndarray, groups: int, predictions: Iterable[np.ndarray]
) -> list[GroupSums] | list[AllRows]:
    """Return a GroupSums for each of several predictions of the same rows.

    If the metric cannot be computed from sums, return an AllRows for each prediction instead. labels: the true labels,
    as (N,) or (N, C). group (N,): the number of each row's group. groups: the number of groups. predictions: each
    prediction in the form that the metric takes (see scoring.predictions).
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
    """Return which answers are right.

    With one class for each row, return the class (N,) of each right answer, and -1 for each wrong answer. With several
    labels in each row, return a bool (N, C) that is true where a label is both answered and present.
    """
    if labels.ndim == 2:
        return labels.astype(bool, copy=False) & answers.astype(bool, copy=False)
    return np.where(labels == answers, labels, -1)


def _table_of_sums(group: np.ndarray, classes: np.ndarray, groups: int, size: int, metric: Metric):
    """Return how many rows each group has of each class, as a table (G, C).

    The table is (G, 1), with the sums over all classes, if the metric is summable. group (N,): the number of each row's
    group. classes: the class (N,) of each row, where a negative number means no class; or (N, C) of 0 and 1. groups:
    the number G of groups. size: the number C of classes. The counts are float32, which numpy multiplies faster than
    whole numbers.
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
    """Return the sums (G, S) of the numbers `quantities` (N, S) over the rows of each of G groups.

    group (N,): the number of each row's group. groups: the number G.
    """
    return np.stack([np.bincount(group, column, minlength=groups) for column in quantities.T], 1)


# ---- the bootstrap

ROUNDS = 1000
ROUNDS_OF_ROWS = 100  # largest number of rounds for metrics that go through all rows in each round
SEED = 0
DRAWN = 20_000_000  # largest number of drawn groups in memory at once
MOST_DRAWS = 200_000_000  # largest number of drawn groups in all rounds; with many groups, fewer rounds are enough
FEWEST_ROUNDS = 100


def bootstrap_scores(predictions: list[GroupSums] | list[AllRows], groups: int, rounds: int = ROUNDS) -> np.ndarray:
    """Return the score (P, R) of each of P predictions in each of R rounds; a higher score is better.

    Each round draws groups with replacement, the same groups for all predictions. predictions: from
    `sums_of_predictions`. groups: the number of groups, which must all have at least one row. rounds: the number R,
    which is lowered if there are many groups or if the metric cannot be computed from sums.
    """
    if isinstance(predictions[0], AllRows):
        rounds = min(rounds, ROUNDS_OF_ROWS)
    rounds = min(rounds, max(FEWEST_ROUNDS, MOST_DRAWS // groups))
    return np.concatenate([[each.drawn(draws) for each in predictions] for draws in _draws(groups, rounds)], axis=1)


def _draws(groups: int, rounds: int) -> Iterator[np.ndarray]:
    """Yield arrays that say how many times each round draws each group.

    Each array has a row for each round and a column for each group, and holds as many rounds as fit into memory. All
    arrays together hold all rounds. The arrays are float32, because numpy multiplies whole numbers slowly. groups: the
    number of groups. rounds: the number of rounds.
    """
    rng, block = np.random.default_rng(SEED), max(1, DRAWN // groups)
    for first in range(0, rounds, block):
        size = min(block, rounds - first)
        yield rng.multinomial(groups, np.full(groups, 1 / groups), size=size).astype(np.float32)
