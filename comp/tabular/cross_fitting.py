"""Predict each fold with a classifier that has seen no row of this fold, not even to choose its hyperparameter.

The values to try for the hyperparameter are called the grid. To choose the value for fold k, an inner cross-validation
runs over the other folds: for each fold j other than k, a classifier learns from all folds except j and k, and predicts
fold j. The value whose predictions have the best score is chosen. The folds split no group, so the inner
cross-validation splits no group either. A classifier that learns without the folds j and k is used twice, for the
choice for fold j and for fold k. So K folds need only K (K - 1) / 2 of these classifiers for each value. If there are
only two folds, the inner cross-validation splits the other fold into two halves, and keeps each group in one half.

scikit-learn's GridSearchCV is not used: it would fit each of these classifiers twice, and it scores each photo alone,
although several photos may share one id and get one answer.

Letters in the shapes: N rows to learn from, M test rows, n predicted rows, C classes or labels, V values in the grid.
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
    """The N rows with labels, from which classifiers learn, and the M test rows.

    values, test: the input of the classifier for the N rows and for the test rows. labels: (N, C) of 0 and 1 for a
    multilabel target, else (N,). folds (N,), groups (N,): the number of each row's fold and group. ids (N,): the id of
    each row; rows that share an id get one answer. ids is None if each row gets its own answer.
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
    """The predictions of the classifier that learned from all folds except fold number k.

    held_out (n, C): the predictions for the n rows of fold k, in the order of the rows. test (M, C): the predictions
    for the test rows. value: the hyperparameter value that was chosen for this classifier.
    """

    k: int
    held_out: np.ndarray
    test: np.ndarray
    value: float


class CrossFitting:
    """Fits one classifier for each fold, on the rows of the other folds.

    settings: the settings of the classifier, without "auto". seed: the random seed of boosting and of the principal
    components.
    """

    def __init__(self, rows: LearningRows, settings: ClassifierSettings, seed: int):
        balanced = settings.class_weights == "balanced"
        self.rows, self.settings, self.seed = rows, settings, seed
        self.classifier = Classifier(settings.classifier, rows.competition, balanced, seed)
        self.parts = _parts(rows.folds, rows.groups)
        self._inner: dict[bytes, np.ndarray] = {}  # key: which rows are left out; value: their predictions (V, n, C)

    def fold(self, k: int) -> FoldResult:
        """Choose the hyperparameter and fit a classifier without fold k. Then predict fold k and the test rows."""
        value, held_out = self.chosen_value(k), self.rows.folds == k
        to_predict = _concatenated(self.rows.values.at(held_out), self.rows.test)
        probs = self._predictions(~held_out, to_predict, (value,))[0]
        count = int(held_out.sum())
        return FoldResult(k, probs[:count], probs[count:], float(value))

    def chosen_value(self, k: int) -> float:
        """Return the value in the grid that has the best score in a cross-validation over all folds except k.

        If there is a tie, or if the other folds have too few groups for a cross-validation, the first value is chosen.
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
        """Return predictions (V, n, C) of n rows by classifiers that learn from all other rows.

        There is one classifier for each of the V values in the grid. left_out: a bool array (N,), True for the n rows
        to leave out and predict. The result is kept, because two folds need it.
        """
        key = np.packbits(left_out).tobytes()
        if key not in self._inner:
            self._inner[key] = self._predictions(~left_out, self.rows.values.at(left_out), self.settings.grid)
        return self._inner[key]

    def _predictions(self, train: np.ndarray, to_predict: RowValues, grid: Sequence[float]) -> np.ndarray:
        """Fit one classifier for each of the V values in the grid, and return the predictions (V, n, C).

        train: a bool array (N,), True for the rows to learn from. to_predict: the values of the n rows to predict.
        """
        values, labels = self.rows.values.at(train), self.rows.labels[train]
        prepared = Preparation(self.settings.components, self.seed).fit(values)
        return self.classifier.predictions(grid, prepared.transform(values), labels, prepared.transform(to_predict))

    def _score(self, probs: np.ndarray, rows: np.ndarray) -> float:
        """Return the score of the predictions `probs` (n, C) for n rows; a higher score is better.

        The score is the competition's metric or, if the setting best_by is "loss", the mean loss times -1. rows (n,):
        the positions of these rows among the N rows.
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
    """Return the mean loss of n rows: the squared error for a regression target, else the log loss.

    For a multilabel target, the log loss is averaged over rows and labels. probs (n, C): the predictions.
    """
    if competition.target == "regression":
        return float(np.square(labels - probs[:, 0]).mean())
    if competition.target == "multilabel":
        chances = np.where(labels == 1, probs, 1 - probs)
    else:
        chances = probs[np.arange(len(labels)), labels]
    return float(-np.log(chances.clip(SMALLEST)).mean())


def _parts(folds: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Divide N rows into the parts that the inner cross-validation leaves out in turn.

    Returns the number of each row's part, (N,). The parts are the folds. If there are only two folds, each fold is
    divided into two parts, which split no group. folds (N,), groups (N,): the number of each row's fold and group.
    """
    if folds.max() + 1 >= FEWEST:
        return folds
    halves = np.zeros(len(folds), int)
    for k in np.unique(folds):
        inside = folds == k
        halves[inside] = np.unique(groups[inside], return_inverse=True)[1] % 2
    return folds * 2 + halves
