"""Predict each fold with a classifier that is fitted, and whose settings are chosen, without any row of this fold.

The classifier has one setting of which several values are tried; these values are called the grid. For fold k, an inner
cross-validation over the other folds chooses one value of the grid: for each fold j ≠ k, a classifier learns from all
folds except j and k and predicts fold j. The value with the best score of these predictions is chosen. The folds split
no group, so the inner cross-validation splits none either. A classifier that learns without the folds j and k is used
twice, for fold j and for fold k, so K folds need only K (K - 1) / 2 of these classifiers. If there are only two folds,
the inner cross-validation splits the fold that is not k into two halves, and keeps each group in one half.

scikit-learn's GridSearchCV is not used: it would fit each of these classifiers twice, and it cannot score predictions
of several photos that share one prediction id.

Letters in the shapes: N rows, n rows of some folds, M test rows, C classes, V values of the grid.
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

FEWEST = 3  # with fewer folds, leaving out fold k and another fold would leave no rows to learn from
SMALLEST = 1e-7  # the smallest probability in the log loss


@dataclass(frozen=True)
class LearningRows:
    """The N rows that classifiers learn from, and the M test rows.

    values, test: the input of the classifier for the N rows and for the test rows. labels (N, …): the labels, in the
    form that competition/labels.py explains. folds (N,), groups (N,): the fold and the group of each row. ids (N,): the
    prediction id of each row, or None if no two rows share an id.
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
    """The predictions of the classifier that did not learn from fold k.

    held_out (n, C): the predictions for the n rows of fold k, in the order of the rows. test (M, C): the predictions
    for the test rows. value: the value of the grid that was chosen for this classifier.
    """

    k: int
    held_out: np.ndarray
    test: np.ndarray
    value: float


class CrossFitting:
    """Fits one classifier for each fold, on the rows of the other folds.

    seed: the random seed of boosting and of the principal components.
    """

    def __init__(self, rows: LearningRows, settings: ClassifierSettings, seed: int):
        balanced = settings.class_weights == "balanced"
        self.rows, self.settings, self.seed = rows, settings, seed
        self.classifier = Classifier(settings.classifier, rows.competition, balanced, seed)
        self.parts = _parts(rows.folds, rows.groups)
        self._inner: dict[bytes, np.ndarray] = {}  # key: which rows are left out; value: their predictions (V, n, C)

    def fold(self, k: int) -> FoldResult:
        """Choose a value of the grid and fit a classifier, both without fold k. Predict fold k and the test rows."""
        value, held_out = self.chosen_value(k), self.rows.folds == k
        others = _concatenated(self.rows.values.at(held_out), self.rows.test)
        probs = self._predictions(~held_out, others, (value,))[0]
        count = int(held_out.sum())
        return FoldResult(k, probs[:count], probs[count:], float(value))

    def chosen_value(self, k: int) -> float:
        """Return the value of the grid that has the best score in a cross-validation over all folds except k.

        The first value wins a tie.
        """
        grid, held_out = self.settings.grid, self.rows.folds == k
        if len(grid) == 1:
            return grid[0]
        probs = np.zeros((len(grid), len(held_out), self.rows.competition.size))
        for part in np.unique(self.parts[~held_out]):
            inner = (self.parts == part) & ~held_out
            left_out = inner | held_out
            if left_out.all():  # there is only one other fold, and it is a single group: no row is left to learn from
                return grid[0]
            probs[:, inner] = self._of_left_out(left_out)[:, inner[left_out]]
        others = np.flatnonzero(~held_out)
        return grid[int(np.argmax([self._score(of_value[others], others) for of_value in probs]))]

    def _of_left_out(self, left_out: np.ndarray) -> np.ndarray:
        """Predict the n rows that are left out, with classifiers that learn from all other rows.

        Returns predictions (V, n, C), from one classifier for each of the V values of the grid. left_out (N,) bool:
        whether each of the N rows is left out.
        """
        key = np.packbits(left_out).tobytes()
        if key not in self._inner:
            self._inner[key] = self._predictions(~left_out, self.rows.values.at(left_out), self.settings.grid)
        return self._inner[key]

    def _predictions(self, train: np.ndarray, others: RowValues, grid: Sequence[float]) -> np.ndarray:
        """Fit a classifier for each of the V values of the grid, and predict the n rows `others`.

        Returns predictions (V, n, C). train (N,) bool: whether each of the N rows is a training row.
        """
        values, labels = self.rows.values.at(train), self.rows.labels[train]
        prepared = Preparation(self.settings.components, self.seed).fit(values)
        return self.classifier.predictions(grid, prepared.transform(values), labels, prepared.transform(others))

    def _score(self, probs: np.ndarray, rows: np.ndarray) -> float:
        """Return the score of predictions for some rows; a higher score is better.

        The score is the competition's metric or, if the setting best_by is "loss", the mean loss times -1. rows: the
        positions of the predicted rows.
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
    """Return the mean squared error if the target is a regression, else the log loss, averaged over rows and labels."""
    if competition.target == "regression":
        return float(np.square(labels - probs[:, 0]).mean())
    if competition.target == "multilabel":
        chances = np.where(labels == 1, probs, 1 - probs)
    else:
        chances = probs[np.arange(len(labels)), labels]
    return float(-np.log(chances.clip(SMALLEST)).mean())


def _parts(folds: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Divide the rows for the inner cross-validation, and return the number (N,) of the part that each row is in.

    The inner cross-validation leaves out one part at a time. If there are only two folds, each fold is divided into two
    parts, and no group is split; otherwise the parts are the folds.
    """
    if folds.max() + 1 >= FEWEST:
        return folds
    halves = np.zeros(len(folds), int)
    for k in np.unique(folds):
        inside = folds == k
        halves[inside] = np.unique(groups[inside], return_inverse=True)[1] % 2
    return folds * 2 + halves
