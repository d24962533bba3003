"""Cross-fitting. The classifier that predicts fold k is fitted, and its settings are chosen, without any row of fold k.

An inner cross-validation over the other folds chooses the value of the grid: for each fold j ≠ k, a classifier learns
from all folds except j and k and predicts fold j. The value whose predictions have the best score is taken. No group is
split by the inner cross-validation, because no group is split by the folds. A classifier that learns without the folds
j and k is used twice, for fold j and for fold k, so K folds need only K (K - 1) / 2 of these classifiers. If there are
two folds, the inner cross-validation splits the other fold into halves by groups.

scikit-learn's GridSearchCV would fit each of these classifiers twice and cannot score by prediction ids.

Letters: N rows, n rows of some folds, M test rows, C classes, V values of the grid.
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

FEWEST = 3  # the fewest folds that leave rows for each inner training
SMALLEST = 1e-7  # the smallest probability in the log loss


@dataclass(frozen=True)
class LearningRows:
    """The rows to learn from, and the test rows.

    values: what the classifier sees of the N rows. labels (N, …): the labels as competition/labels.py has them.
    folds (N,), groups (N,): the fold and the group of each row. test: what the classifier sees of the M test rows.
    ids (N,): the prediction id of each row, or None if no two rows share an id.
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
    """The predictions of the classifier for fold k, and the value of the grid that was chosen for this classifier.

    held_out (n, C): the predictions of the n rows of fold k, in the order of the rows. test (M, C): the predictions of
    the test rows.
    """

    k: int
    held_out: np.ndarray
    test: np.ndarray
    value: float


class CrossFitting:
    """The classifiers for all folds. seed: the seed of boosting and of the principal components."""

    def __init__(self, rows: LearningRows, settings: ClassifierSettings, seed: int):
        balanced = settings.class_weights == "balanced"
        self.rows, self.settings, self.seed = rows, settings, seed
        self.classifier = Classifier(settings.classifier, rows.competition, balanced, seed)
        self.parts = _parts(rows.folds, rows.groups)
        self._inner: dict[bytes, np.ndarray] = {}  # predictions (V, n, C) of left-out rows, by which rows are left out

    def fold(self, k: int) -> FoldResult:
        """Choose a value of the grid without fold k, fit on the other folds, and predict fold k and the test rows."""
        value, held_out = self.chosen_value(k), self.rows.folds == k
        others = _concatenated(self.rows.values.at(held_out), self.rows.test)
        probs = self._predictions(~held_out, others, (value,))[0]
        count = int(held_out.sum())
        return FoldResult(k, probs[:count], probs[count:], float(value))

    def chosen_value(self, k: int) -> float:
        """Return the value of the grid with the best inner score for fold k; the first value wins a tie."""
        grid, held_out = self.settings.grid, self.rows.folds == k
        if len(grid) == 1:
            return grid[0]
        probs = np.zeros((len(grid), len(held_out), self.rows.competition.size))
        for part in np.unique(self.parts[~held_out]):
            inner = (self.parts == part) & ~held_out
            left_out = inner | held_out
            if left_out.all():  # two folds, of which the other is a single group, leave no row to learn from
                return grid[0]
            probs[:, inner] = self._of_left_out(left_out)[:, inner[left_out]]
        others = np.flatnonzero(~held_out)
        return grid[int(np.argmax([self._score(of_value[others], others) for of_value in probs]))]

    def _of_left_out(self, left_out: np.ndarray) -> np.ndarray:
        """Return predictions (V, n, C) of n left-out rows, by classifiers that learn from all other rows.

        left_out (N,): whether each row is left out.
        """
        key = np.packbits(left_out).tobytes()
        if key not in self._inner:
            self._inner[key] = self._predictions(~left_out, self.rows.values.at(left_out), self.settings.grid)
        return self._inner[key]

    def _predictions(self, train: np.ndarray, others: RowValues, grid: Sequence[float]) -> np.ndarray:
        """Return predictions (V, n, C) of n rows `others`, by classifiers that learn from the training rows.

        train (N,): whether each row is a training row.
        """
        values, labels = self.rows.values.at(train), self.rows.labels[train]
        prepared = Preparation(self.settings.components, self.seed).fit(values)
        return self.classifier.predictions(grid, prepared.transform(values), labels, prepared.transform(others))

    def _score(self, probs: np.ndarray, rows: np.ndarray) -> float:
        """Return the competition's metric of some rows, or minus their mean loss; higher is better.

        probs: the predictions of these rows. rows: their positions.
        """
        competition, labels = self.rows.competition, self.rows.labels[rows]
        ids = None if self.rows.ids is None else self.rows.ids[rows]
        if self.settings.best_by == "metric":
            return scoring.score(competition, *scored_rows.scored_ids(competition, labels, probs, ids))
        return -_mean_loss(competition, labels, probs)


def _concatenated(first: RowValues, second: RowValues) -> RowValues:
    columns = pd.concat([first.columns, second.columns], ignore_index=True)
    return dataclasses.replace(first, vectors=np.concatenate([first.vectors, second.vectors]), columns=columns)


def _mean_loss(competition: Competition, labels: np.ndarray, probs: np.ndarray) -> float:
    """Return the mean squared error if the target is a regression, else the mean log loss over rows and labels."""
    if competition.target == "regression":
        return float(np.square(labels - probs[:, 0]).mean())
    if competition.target == "multilabel":
        chances = np.where(labels == 1, probs, 1 - probs)
    else:
        chances = probs[np.arange(len(labels)), labels]
    return float(-np.log(chances.clip(SMALLEST)).mean())


def _parts(folds: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Return the part (N,) int that each row belongs to. The inner cross-validation leaves out one part at a time.

    The parts are the folds or, if there are only two folds, the halves of the folds.
    """
    if folds.max() + 1 >= FEWEST:
        return folds
    halves = np.zeros(len(folds), int)
    for k in np.unique(folds):
        inside = folds == k
        halves[inside] = np.unique(groups[inside], return_inverse=True)[1] % 2
    return folds * 2 + halves
