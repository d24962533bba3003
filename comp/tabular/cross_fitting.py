"""Predict each fold with a classifier that has seen no row of this fold, not even to choose its hyperparameter.

A candidate is a value to try for the hyperparameter, with a factor for the columns (see values_to_try.py). To choose
the candidate for fold k, an inner cross-validation runs over the other folds: for each fold j other than k, a
classifier learns from all folds except j and k, and predicts fold j. The candidate whose predictions have the best
score is chosen. The folds split no group, so the inner cross-validation splits no group either. A classifier that
learns without the folds j and k is used twice, for the choice for fold j and for fold k. So K folds need only K (K - 1)
/ 2 of these classifiers for each candidate. If there are only two folds, the inner cross-validation splits the other
fold into two halves, and keeps each group in one half.

scikit-learn's GridSearchCV is not used: it would fit each of these classifiers twice, and it scores each photo alone,
although several photos may share one id and get one answer.

Letters in the shapes: N rows to learn from, M test rows, n predicted rows, C classes or labels, V candidates.
"""

import dataclasses
from dataclasses import dataclass

import numpy as np
import pandas as pd

from comp.competition import scored_rows, scoring
from comp.competition.competition import Competition
from comp.tabular.classifiers import Classifier, ClassifierSettings
from comp.tabular.row_values import Preparation, RowValues
from comp.tabular.values_to_try import CLEAR, Candidate, ValuesToTry

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
    for the test rows. value: the hyperparameter value that was chosen for this classifier. factor: the chosen factor
    of the columns, or None if there was nothing to choose.
    """

    k: int
    held_out: np.ndarray
    test: np.ndarray
    value: float
    factor: float | None


class CrossFitting:
    """Fits one classifier for each fold, on the rows of the other folds.

    settings: the settings of the classifier, without "auto". seed: the random seed of boosting and of the principal
    components.
    """

    def __init__(self, rows: LearningRows, settings: ClassifierSettings, seed: int):
        balanced = settings.class_weights == "balanced"
        self.rows, self.settings, self.seed = rows, settings, seed
        self.classifier = Classifier(settings.classifier, rows.competition, balanced, seed)
        self.to_try = ValuesToTry(self.classifier.kind, settings.grid, rows.values.has_both)
        self.parts = _parts(rows.folds, rows.groups)
        # first key: which rows are left out; second key: the candidate; value: the predictions of these rows (n, C)
        self._inner: dict[bytes, dict[Candidate, np.ndarray]] = {}

    def fold(self, k: int) -> FoldResult:
        """Choose the hyperparameter and fit a classifier without fold k. Then predict fold k and the test rows."""
        chosen, held_out = self.chosen(k), self.rows.folds == k
        to_predict = _concatenated(self.rows.values.at(held_out), self.rows.test)
        probs = self._predictions(~held_out, to_predict, [chosen])[chosen]
        count, factor = int(held_out.sum()), chosen.factor if self.to_try.has_factors else None
        return FoldResult(k, probs[:count], probs[count:], self.to_try.value(chosen), factor)

    def chosen(self, k: int) -> Candidate:
        """Return the candidate that has the best score in a cross-validation over all folds except k.

        The search begins with the grid, and goes on to the neighbours of the best candidate as long as one of them is
        better. If there is a tie, or if the other folds have too few groups for a cross-validation, the first candidate
        is chosen.
        """
        first, held_out = self.to_try.first, self.rows.folds == k
        inner = [(self.parts == part) & ~held_out for part in np.unique(self.parts[~held_out])]
        only = len(first) == 1 and not self.to_try.neighbours(first[0])
        # if there is only one other fold, and it is a single group, no row is left to learn from
        if only or any((part | held_out).all() for part in inner):
            return first[0]
        scores = self._scores(held_out, inner, first)
        best = max(first, key=scores.get)
        while near := self.to_try.neighbours(best):
            scores |= self._scores(held_out, inner, [one for one in near if one not in scores])
            better = max(near, key=scores.get)
            if not scores[better] > scores[best] + CLEAR * abs(scores[best]):
                break
            best = better
        return best

    def _scores(self, held_out: np.ndarray, inner: list[np.ndarray], candidates: list[Candidate]) -> dict:
        """Return the score of each candidate in a cross-validation that never uses the rows of one fold.

        held_out: a bool array (N,), True for the rows of this fold. inner: such an array for each part of the other
        rows that the cross-validation leaves out in turn.
        """
        if not candidates:
            return {}
        probs = np.zeros((len(candidates), len(held_out), self.rows.competition.size), np.float32)
        for part in inner:
            left_out = part | held_out
            probs[:, part] = self._of_left_out(left_out, candidates)[:, part[left_out]]
        others = np.flatnonzero(~held_out)
        scores = [self._score(of_candidate[others], others) for of_candidate in probs]
        return dict(zip(candidates, scores, strict=True))

    def _of_left_out(self, left_out: np.ndarray, candidates: list[Candidate]) -> np.ndarray:
        """Return predictions (V, n, C) of n rows by classifiers that learn from all other rows, one for each candidate.

        left_out: a bool array (N,), True for the n rows to leave out and predict. The predictions are kept, because two
        folds need them. As in the files of predictions, float32 is precise enough.
        """
        kept = self._inner.setdefault(np.packbits(left_out).tobytes(), {})
        missing = [one for one in candidates if one not in kept]
        if missing:
            made = self._predictions(~left_out, self.rows.values.at(left_out), missing)
            kept.update((one, probs.astype(np.float32)) for one, probs in made.items())
        return np.stack([kept[one] for one in candidates])

    def _predictions(self, train: np.ndarray, to_predict: RowValues, candidates: list[Candidate]) -> dict:
        """Fit one classifier for each candidate, and return the predictions (n, C) by candidate.

        train: a bool array (N,), True for the rows to learn from. to_predict: the values of the n rows to predict.
        """
        values, labels = self.rows.values.at(train), self.rows.labels[train]
        prepared = Preparation(self.settings.components, self.seed).fit(values)
        by_factor: dict[float, list[Candidate]] = {}
        for one in candidates:
            by_factor.setdefault(one.factor, []).append(one)
        made = {}
        for factor, group in by_factor.items():  # those with one factor together: boosting fits them as one model
            x, x_new = prepared.transform(values, factor), prepared.transform(to_predict, factor)
            grid = [self.to_try.value(one) for one in group]
            made |= zip(group, self.classifier.predictions(grid, x, labels, x_new), strict=True)
        return made

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
