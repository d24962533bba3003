"""Cross-fitting: the classifier that predicts fold k, and its settings, are chosen without any row of fold k.

The value of the grid is chosen by an inner cross-validation over the other folds, which keep groups together as all
folds do: for each fold j ≠ k a classifier of the folds beside j and k predicts fold j, and the value with the best
score of these predictions is taken. The classifier of the folds beside j and k serves the inner validation of k and of
j, so K folds need K (K - 1) / 2 of them and not twice as many. With two folds the other fold is halved by groups.

Letters: N rows, M test rows, C classes, V values of the grid.
"""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from comp.competition import scored_rows, scoring
from comp.competition.competition import Competition
from comp.tabular.classifiers import Classifier, ClassifierSettings
from comp.tabular.row_values import Preparation, RowValues

FEWEST = 3  # folds, with which each inner training has rows


@dataclass(frozen=True)
class LearningRows:
    """The rows to learn from, and those of the test.

    values, labels (N, …), folds (N,) int, groups (N,); ids (N,): prediction ids, where several rows share one; test:
    the values of the M test rows.
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
    """Predictions of fold k: held out (n, C) in the order of the rows, of the test rows (M, C); the chosen value."""

    k: int
    held_out: np.ndarray
    test: np.ndarray
    value: float


class CrossFitting:
    """The classifiers of all folds. seed: of boosting and principal components."""

    def __init__(self, rows: LearningRows, settings: ClassifierSettings, seed: int):
        balanced = settings.class_weights == "balanced"
        self.rows, self.settings, self.seed = rows, settings, seed
        self.classifier = Classifier(settings.classifier, rows.competition, balanced, seed)
        self.parts = _parts(rows.folds, rows.groups)
        self._inner: dict[bytes, np.ndarray] = {}  # rows left out: predictions (V, left out, C)

    def folds(self, numbers: list[int]) -> Iterator[FoldResult]:
        """The results of these folds, one by one."""
        for k in numbers:
            yield self.fold(k)

    def fold(self, k: int) -> FoldResult:
        """Choose a value without fold k, fit on the other folds, and predict fold k and the test rows."""
        value, held_out = self.chosen(k), self.rows.folds == k
        others = self._joined(self.rows.values.at(held_out), self.rows.test)
        made = self._predicted(~held_out, others, (value,))[0]
        count = int(held_out.sum())
        return FoldResult(k, made[:count], made[count:], float(value))

    def chosen(self, k: int) -> float:
        """The value of the grid with the best inner score for fold k; the first of equals."""
        grid = self.settings.grid
        if len(grid) == 1:
            return grid[0]
        inside = np.flatnonzero(self.rows.folds != k)
        made = np.zeros((len(grid), len(self.rows.folds), self.rows.competition.size))
        for part in np.unique(self.parts[inside]):
            inner = (self.parts == part) & (self.rows.folds != k)
            left_out = inner | (self.rows.folds == k)
            if left_out.all():  # two folds, the other of one group: nothing to compare by
                return grid[0]
            made[:, inner] = self._of_left_out(left_out)[:, inner[left_out]]
        return grid[int(np.argmax([self._score(one[inside], inside) for one in made]))]

    def _of_left_out(self, left_out: np.ndarray) -> np.ndarray:
        """Predictions (V, n, C) of the n rows that are left out, for each value of the grid."""
        key = np.packbits(left_out).tobytes()
        if key not in self._inner:
            self._inner[key] = self._predicted(~left_out, self.rows.values.at(left_out), self.settings.grid)
        return self._inner[key]

    def _predicted(self, train: np.ndarray, others: RowValues, grid) -> np.ndarray:
        """Predictions (V, M, C) of other rows by classifiers of the training rows ((N,) bool)."""
        values, labels = self.rows.values.at(train), self.rows.labels[train]
        prepared = Preparation(self.settings.components, self.seed).fit(values)
        x, z = prepared.transform(values), prepared.transform(others)
        return self.classifier.predictions(grid, x, labels, z)

    def _score(self, probs: np.ndarray, rows: np.ndarray) -> float:
        """Higher is better: the competition's metric of some rows, or their mean loss with its sign turned."""
        competition, labels = self.rows.competition, self.rows.labels[rows]
        ids = None if self.rows.ids is None else self.rows.ids[rows]
        if self.settings.best_by == "metric":
            return scoring.score(competition, *scored_rows.scored_ids(competition, labels, probs, ids))
        return -_loss(competition, labels, probs)

    @staticmethod
    def _joined(first: RowValues, second: RowValues) -> RowValues:
        columns = pd.concat([first.columns, second.columns], ignore_index=True)
        return dataclasses.replace(first, vectors=np.concatenate([first.vectors, second.vectors]), columns=columns)


def _loss(competition: Competition, labels: np.ndarray, probs: np.ndarray) -> float:
    """Mean squared error of numbers, log loss of one label, mean log loss over labels."""
    if competition.target == "regression":
        return float(np.square(labels - probs[:, 0]).mean())
    if competition.target == "multilabel":
        return float(-np.log(np.where(labels == 1, probs, 1 - probs).clip(1e-7)).mean())
    return float(-np.log(probs[np.arange(len(labels)), labels].clip(1e-7)).mean())


def _parts(folds: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Numbers (N,) of the parts that the inner validation leaves out: the folds, or with two of them their halves."""
    if folds.max() + 1 >= FEWEST:
        return folds
    halves = np.zeros(len(folds), int)
    for k in np.unique(folds):
        inside = folds == k
        halves[inside] = np.unique(groups[inside], return_inverse=True)[1] % 2
    return folds * 2 + halves
