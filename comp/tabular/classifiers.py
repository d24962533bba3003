"""The settings of a classifier on rows of numbers, with default, meaning and checks.

The classifiers of scikit-learn by name: fitted on training rows, they give predictions (M, C) of other rows.

| name     | model                                                                                            |
|----------|--------------------------------------------------------------------------------------------------|
| logistic | LogisticRegression (L2); one for each label of a multilabel target                               |
| knn      | the nearest neighbours by cosine, weighted by distance; their votes are smoothed by the shares   |
| boosting | HistGradientBoosting; one for each label of a multilabel target                                  |
| ridge    | Ridge; of grades the probabilities on the two grades next to the value                           |
"""

import dataclasses
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from comp.competition import scoring
from comp.competition.competition import ONE_LABEL, Competition
from comp.errors import InputError
from comp.settings import help_text, settings_of

FITTING = {  # target: its classifiers; the first one replaces "auto"
    "multiclass": ("logistic", "knn", "boosting"),
    "binary": ("logistic", "knn", "boosting"),
    "multilabel": ("logistic", "knn", "boosting"),
    "ordinal": ("logistic", "knn", "boosting", "ridge"),
    "regression": ("ridge", "knn", "boosting"),
}
GRIDS = {  # the values that are tried, those of the simplest models first: they win ties
    "logistic": (1e-4, 1e-3, 1e-2, 1e-1, 1.0),  # C, the inverse of the L2 penalty; for standardised columns
    "ridge": (1e5, 1e4, 1e3, 1e2, 1e1),  # the L2 penalty
    "knn": (45, 15, 5),  # neighbours
    "boosting": (25, 50, 100),  # trees per class
}
COMPONENTS = {"boosting": 64}  # trees look at each column one by one: a thousand would take them minutes


def _setting(default, text: str):
    return field(default=default, metadata={"help": text})


@dataclass(frozen=True)
class ClassifierSettings:
    """What a classifier is, and how it is chosen. "auto": by the target and metric, see `resolved`."""

    classifier: str = _setting("auto", "auto, logistic, knn, boosting (trees), or ridge (ordinal and regression)")
    grid: tuple = _setting((), "values to choose from: C, neighbours, trees or penalty; empty: the classifier's own")
    best_by: str = _setting("metric", "how a value of the grid is chosen: metric (of the competition), or loss")
    class_weights: str = _setting("auto", "none, balanced (divide by the classes' shares), or auto, by the metric")
    components: int = _setting(-1, "principal components of the embeddings to keep; 0: all; -1: 64 for boosting")
    columns: str = _setting("", "columns of both tables to add, with commas between, or all; empty: none")


def setting_types() -> dict[str, type]:
    """The type of each setting, by name."""
    return {one.name: type(one.default) for one in dataclasses.fields(ClassifierSettings)}


def resolved_settings(settings: ClassifierSettings, competition: Competition, run: str) -> ClassifierSettings:
    """The settings with each "auto" replaced for the competition.

    run: the advice where a number is wrong. Raises InputError for values that do not exist or do not fit the target.
    """
    fitting = FITTING[competition.target]
    kind = fitting[0] if settings.classifier == "auto" else settings.classifier
    if kind not in fitting:
        known = "an unknown classifier" if kind not in GRIDS else f"not for a target that is {competition.target}"
        raise InputError(
            f"classifier={kind}: {known}",
            f"one of {', '.join(fitting)}",
            f"the same command with classifier={fitting[0]} in SET",
        )
    for key, value, choices in (
        ("best_by", settings.best_by, ("metric", "loss")),
        ("class_weights", settings.class_weights, ("auto", "none", "balanced")),
    ):
        if value not in choices:
            raise InputError(f"{key}={value}", f"one of {', '.join(choices)}", f"{key}={choices[0]} in SET")
    _check_numbers(settings, kind, run)
    return dataclasses.replace(
        settings,
        classifier=kind,
        grid=settings.grid or GRIDS[kind],
        class_weights=_class_weights(settings, competition),
        components=COMPONENTS.get(kind, 0) if settings.components == -1 else settings.components,
    )


def _check_numbers(settings: ClassifierSettings, kind: str, run: str) -> None:
    whole = kind in ("knn", "boosting")
    bad = [value for value in settings.grid if not value > 0 or (whole and value != int(value))]
    if bad:
        expected = f"{'whole numbers' if whole else 'numbers'} above 0"
        raise InputError(f"grid={bad[0]:g} for classifier={kind}", expected, run)
    if settings.components < -1:
        raise InputError(f"components={settings.components}", "at least 0, or -1", run)


def _class_weights(settings: ClassifierSettings, competition: Competition) -> str:
    """balanced only for metrics that give each class the same weight: the others need the true shares."""
    one_label = competition.target in ONE_LABEL
    if settings.class_weights == "balanced" and not one_label:
        raise InputError(
            f"class_weights=balanced for a target that is {competition.target}",
            "class_weights=none: rows have one class each only in multiclass, binary and ordinal targets",
            "the same command with class_weights=none in SET",
        )
    if settings.class_weights != "auto":
        return settings.class_weights
    return "balanced" if competition.metric.classes_alike and one_label else "none"


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
        loss = "absolute_error" if self.competition.metric.number_loss == "mae" else "squared_error"
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


def settings_help() -> str:
    """All settings with their meaning, for --help."""
    return help_text("settings of SET:", settings_of(ClassifierSettings), 16, defaults=False)
