"""The data for the fit of a blend method: the out-of-fold predictions of the models, and the labels.

Letters: M models, N rows, C classes.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from comp.blending.line_search import OpenRows
from comp.competition import scoring
from comp.competition.competition import Competition
from comp.decisions.offsets import half_of_groups
from comp.metrics.formulas import of_truth

SUBSAMPLE_ROWS = 20_000  # most rows of a subsample; more rows take longer and give no better weights
CELLS = 2_000_000  # most probabilities of a model in a subsample
SORTED_CELLS = 200_000  # most probabilities of a model in a subsample for metrics of ranks, which sort every column
LOSS_CELLS = 4_000_000  # most probabilities of a model for the log loss of several labels


@dataclass(frozen=True)
class Problem:
    """The predictions of M models and the labels. If a line search is possible, open_rows is stored instead of probs.

    labels: in the form of the target. group (N,): the group of each row, numbered from 0. true (M, N): the
    probabilities of the true classes if each row has one class, else None. open_rows: the predictions if a line search
    is possible (line_search.py), else None. probs (M, N, C): the predictions if no line search is possible, else None.
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
        """Make the problem of probs (M, N, C). groups (N,): the name of each row's group."""
        labels, group = np.asarray(labels), np.unique(groups, return_inverse=True)[1]
        true = None
        if competition.sums_to_one:
            true = np.stack([of_truth(labels, model) for model in probs]).astype(np.float64)
        if searchable(competition):
            return cls(len(probs), competition, labels, group, true, open_rows=OpenRows.of(list(probs), labels))
        return cls(len(probs), competition, labels, group, true, probs=probs)

    def take(self, rows: np.ndarray) -> "Problem":
        """The problem of only some rows. rows (N,) bool: whether a row is kept."""
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
        """The array (M, …) with one part for each model; `score_of` takes a weighted sum of the parts."""
        return self.probs if self.open_rows is None else self.open_rows.values

    def score_of(self, blended: np.ndarray) -> float:
        """The score of a blend, which is a weighted sum of `parts`. A higher score is better."""
        if self.open_rows is None:
            return scoring.score(self.competition, self.labels, blended)
        return self.open_rows.rows.score(self.competition.metric, blended)

    def likelihoods(self) -> np.ndarray:
        """The probabilities (M, N) float64 of the true classes.

        With several labels, return the probabilities (M, n) of the true state (present or absent) of each label in each
        row, flattened to n values. If there are many rows, only evenly spaced rows are used.
        """
        if self.true is not None:
            return self.true
        step = max(1, self.probs[0].size // LOSS_CELLS)
        labels = self.labels[::step]
        return np.stack([of_truth(labels, model[::step]).ravel() for model in self.probs]).astype(np.float64)

    def values(self) -> np.ndarray:
        """The predicted numbers (M, N) float64: the values of a regression, or the expected grades."""
        if self.competition.target == "regression":
            return self.probs[:, :, 0].astype(np.float64)
        return np.stack([scoring.expectation(model) for model in self.probs])

    def subsample(self, rng: np.random.Generator) -> "Problem":
        """The problem of a random half of the groups, or of fewer groups if half of them have too many rows."""
        cells = SORTED_CELLS if self.competition.metric.needs == "ranks" else CELLS
        rows = SUBSAMPLE_ROWS if self.probs is None else min(SUBSAMPLE_ROWS, max(1, cells // self.probs.shape[2]))
        return self.take(half_of_groups(self.group, rng, rows))

    def mean_of_subsamples(self, fit: Callable[["Problem"], np.ndarray], count: int, rng) -> np.ndarray:
        """The mean (M,) of the weights that `fit` finds on `count` subsamples.

        The mean is more stable than a single fit on all rows.
        """
        return np.mean([fit(self.subsample(rng)) for _ in range(count)], axis=0)


def searchable(competition: Competition) -> bool:
    """Return whether an exact line search over weights is possible.

    It needs a metric that is computed from counts and one answered class for each row.
    """
    metric = competition.metric
    return metric.decides(competition.target) == "class" and metric.terms is not None
