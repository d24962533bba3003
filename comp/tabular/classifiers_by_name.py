"""The classifiers of scikit-learn by name: fitted on training rows, they give predictions (M, C) of other rows.

| name     | model                                                                                            |
|----------|--------------------------------------------------------------------------------------------------|
| logistic | LogisticRegression (L2); one for each label of a multilabel target                               |
| knn      | the nearest neighbours by cosine, weighted by distance; their votes are smoothed by the shares   |
| boosting | HistGradientBoosting; one for each label of a multilabel target                                  |
| ridge    | Ridge; of grades the probabilities on the two grades next to the value                           |
"""

import warnings

import numpy as np

from comp.competition import scoring
from comp.competition.competition import Competition

TINY = 1e-6  # the smallest probability: a logarithm of 0 would decide a log loss alone


class Learner:
    """One classifier of a competition. kind: its name; balanced: give all classes the same weight; seed: of trees."""

    def __init__(self, kind: str, competition: Competition, balanced: bool = False, seed: int = 0):
        self.kind, self.competition, self.balanced, self.seed = kind, competition, balanced, seed

    def predictions(self, value: float, x: np.ndarray, labels: np.ndarray, others: np.ndarray) -> np.ndarray:
        """Predictions (M, C) of `others` (M, F) by a classifier with this value, fitted on x (N, F) and labels (N, …).

        As comp/competition/competition.py has them for the target. Balanced: probabilities are divided by the shares of
        the classes in the training rows and normalised, which is their Bayes rule under equal shares (Saerens et al.
        2002; logit adjustment, Menon et al. 2021).
        """
        if self.kind == "ridge" or self.competition.target == "regression":
            return self._numbers(value, x, labels, others)
        known = self._indicators(labels)
        if self.kind == "knn":
            probs = self._neighbours(value, x, known, others)
        elif self.competition.target == "multilabel":
            probs = np.stack([self._one(value, x, known[:, c], others, 2)[:, 1] for c in range(known.shape[1])], 1)
        else:
            probs = self._one(value, x, labels, others, known.shape[1])
        return self._tidied(probs, known.mean(0))

    def _numbers(self, value: float, x: np.ndarray, labels: np.ndarray, others: np.ndarray) -> np.ndarray:
        if self.kind == "knn":
            values = self._neighbours(value, x, labels[:, None].astype(float), others)[:, 0]
        else:
            values = self._regressor(value).fit(x, labels.astype(float)).predict(others)
        if self.competition.target == "ordinal":
            return scoring.two_points(values, self.competition.size)
        return np.clip(values, *self.competition.limits)[:, None]

    def _regressor(self, value: float):
        if self.kind == "ridge":
            from sklearn.linear_model import Ridge

            return Ridge(alpha=value)
        from sklearn.ensemble import HistGradientBoostingRegressor

        loss = "absolute_error" if self.competition.metric.name == "mae" else "squared_error"
        return HistGradientBoostingRegressor(loss=loss, **self._trees(value))

    def _trees(self, value: float) -> dict:
        # early stopping would hold rows out without regard to groups
        return {"max_iter": int(value), "max_leaf_nodes": 15, "early_stopping": False, "random_state": self.seed}

    def _neighbours(self, value: float, x: np.ndarray, known: np.ndarray, others: np.ndarray) -> np.ndarray:
        """Mean of `known` (N, C) over the neighbours of each row, with the mean of all rows as one more neighbour."""
        from sklearn.neighbors import KNeighborsRegressor

        count = min(int(value), len(x))
        made = KNeighborsRegressor(count, weights="distance", metric="cosine").fit(x, known).predict(others)
        if self.competition.target == "regression":
            return made
        return (count * made + known.mean(0)) / (count + 1)

    def _one(self, value: float, x: np.ndarray, labels: np.ndarray, others: np.ndarray, size: int) -> np.ndarray:
        """Probabilities (M, size) of one label per row; classes without a training row get 0."""
        probs = np.zeros((len(others), size))
        there = np.unique(labels)
        if len(there) == 1:
            probs[:, there[0]] = 1
            return probs
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="lbfgs failed to converge")  # enough steps for any use of it
            probs[:, there] = self._classifier(value).fit(x, labels).predict_proba(others)
        return probs

    def _classifier(self, value: float):
        if self.kind == "logistic":
            from sklearn.linear_model import LogisticRegression

            return LogisticRegression(C=value, max_iter=300)
        from sklearn.ensemble import HistGradientBoostingClassifier

        return HistGradientBoostingClassifier(**self._trees(value))

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
