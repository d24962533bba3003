"""Hold the data to which blend weights are fitted: the out-of-fold predictions of the models, and the labels.

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

    models: the number M of models. labels: the true labels, as (N,) or, for several labels in each row, as (N, C) of 0
    and 1. group (N,): the number of each row's group, from 0. true (M, N): the probability that each model gives to the
    true class of each row, or None if the rows do not have exactly one class. open_rows: the predictions in the form
    for an exact line search (line_search.py), or None if such a search is not possible. probs (M, N, C): the
    predictions of the models, or None if open_rows holds the predictions.
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
        """Return a Problem that holds the predictions of several models and the labels.

        probs (M, N, C): the predictions of M models for the same N rows. labels: the true labels, as (N,) or (N, C).
        groups (N,): the name of each row's group.
        """
        labels, group = np.asarray(labels), np.unique(groups, return_inverse=True)[1]
        true = None
        if competition.sums_to_one:
            true = np.stack([of_truth(labels, model) for model in probs]).astype(np.float64)
        if searchable(competition):
            return cls(len(probs), competition, labels, group, true, open_rows=OpenRows.of(list(probs), labels))
        return cls(len(probs), competition, labels, group, true, probs=probs)

    def take(self, rows: np.ndarray) -> "Problem":
        """Return the Problem with only some of the rows. rows (N,) bool: True for each row to keep."""
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
        """Return the predictions as an array (M, …), which has one entry for each model.

        A blend is a weighted sum of these M entries.
        """
        return self.probs if self.open_rows is None else self.open_rows.values

    def score_of(self, blended: np.ndarray) -> float:
        """Return the metric's score of a blend; a higher score is better.

        blended: a weighted sum of the M entries of `parts`.
        """
        if self.open_rows is None:
            return scoring.score(self.competition, self.labels, blended)
        return self.open_rows.rows.score(self.competition.metric, blended)

    def likelihoods(self) -> np.ndarray:
        """Return the probability (M, N) float64 that each model gives to the true class of each row.

        With several labels in each row, return an array (M, n) instead. It has n values for each model, which are the
        probabilities of the true state (present or absent) of each label in each row. If there are very many rows, it
        has only the values of evenly spaced rows.
        """
        if self.true is not None:
            return self.true
        step = max(1, self.probs[0].size // LOSS_CELLS)
        labels = self.labels[::step]
        return np.stack([of_truth(labels, model[::step]).ravel() for model in self.probs]).astype(np.float64)

    def values(self) -> np.ndarray:
        """Return the number (M, N) float64 that each model predicts for each row.

        The number is the value of a regression or, for a metric of grades, the expected grade.
        """
        if self.competition.target == "regression":
            return self.probs[:, :, 0].astype(np.float64)
        return np.stack([scoring.expectation(model) for model in self.probs])

    def subsample(self, rng: np.random.Generator) -> "Problem":
        """Return the Problem with a random half of the groups, or with fewer groups if this half has too many rows."""
        cells = SORTED_CELLS if self.competition.metric.needs == "ranks" else CELLS
        rows = SUBSAMPLE_ROWS if self.probs is None else min(SUBSAMPLE_ROWS, max(1, cells // self.probs.shape[2]))
        return self.take(half_of_groups(self.group, rng, rows))

    def mean_of_subsamples(self, fit: Callable[["Problem"], np.ndarray], count: int, rng) -> np.ndarray:
        """Return the mean (M,) of the weights that `fit` finds on `count` random subsamples of the groups.

        fit: a function that returns weights (M,) for a Problem. rng: the random number generator. The mean is more
        stable than the weights of a single fit on all rows.
        """
        return np.mean([fit(self.subsample(rng)) for _ in range(count)], axis=0)


def searchable(competition: Competition) -> bool:
    """Return whether an exact line search over blend weights is possible.

    The search is possible if the metric is computed from counts of each class and takes exactly one class for each row.
    """
    metric = competition.metric
    return metric.decides(competition.target) == "class" and metric.terms is not None
