"""What a blend method is fitted to: the models' out-of-fold predictions and what is true.

Letters: M models, N rows, C classes.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from comp.competition import scoring
from comp.competition.competition import Competition
from comp.decisions.open_rows import OpenRows, half_of_groups
from comp.metrics.probability_metrics import of_truth

SUBSAMPLE_ROWS = 20_000  # at most: more make a subsample slower, not better
CELLS = 2_000_000  # probabilities of one model in a subsample, at most
SORTED_CELLS = 200_000  # the same for metrics of ranks, each of which sorts every column
LOSS_CELLS = 4_000_000  # probabilities of one model that a log loss of several labels is fitted to


@dataclass(frozen=True)
class Problem:
    """Predictions and labels. Where a line search is possible, open_rows is in place of a copy of the probabilities.

    true (M, N): probabilities of the true classes, for targets with one label, else None; labels: as the target has
    them; group (N,): the group of each row, numbered from 0; open_rows: what the most probable class depends on, for
    metrics of counts; probs (M, N, C): for all other metrics.
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
        """From probs (M, N, C)."""
        labels, group = np.asarray(labels), np.unique(groups, return_inverse=True)[1]
        true = None
        if competition.sums_to_one:
            true = np.stack([of_truth(labels, one) for one in probs]).astype(np.float64)
        if searchable(competition):
            return cls(len(probs), competition, labels, group, true, open_rows=OpenRows.of(list(probs), labels))
        return cls(len(probs), competition, labels, group, true, probs=probs)

    def take(self, rows: np.ndarray) -> "Problem":
        """Only these rows (bool (N,))."""
        true, open_rows, probs = self.true, self.open_rows, self.probs
        return Problem(
            self.models, self.competition, self.labels[rows], self.group[rows],
            None if true is None else true[:, rows],
            None if open_rows is None else open_rows.take(rows),
            None if probs is None else probs[:, rows],
        )  # fmt: skip

    @property
    def parts(self) -> np.ndarray:
        """Each model's part of a blend, (M, …): a weighted sum of them is what `score_of` scores."""
        return self.probs if self.open_rows is None else self.open_rows.values

    def score_of(self, blended: np.ndarray) -> float:
        """The metric of a blend, better up."""
        if self.open_rows is None:
            return scoring.score(self.competition, self.labels, blended)
        return self.open_rows.rows.score(self.competition.metric, blended)

    def likelihoods(self) -> np.ndarray:
        """Probabilities (M, n) float64 of what is true: of the true classes, or of each label's true state.

        Of several labels evenly spaced rows are taken where there are many.
        """
        if self.true is not None:
            return self.true
        step = max(1, self.probs[0].size // LOSS_CELLS)
        labels = self.labels[::step]
        return np.stack([of_truth(labels, one[::step]).ravel() for one in self.probs]).astype(np.float64)

    def values(self) -> np.ndarray:
        """Numbers (M, N) float64 that the models predict: the values, or the expected grades."""
        if self.competition.target == "regression":
            return self.probs[:, :, 0].astype(np.float64)
        return np.stack([scoring.expectation(one) for one in self.probs])

    def subsample(self, rng: np.random.Generator) -> "Problem":
        """A random half of the groups, or fewer where there are many rows."""
        cells = SORTED_CELLS if self.competition.metric.needs == "ranks" else CELLS
        rows = SUBSAMPLE_ROWS if self.probs is None else min(SUBSAMPLE_ROWS, max(1, cells // self.probs.shape[2]))
        return self.take(half_of_groups(self.group, rng, rows))

    def mean_of_subsamples(self, fit: Callable[["Problem"], np.ndarray], count: int, rng) -> np.ndarray:
        """Mean (M,) of the weights that `fit` finds on so many subsamples: steadier than the best on all rows."""
        return np.mean([fit(self.subsample(rng)) for _ in range(count)], axis=0)


def searchable(competition: Competition) -> bool:
    """Whether an exact line search over weights is possible: one class per row and a metric of counts."""
    metric = competition.metric
    return metric.decides(competition.target) == "class" and metric.terms is not None
