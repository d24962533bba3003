"""Cross-fitting: the classifier that predicts fold k, and its settings, are chosen without any row of fold k.

An inner cross-validation over the other folds chooses the value of the grid. It keeps groups together, as all folds do:
for each fold j ≠ k a classifier predicts fold j and learns from all folds except j and k. The value with the best score
of these predictions is taken. The classifier without the folds j and k serves the inner validation of both, so K folds
need K (K - 1) / 2 of them and not twice as many. With two folds, the other fold is halved by groups.

scikit-learn's GridSearchCV would fit each of these classifiers twice, and does not score by prediction ids.

Letters: N rows, M test rows, C classes, V values of the grid.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from comp.competition import scored_rows, scoring
from comp.competition.competition import Competition
from comp.tabular.classifiers import Classifier, ClassifierSettings
from comp.tabular.row_values import Preparation, RowValues

FEWEST = 3  # folds, so that each inner training has rows
SMALLEST = 1e-7  # a probability in the log loss


@dataclass(frozen=True)
class LearningRows:
    """The rows to learn from, and those of the test.

    values: what the classifier sees of the N rows; labels (N, …) as the target has them; folds (N,) int; groups (N,).
    ids (N,): prediction ids, if several rows share one. test: the values of the M test rows.
    """

    competition: Competition
    values: RowValues
    labels: np.ndarray
    folds: np.ndarray
    groups: np.ndarray
    test: RowValues
    ids: np.ndarray | None = None


@dataclass(frozen=True)
class FoldResult:
    """The predictions of the classifier of fold k, and the value of the grid that was chosen for it.

    held_out: (n, C), of the n rows of fold k in their order; test: (M, C).
    """

    k: int
    held_out: np.ndarray
    test: np.ndarray
    value: float


class CrossFitting:
    """The classifiers of all folds. seed: the seed of boosting and of principal components."""

    def __init__(self, rows: LearningRows, settings: ClassifierSettings, seed: int):
        balanced = settings.class_weights == "balanced"
        self.rows, self.settings, self.seed = rows, settings, seed
        self.classifier = Classifier(settings.classifier, rows.competition, balanced, seed)
        self.parts = _parts(rows.folds, rows.groups)
        self._inner: dict[bytes, np.ndarray] = {}  # which rows are left out: their predictions (V, n, C)

    def fold(self, k: int) -> FoldResult:
        """Choose a value without fold k, fit on the other folds, and predict fold k and the test rows."""
        value, held_out = self.chosen_value(k), self.rows.folds == k
        others = _concatenated(self.rows.values.at(held_out), self.rows.test)
        probs = self._predictions(~held_out, others, (value,))[0]
        count = int(held_out.sum())
        return FoldResult(k, probs[:count], probs[count:], float(value))

    def chosen_value(self, k: int) -> float:
        """The value of the grid with the best inner score for fold k; the first of equals."""
        grid, held_out = self.settings.grid, self.rows.folds == k
        if len(grid) == 1:
            return grid[0]
        probs = np.zeros((len(grid), len(held_out), self.rows.competition.size))
        for part in np.unique(self.parts[~held_out]):
            inner = (self.parts == part) & ~held_out
            left_out = inner | held_out
            if left_out.all():  # there are two folds, and the other one is a single group: no row is left to learn from
                return grid[0]
            probs[:, inner] = self._of_left_out(left_out)[:, inner[left_out]]
        others = np.flatnonzero(~held_out)
        return grid[int(np.argmax([self._score(of_value[others], others) for of_value in probs]))]

    def _of_left_out(self, left_out: np.ndarray) -> np.ndarray:
        """Predictions (V, n, C) of the n rows that are left out ((N,) bool), for each value of the grid."""
        key = np.packbits(left_out).tobytes()
        if key not in self._inner:
            self._inner[key] = self._predictions(~left_out, self.rows.values.at(left_out), self.settings.grid)
        return self._inner[key]

    def _predictions(self, train: np.ndarray, others: RowValues, grid: Sequence[float]) -> np.ndarray:
        """Predictions (V, n, C) of n other rows by classifiers that learn from the training rows ((N,) bool)."""
        values, labels = self.rows.values.at(train), self.rows.labels[train]
        prepared = Preparation(self.settings.components, self.seed).fit(values)
        return self.classifier.predictions(grid, prepared.transform(values), labels, prepared.transform(others))

    def _score(self, probs: np.ndarray, rows: np.ndarray) -> float:
        """The competition's metric of some rows, or minus their mean loss; higher is better."""
        competition, labels = self.rows.competition, self.rows.labels[rows]
        ids = None if self.rows.ids is None else self.rows.ids[rows]
        if self.settings.best_by == "metric":
            return scoring.score(competition, *scored_rows.scored_ids(competition, labels, probs, ids))
        return -_mean_loss(competition, labels, probs)


def _concatenated(first: RowValues, second: RowValues) -> RowValues:
    columns = pd.concat([first.columns, second.columns], ignore_index=True)
    return dataclasses.replace(first, vectors=np.concatenate([first.vectors, second.vectors]), columns=columns)


def _mean_loss(competition: Competition, labels: np.ndarray, probs: np.ndarray) -> float:
    """Squared error of numbers, log loss of one label, or log loss of each of several labels, as a mean."""
    if competition.target == "regression":
        return float(np.square(labels - probs[:, 0]).mean())
    if competition.target == "multilabel":
        chances = np.where(labels == 1, probs, 1 - probs)
    else:
        chances = probs[np.arange(len(labels)), labels]
    return float(-np.log(chances.clip(SMALLEST)).mean())


def _parts(folds: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """The part (N,) int of each row that the inner validation leaves out: its fold, or half of it if there are two."""
    if folds.max() + 1 >= FEWEST:
        return folds
    halves = np.zeros(len(folds), int)
    for k in np.unique(folds):
        inside = folds == k
        halves[inside] = np.unique(groups[inside], return_inverse=True)[1] % 2
    return folds * 2 + halves
