"""Estimate the uncertainty of scores by a bootstrap over groups (Efron 1979).

Whole groups are drawn, because the rows of one group are not independent. Everything that the metric needs is first
summed over the rows of each group, so that the rounds of the bootstrap need not go through the rows. Metrics that
cannot be computed from sums, such as AUC, go through the rows and get fewer rounds.

Letters in the shapes: N rows, C classes, P predictions of the same rows, G groups, R rounds of the bootstrap, S
quantities that a metric computes for each row.
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
    """The sums over the rows of each group from which a metric can be computed, for one prediction of the rows.

    tables: arrays or sparse matrices with one row for each of G groups. If the metric is computed from counts
    (Metric.terms), there are three tables (G, C): the number of true positives, of predictions and of labels of each
    class. For micro averages and accuracy (Metric.summable), these are summed over the classes, (G, 1). If the metric
    is computed from means of S quantities of each row (Metric.rows), there are two tables: the sums of these quantities
    (G, S) and the number of rows (G, 1). GroupSums of different rows can be added with +.
    """

    metric: Metric
    tables: tuple

    def __add__(self, other: "GroupSums") -> "GroupSums":
        return GroupSums(self.metric, tuple(a + b for a, b in zip(self.tables, other.tables, strict=True)))

    def of_groups(self, groups: np.ndarray) -> "GroupSums":
        """Return a copy with only some of the groups.

        groups: the numbers of the groups to keep, or a bool array (G,), True for each group to keep.
        """
        return GroupSums(self.metric, tuple(table[groups] for table in self.tables))

    def score(self) -> float:
        """Return the score over all rows. A higher score is better."""
        sums = [np.asarray(table.sum(0, dtype=np.float64)).reshape(1, -1) for table in self.tables]
        return float(self._value(sums)[0])

    def drawn(self, draws: np.ndarray) -> np.ndarray:
        """Return the score (R,) in each of R rounds of a bootstrap. A higher score is better.

        draws (R, G): how many times each round draws each of G groups.
        """
        return self._value([draws @ table for table in self.tables])

    def _value(self, sums: list[np.ndarray]) -> np.ndarray:
        if self.metric.terms:
            return self.metric.shown(self.metric.of_counts(*sums))
        quantities, rows = sums
        return self.metric.shown(self.metric.of_means(quantities / rows))


@dataclass(frozen=True)
class AllRows:
    """The labels and one prediction of all rows, for metrics that cannot be computed from sums, such as AUC.

    labels: the true labels, as (N,) or, for multilabel data, as (N, C) of 0 and 1. predictions: in the form that the
    metric takes. group (N,): the number of each row's group.
    """

    metric: Metric
    labels: np.ndarray
    predictions: np.ndarray
    group: np.ndarray

    def __add__(self, other: "AllRows") -> "AllRows":
        parts = ("labels", "predictions", "group")
        return AllRows(self.metric, *(np.concatenate([getattr(self, p), getattr(other, p)]) for p in parts))

    def of_groups(self, groups: np.ndarray) -> "AllRows":
        """Return a copy with only some of the groups, which are numbered again from 0.

        groups: the sorted old numbers of the groups to keep.
        """
        place = np.searchsorted(groups, self.group).clip(max=len(groups) - 1)
        kept = groups[place] == self.group
        return AllRows(self.metric, self.labels[kept], self.predictions[kept], place[kept])

    def score(self) -> float:
        """Return the score over all rows. A higher score is better."""
        return self.metric.score(self.labels, self.predictions)

    def drawn(self, draws: np.ndarray) -> np.ndarray:
        """Return the score (R,) in each of R rounds of a bootstrap. A higher score is better.

        draws (R, G): how many times each round draws each of G groups.
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
    """Prepare several predictions of the same rows for the bootstrap. Return a GroupSums for each of them.

    If the metric cannot be computed from sums, return an AllRows for each of them instead. labels: the true labels, as
    (N,) or, for multilabel data, as (N, C) of 0 and 1. group (N,): the number of each row's group. groups: the number
    of groups. predictions: each in the form that the metric takes (see scoring.predictions).
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
    """Return the true positives, in a form that `_table_of_sums` can count.

    If each row has one class, return (N,) with the class where the prediction is right, and -1 where it is wrong. For
    multilabel data, return a bool array (N, C), which is True for each label that is both predicted and present.
    """
    if labels.ndim == 2:
        return labels.astype(bool, copy=False) & answers.astype(bool, copy=False)
    return np.where(labels == answers, labels, -1)


def _table_of_sums(group: np.ndarray, classes: np.ndarray, groups: int, size: int, metric: Metric):
    """Return a table (G, C) float32 with the number of rows of each class in each group.

    If the metric needs only the sum over the classes (Metric.summable), the table is (G, 1). A large table is a sparse
    matrix. group (N,): the number of each row's group. classes: the class of each row (N,), where a negative number
    means no class; or (N, C) of 0 and 1. groups: the number G of groups. size: the number C of classes.
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
    """Return the sums (G, S) of S quantities over the rows of each group.

    group (N,): the number of each row's group. quantities (N, S): their values for each row. groups: the number G of
    groups.
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
    """Return the score (P, R) of each of P predictions in each of R rounds of a bootstrap. A higher score is better.

    Each round draws groups with replacement, the same groups for all predictions. predictions: from
    `sums_of_predictions`. groups: the number of groups, each of which must have a row. rounds: the number R of rounds.
    There are fewer rounds if there are very many groups, or if the metric cannot be computed from sums.
    """
    if isinstance(predictions[0], AllRows):
        rounds = min(rounds, ROUNDS_OF_ROWS)
    rounds = min(rounds, max(FEWEST_ROUNDS, MOST_DRAWS // groups))
    return np.concatenate([[each.drawn(draws) for each in predictions] for draws in _draws(groups, rounds)], axis=1)


def _draws(groups: int, rounds: int) -> Iterator[np.ndarray]:
    """Yield arrays that say how many times each round draws each group, with rounds as rows and groups as columns.

    Each array has as many rounds as fit into memory. All arrays together have all rounds. groups: the number of groups.
    rounds: the number of rounds.
    """
    rng, block = np.random.default_rng(SEED), max(1, DRAWN // groups)
    for first in range(0, rounds, block):
        size = min(block, rounds - first)
        yield rng.multinomial(groups, np.full(groups, 1 / groups), size=size).astype(np.float32)
