"""The classifiers of scikit-learn on rows of numbers: their settings, and their predictions of rows they have not seen.

| name     | model                                                                                            |
|----------|--------------------------------------------------------------------------------------------------|
| logistic | LogisticRegression (L2); one for each label of a multilabel target                               |
| ridge    | Ridge; of grades the probabilities on the two grades next to the value                           |
| knn      | the nearest neighbours by cosine, weighted by distance; their votes are smoothed by the shares   |
| boosting | HistGradientBoosting; one for each label of a multilabel target                                  |

A new classifier is an entry in CLASSIFIERS and the functions that it names there.

Letters: N training rows, M rows to predict, F columns, C classes or labels, V values of the grid.
"""

import dataclasses
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from comp.competition import scoring
from comp.competition.competition import ONE_LABEL, TARGETS, Competition
from comp.errors import InputError
from comp.recipes.recipe_settings import weights_classes_alike
from comp.settings import help_text, setting, settings_of
from comp.settings import setting_types as types_of_settings

TINY = 1e-6  # the smallest probability: a logarithm of 0 would decide a log loss alone


@dataclass(frozen=True)
class ClassifierSettings:
    """What a classifier is, and how it is chosen. `resolved_settings` replaces each "auto"."""

    classifier: str = setting("auto", "auto, logistic, knn, boosting (trees), or ridge (ordinal and regression)")
    grid: tuple = setting((), "values to choose from: C, neighbours, trees or penalty; empty: the classifier's own")
    best_by: str = setting(
        "metric", "how a value of the grid is chosen: metric (of the competition), or loss", choices=("metric", "loss")
    )
    class_weights: str = setting(
        "auto",
        "none, balanced (divide by the classes' shares), or auto, by the metric",
        choices=("auto", "none", "balanced"),
    )
    components: int = setting(-1, "principal components of the embeddings to keep; 0: all; -1: 64 for boosting")
    columns: str = setting("", "columns of both tables to add, with commas between, or all; empty: none")


def setting_types() -> dict[str, type]:
    """The type of each setting, by name."""
    return types_of_settings(ClassifierSettings)


def resolved_settings(settings: ClassifierSettings, competition: Competition, run: str) -> ClassifierSettings:
    """The settings with each "auto" replaced for the competition.

    run: the advice where a number is wrong. Raises InputError for values that do not exist or do not fit the target.
    """
    name = _resolved_name(settings.classifier, competition.target)
    _check_choices(settings)
    _check_numbers(settings, name, run)
    kind = CLASSIFIERS[name]
    return dataclasses.replace(
        settings,
        classifier=name,
        grid=settings.grid or kind.grid,
        class_weights=_resolved_weights(settings.class_weights, competition),
        components=kind.components if settings.components == -1 else settings.components,
    )


def _resolved_name(name: str, target: str) -> str:
    fitting = FITTING[target]
    if name == "auto":
        return fitting[0]
    if name not in fitting:
        problem = f"not for a target that is {target}" if name in CLASSIFIERS else "an unknown classifier"
        raise InputError(
            f"classifier={name}: {problem}",
            f"one of {', '.join(fitting)}",
            f"the same command with classifier={fitting[0]} in SET",
        )
    return name


def _check_choices(settings: ClassifierSettings) -> None:
    for field in dataclasses.fields(ClassifierSettings):
        value, choices = getattr(settings, field.name), field.metadata["choices"]
        if choices and value not in choices:
            key = field.name
            raise InputError(f"{key}={value}", f"one of {', '.join(choices)}", f"{key}={choices[0]} in SET")


def _check_numbers(settings: ClassifierSettings, name: str, run: str) -> None:
    whole = CLASSIFIERS[name].counts
    wrong = [value for value in settings.grid if not value > 0 or (whole and value != int(value))]
    if wrong:
        expected = f"{'whole numbers' if whole else 'numbers'} above 0"
        raise InputError(f"grid={wrong[0]:g} for classifier={name}", expected, run)
    if settings.components < -1:
        raise InputError(f"components={settings.components}", "at least 0, or -1", run)


def _resolved_weights(class_weights: str, competition: Competition) -> str:
    """balanced only for metrics that give each class the same weight: the others need the true shares."""
    if class_weights == "balanced" and competition.target not in ONE_LABEL:
        raise InputError(
            f"class_weights=balanced for a target that is {competition.target}",
            "class_weights=none: rows have one class each only in multiclass, binary and ordinal targets",
            "the same command with class_weights=none in SET",
        )
    if class_weights != "auto":
        return class_weights
    return "balanced" if weights_classes_alike(competition) else "none"


def settings_help() -> str:
    """All settings with their meaning, for --help."""
    return help_text("settings of SET:", settings_of(ClassifierSettings), 16, defaults=False)


# ---- predictions


class Classifier:
    """One classifier for a competition. balanced: give all classes the same weight; seed: of the trees.

    name: of CLASSIFIERS.
    """

    def __init__(self, name: str, competition: Competition, balanced: bool = False, seed: int = 0):
        self.kind, self.competition, self.balanced, self.seed = CLASSIFIERS[name], competition, balanced, seed

    def predictions(self, grid: Sequence[float], x: np.ndarray, labels: np.ndarray, others: np.ndarray) -> np.ndarray:
        """Predictions (V, M, C) of `others` (M, F) for each value of the grid, fitted on x (N, F) and labels (N, …).

        Their form is that of the target, as in comp/competition/competition.py. If balanced, probabilities are divided
        by the classes' shares in the training rows and normalised: Bayes' rule under equal shares (Saerens et al. 2002;
        logit adjustment, Menon et al. 2021).
        """
        if self.competition.target == "regression" or not (self.kind.probabilities or self.kind.votes):
            numbers = self.kind.numbers(self, grid, x, labels.astype(float), others)
            return np.stack([self._predictions_of_numbers(values) for values in numbers])
        indicators = self._indicators(labels)
        if self.kind.votes:
            probs = self.kind.votes(self, grid, x, indicators, others)
        elif self.competition.target == "multilabel":
            columns = [self._one_label(grid, x, column, others, 2)[:, :, 1] for column in indicators.T]
            probs = np.stack(columns, 2)
        else:
            probs = self._one_label(grid, x, labels, others, indicators.shape[1])
        return np.stack([self._normalised(of_value, indicators.mean(0)) for of_value in probs])

    def _predictions_of_numbers(self, values: np.ndarray) -> np.ndarray:
        """Numbers (M,) as predictions (M, C) of the target."""
        if self.competition.target == "ordinal":
            return scoring.two_points(values, self.competition.size)
        return np.clip(values, *self.competition.limits)[:, None]

    def _one_label(self, grid, x: np.ndarray, labels: np.ndarray, others: np.ndarray, size: int) -> np.ndarray:
        """Probabilities (V, M, size) of one label per row; classes without a training row get 0."""
        probs, present = np.zeros((len(grid), len(others), size)), np.unique(labels)
        if len(present) == 1:
            probs[:, :, present[0]] = 1
        else:
            probs[:, :, present] = self.kind.probabilities(self, grid, x, labels, others)
        return probs

    def _indicators(self, labels: np.ndarray) -> np.ndarray:
        """(N, C) of 0 and 1."""
        return labels if labels.ndim == 2 else np.eye(self.competition.size)[labels]

    def _normalised(self, probs: np.ndarray, shares: np.ndarray) -> np.ndarray:
        """Probabilities (M, C) balanced if asked for, above 0, and of one label with the sum 1. shares (C,)."""
        if self.balanced:
            probs = probs / np.maximum(shares, TINY) * (shares > 0)
        if not self.competition.sums_to_one:
            return probs.clip(TINY, 1 - TINY)
        probs = probs / probs.sum(1, keepdims=True)
        probs = probs.clip(TINY, 1)
        return probs / probs.sum(1, keepdims=True)


# ---- one function for each model of scikit-learn, of a Classifier, the grid, x, labels and the rows to predict


def _logistic_probabilities(_, grid, x, labels, others) -> list[np.ndarray]:
    from sklearn.linear_model import LogisticRegression

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="lbfgs failed to converge")  # near enough: it is cross-validated
        return [LogisticRegression(C=c, max_iter=300).fit(x, labels).predict_proba(others) for c in grid]


def _ridge_numbers(_, grid, x, labels, others) -> list[np.ndarray]:
    from sklearn.linear_model import Ridge

    return [Ridge(alpha=penalty).fit(x, labels).predict(others) for penalty in grid]


def _neighbour_votes(_, grid, x, indicators, others) -> list[np.ndarray]:
    """The means (M, C) of the neighbours' indicators, with the mean of all rows as one more neighbour."""
    votes = []
    for value in grid:
        count = min(int(value), len(x))
        votes.append((count * _neighbour_means(count, x, indicators, others) + indicators.mean(0)) / (count + 1))
    return votes


def _neighbour_numbers(_, grid, x, labels, others) -> list[np.ndarray]:
    return [_neighbour_means(min(int(value), len(x)), x, labels[:, None], others)[:, 0] for value in grid]


def _neighbour_means(count: int, x: np.ndarray, values: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The mean of `values` (N, …) over the nearest rows of each row, weighted by distance."""
    from sklearn.neighbors import KNeighborsRegressor

    return KNeighborsRegressor(count, weights="distance", metric="cosine").fit(x, values).predict(others)


def _boosting_probabilities(classifier: Classifier, grid, x, labels, others) -> list[np.ndarray]:
    from sklearn.ensemble import HistGradientBoostingClassifier

    model = HistGradientBoostingClassifier(**_tree_options(classifier, grid)).fit(x, labels)
    return _after_trees(model.staged_predict_proba(others), grid)


def _boosting_numbers(classifier: Classifier, grid, x, labels, others) -> list[np.ndarray]:
    from sklearn.ensemble import HistGradientBoostingRegressor

    loss = "absolute_error" if classifier.competition.metric.number_loss == "mae" else "squared_error"
    model = HistGradientBoostingRegressor(loss=loss, **_tree_options(classifier, grid)).fit(x, labels)
    return _after_trees(model.staged_predict(others), grid)


def _tree_options(classifier: Classifier, grid) -> dict:
    # early stopping would hold rows out without regard to groups
    most = int(max(grid))
    return {"max_iter": most, "max_leaf_nodes": 15, "early_stopping": False, "random_state": classifier.seed}


def _after_trees(stages: Iterable[np.ndarray], grid) -> list[np.ndarray]:
    """The predictions after as many trees as each value of the grid says: one fit serves all."""
    counts = {int(value) for value in grid}
    predictions = {count: stage for count, stage in enumerate(stages, 1) if count in counts}
    return [predictions[int(value)] for value in grid]


# ---- the classifiers by name


@dataclass(frozen=True)
class Kind:
    """A classifier of scikit-learn.

    targets: those that it fits. grid: the values that are tried, those of the simplest models first: they win ties.
    counts: whether a value of the grid is a whole number. components: principal components that it needs, 0 for none.
    probabilities: of the classes of one label; votes: of the classes or labels, from indicators; numbers: of a number.
    """

    targets: tuple[str, ...]
    grid: tuple[float, ...]
    counts: bool = False
    components: int = 0
    probabilities: Callable | None = None
    votes: Callable | None = None
    numbers: Callable | None = None


CLASSIFIERS = {  # of those that fit a target the first one replaces "auto"
    "logistic": Kind(
        ("multiclass", "binary", "multilabel", "ordinal"),
        (1e-4, 1e-3, 1e-2, 1e-1, 1.0),  # C, the inverse of the L2 penalty; for standardised columns
        probabilities=_logistic_probabilities,
    ),
    "ridge": Kind(
        ("ordinal", "regression"),
        (1e5, 1e4, 1e3, 1e2, 1e1),  # the L2 penalty
        numbers=_ridge_numbers,
    ),
    "knn": Kind(
        TARGETS,
        (45, 15, 5),  # neighbours
        counts=True,
        votes=_neighbour_votes,
        numbers=_neighbour_numbers,
    ),
    "boosting": Kind(
        TARGETS,
        (25, 50, 100),  # trees per class
        counts=True,
        components=64,  # trees look at each column one by one: a thousand would take them minutes
        probabilities=_boosting_probabilities,
        numbers=_boosting_numbers,
    ),
}
FITTING = {target: tuple(name for name, kind in CLASSIFIERS.items() if target in kind.targets) for target in TARGETS}
