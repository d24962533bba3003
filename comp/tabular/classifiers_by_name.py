"""The classifiers of scikit-learn by name: fitted on training rows, they give predictions (M, C) of other rows.

| name     | model                                                                                            |
|----------|--------------------------------------------------------------------------------------------------|
| logistic | LogisticRegression (L2); one for each label of a multilabel target                               |
| knn      | the nearest neighbours by cosine, weighted by distance; their votes are smoothed by the shares   |
| boosting | HistGradientBoosting; one for each label of a multilabel target                                  |
| ridge    | Ridge; of grades the probabilities on the two grades next to the value                           |
"""

import warnings
from collections.abc import Iterable

import numpy as np

from comp.competition import scoring
from comp.competition.competition import Competition

TINY = 1e-6  # the smallest probability: a logarithm of 0 would decide a log loss alone


class Learner:
    """One classifier of a competition. kind: its name; balanced: give all classes the same weight; seed: of trees."""

    def __init__(self, kind: str, competition: Competition, balanced: bool = False, seed: int = 0):
        self.kind, self.competition, self.balanced, self.seed = kind, competition, balanced, seed

    def predictions(self, grid, x: np.ndarray, labels: np.ndarray, others: np.ndarray) -> np.ndarray:
        """Predictions (V, M, C) of `others` (M, F) for each value of the grid, fitted on x (N, F) and labels (N, …).

        As comp/competition/competition.py has them for the target. Balanced: probabilities are divided by the shares of
        the classes in the training rows and normalised, which is their Bayes rule under equal shares (Saerens et al.
        2002; logit adjustment, Menon et al. 2021).
        """
        if self.kind == "ridge" or self.competition.target == "regression":
            return np.stack([self._of_numbers(made) for made in self._numbers(grid, x, labels.astype(float), others)])
        known = self._indicators(labels)
        if self.kind == "knn":
            probs = np.stack([self._neighbours(value, x, known, others) for value in grid])
        elif self.competition.target == "multilabel":
            columns = [self._one(grid, x, known[:, c], others, 2)[:, :, 1] for c in range(known.shape[1])]
            probs = np.stack(columns, 2)
        else:
            probs = self._one(grid, x, labels, others, known.shape[1])
        return np.stack([self._tidied(one, known.mean(0)) for one in probs])

    def _numbers(self, grid, x: np.ndarray, labels: np.ndarray, others: np.ndarray) -> list[np.ndarray]:
        """Numbers (M,) for each value of the grid."""
        from sklearn.ensemble import HistGradientBoostingRegressor
        from sklearn.linear_model import Ridge

        if self.kind == "knn":
            return [self._neighbours(value, x, labels[:, None], others)[:, 0] for value in grid]
        if self.kind == "ridge":
            return [Ridge(alpha=value).fit(x, labels).predict(others) for value in grid]
        loss = "absolute_error" if self.competition.metric.name == "mae" else "squared_error"
        made = HistGradientBoostingRegressor(loss=loss, **self._trees(grid)).fit(x, labels)
        return _at(made.staged_predict(others), grid)

    def _of_numbers(self, values: np.ndarray) -> np.ndarray:
        """Numbers (M,) as predictions (M, C) of the target."""
        if self.competition.target == "ordinal":
            return scoring.two_points(values, self.competition.size)
        return np.clip(values, *self.competition.limits)[:, None]

    def _trees(self, grid) -> dict:
        # early stopping would hold rows out without regard to groups
        most = int(max(grid))
        return {"max_iter": most, "max_leaf_nodes": 15, "early_stopping": False, "random_state": self.seed}

    def _neighbours(self, value: float, x: np.ndarray, known: np.ndarray, others: np.ndarray) -> np.ndarray:
        """Mean of `known` (N, C) over the neighbours of each row, with the mean of all rows as one more neighbour."""
        from sklearn.neighbors import KNeighborsRegressor

        count = min(int(value), len(x))
        made = KNeighborsRegressor(count, weights="distance", metric="cosine").fit(x, known).predict(others)
        if self.competition.target == "regression":
            return made
        return (count * made + known.mean(0)) / (count + 1)

    def _one(self, grid, x: np.ndarray, labels: np.ndarray, others: np.ndarray, size: int) -> np.ndarray:
        """Probabilities (V, M, size) of one label per row; classes without a training row get 0."""
        from sklearn.ensemble import HistGradientBoostingClassifier

        probs, there = np.zeros((len(grid), len(others), size)), np.unique(labels)
        if len(there) == 1:
            probs[:, :, there[0]] = 1
        elif self.kind == "boosting":
            made = HistGradientBoostingClassifier(**self._trees(grid)).fit(x, labels)
            probs[:, :, there] = _at(made.staged_predict_proba(others), grid)
        else:
            probs[:, :, there] = [_logistic(value, x, labels, others) for value in grid]
        return probs

    def _indicators(self, labels: np.ndarray) -> np.ndarray:
        """(N, C) of 0 and 1."""
        return labels if labels.ndim == 2 else np.eye(self.competition.size)[labels]

    def _tidied(self, probs: np.ndarray, shares: np.ndarray) -> np.ndarray:
        """Probabilities (M, C) balanced if asked for, above 0, and of one label with the sum 1. shares (C,)."""
        if self.balanced:
            probs = probs / np.maximum(shares, TINY) * (shares > 0)
        if not self.competition.sums_to_one:
            return probs.clip(TINY, 1 - TINY)
        probs = probs / probs.sum(1, keepdims=True)
        probs = probs.clip(TINY, 1)
        return probs / probs.sum(1, keepdims=True)


def _logistic(value: float, x: np.ndarray, labels: np.ndarray, others: np.ndarray) -> np.ndarray:
    from sklearn.linear_model import LogisticRegression

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="lbfgs failed to converge")  # near enough: it is cross-validated
        return LogisticRegression(C=value, max_iter=300).fit(x, labels).predict_proba(others)


def _at(stages: Iterable[np.ndarray], grid) -> list[np.ndarray]:
    """The predictions after as many trees as each value of the grid says: one fit serves all."""
    wanted = {int(value) for value in grid}
    made = {i: one for i, one in enumerate(stages, 1) if i in wanted}
    return [made[int(value)] for value in grid]
