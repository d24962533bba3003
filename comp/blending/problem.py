"""Hold the data to which blend weights are fitted: the out-of-fold predictions of several models, and the labels.

Letters in the shapes: M models, N rows, C classes.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from comp.blending.line_search import OpenRows
from comp.competition import scoring
from comp.competition.competition import Competition
from comp.decisions.offsets import half_of_groups
from comp.metrics.formulas import of_truth

SUBSAMPLE_ROWS = 20_000  # largest number of rows in a subsample; more rows give no better weights
CELLS = 2_000_000  # largest number of probabilities of each model in a subsample
SORTED_CELLS = 200_000  # replaces CELLS for metrics of ranks, which are slow because they sort every column
LOSS_CELLS = 4_000_000  # largest number of probabilities of each model in the log loss of several labels


@dataclass(frozen=True)
class Problem:
    """The predictions of several models, and the labels to which a blend method fits one weight for each model.

    models: the number M of models. labels: the true labels, as (N,) or, for multilabel data, as (N, C) of 0 and 1.
    group (N,): the number of each row's group, from 0. true (M, N): the probability that each model gives to the true
    class of each row; None if the rows do not have exactly one class. open_rows: the predictions, prepared for the
    exact search of line_search.py; None if this search is not possible. probs (M, N, C): the predictions; None if
    `open_rows` has them.
    """

    models: int
    competition: Competition
    labels: np.ndarray
    group: np.ndarray
    true: np.ndarray | None = None
    open_rows: OpenRows | None = None
    probs: np.ndarray | None = None

    @classmethod
    def of(cls, probs: np.ndarray, labels: np.ndarray, groups: np.ndarray, competition: Competition) -> "Problem":
        """Return the Problem for the predictions of several models and the labels.

        probs (M, N, C): the predictions of M models for the same N rows. labels: the true labels, as (N,) or, for
        multilabel data, as (N, C) of 0 and 1. groups (N,): the name of each row's group.
        """
        labels, group = np.asarray(labels), np.unique(groups, return_inverse=True)[1]
        true = None
        if competition.sums_to_one:
            true = np.stack([of_truth(labels, model) for model in probs]).astype(np.float64)
        if searchable(competition):
            return cls(len(probs), competition, labels, group, true, open_rows=OpenRows.of(list(probs), labels))
        return cls(len(probs), competition, labels, group, true, probs=probs)

    def take(self, rows: np.ndarray) -> "Problem":
        """Return a copy with only some of the rows. rows: a bool array (N,), True for each row to keep."""
        true, open_rows, probs = self.true, self.open_rows, self.probs
        return replace(
            self,
            labels=self.labels[rows],
            group=self.group[rows],
            true=None if true is None else true[:, rows],
            open_rows=None if open_rows is None else open_rows.take(rows),
            probs=None if probs is None else probs[:, rows],
        )

    @property
    def parts(self) -> np.ndarray:
        """Return the predictions as an array with one entry for each model. A blend is a weighted sum of these entries.

        The shape is (M, N, C) or, if `open_rows` is not None, that of `open_rows.values`.
        """
        return self.probs if self.open_rows is None else self.open_rows.values

    def score_of(self, blended: np.ndarray) -> float:
        """Return the score of a blend, which is a weighted sum of the entries of `parts`. A higher score is better."""
        if self.open_rows is None:
            return scoring.score(self.competition, self.labels, blended)
        return self.open_rows.rows.score(self.competition.metric, blended)

    def likelihoods(self) -> np.ndarray:
        """Return the probability (M, N) float64 that each of M models gives to the true class of each row.

        For multilabel data, return (M, n) instead, with n probabilities for each model: for each label of each row, the
        predicted probability that it is present (if it is) or absent (if it is not). If there are very many rows, only
        evenly spaced rows are used.
        """
        if self.true is not None:
            return self.true
        step = max(1, self.probs[0].size // LOSS_CELLS)
        labels = self.labels[::step]
        return np.stack([of_truth(labels, model[::step]).ravel() for model in self.probs]).astype(np.float64)

    def values(self) -> np.ndarray:
        """Return the number (M, N) float64 that each of M models predicts for each row.

        For a regression, this is the predicted value; for grades, it is the expected value of the grade.
        """
        return np.stack([scoring.numbers(self.competition, model) for model in self.probs]).astype(np.float64)

    def subsample(self, rng: np.random.Generator) -> "Problem":
        """Return a copy with a random half of the groups, or with fewer groups if this half has too many rows."""
        cells = SORTED_CELLS if self.competition.metric.needs == "ranks" else CELLS
        rows = SUBSAMPLE_ROWS if self.probs is None else min(SUBSAMPLE_ROWS, max(1, cells // self.probs.shape[2]))
        return self.take(half_of_groups(self.group, rng, rows))

    def mean_of_subsamples(self, fit: Callable[["Problem"], np.ndarray], count: int, rng) -> np.ndarray:
        """Return the mean (M,) of the weights that `fit` finds on `count` random subsamples of the groups.

        This mean is more stable than the weights of a single fit on all rows. fit: a function that takes a Problem and
        returns the weight (M,) of each model. rng: a random number generator.
        """
        return np.mean([fit(self.subsample(rng)) for _ in range(count)], axis=0)


def searchable(competition: Competition) -> bool:
    """Return whether the exact search of line_search.py can fit blend weights.

    It can if the metric takes exactly one class for each row and is computed from counts of each class.
    """
    metric = competition.metric
    return competition.decides(metric) == "class" and metric.terms is not None
