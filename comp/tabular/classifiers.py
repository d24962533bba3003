"""The classifiers of scikit-learn on rows of numbers, with their settings and their predictions for other rows.

| name     | model                                                                                            |
|----------|--------------------------------------------------------------------------------------------------|
| logistic | LogisticRegression (L2); a multilabel target gets one model for each label                       |
| ridge    | Ridge; for grades, the two grades next to the predicted value share the probability              |
| knn      | the nearest neighbours by cosine, weighted by distance; the class shares count as one neighbour  |
| boosting | HistGradientBoosting; a multilabel target gets one model for each label                          |

A new classifier needs an entry in CLASSIFIERS, and the functions that this entry names.

Letters: N training rows, M rows to predict, F features, C classes or labels, V values of the grid.
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

TINY = 1e-6  # the smallest probability, since a single 0 would make the log loss infinite


@dataclass(frozen=True)
class ClassifierSettings:
    """The settings of a classifier. `resolved_settings` replaces each "auto" by a value for the competition."""

    classifier: str = setting("auto", "auto, logistic, knn, boosting (trees), or ridge (ordinal and regression)")
    grid: tuple = setting((), "values of C, neighbours, trees or penalty to try; empty: the classifier's own values")
    best_by: str = setting(
        "metric", "what chooses a value of the grid: metric (of the competition), or loss", choices=("metric", "loss")
    )
    class_weights: str = setting(
        "auto",
        "none, balanced (divides by the classes' shares), or auto (what the metric needs)",
        choices=("auto", "none", "balanced"),
    )
    components: int = setting(
        -1, "principal components to replace the embeddings by; 0: none; -1: 64 for boosting, else none"
    )
    columns: str = setting("", "columns of both tables to add, with commas between, or all; empty: none")


def setting_types() -> dict[str, type]:
    """Return the type of each setting of a classifier, by the setting's name."""
    return types_of_settings(ClassifierSettings)


def resolved_settings(settings: ClassifierSettings, competition: Competition, run: str) -> ClassifierSettings:
    """Return the settings with each "auto" replaced by a value for the competition.

    run: the advice of the error for a wrong number. Raises InputError if a value does not exist or does not fit the
    target.
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
            advice = f"the same command with {key}={choices[0]} in SET"
            raise InputError(f"{key}={value}", f"one of {', '.join(choices)}", advice)


def _check_numbers(settings: ClassifierSettings, name: str, run: str) -> None:
    whole = CLASSIFIERS[name].counts
    wrong = [value for value in settings.grid if not value > 0 or (whole and value != int(value))]
    if wrong:
        expected = f"{'whole numbers' if whole else 'numbers'} above 0"
        raise InputError(f"grid={wrong[0]:g} for classifier={name}", expected, run)
    if settings.components < -1:
        raise InputError(f"components={settings.components}", "at least 0, or -1", run)


def _resolved_weights(class_weights: str, competition: Competition) -> str:
    """Return the class weights, with "auto" replaced.

    "auto" means balanced if the metric gives each class the same weight, and none if it does not. A metric that gives
    each row the same weight needs probabilities with the true class shares.
    """
    if class_weights == "balanced" and competition.target not in ONE_LABEL:
        raise InputError(
            f"class_weights=balanced for a {competition.target} target",
            "class_weights=none, because the rows of this target do not have one class each",
            "the same command with class_weights=none in SET",
        )
    if class_weights != "auto":
        return class_weights
    return "balanced" if weights_classes_alike(competition) else "none"


def settings_help() -> str:
    """The text of --help that lists all settings with their meanings."""
    return help_text("settings of SET:", settings_of(ClassifierSettings), 16, defaults=False)


# ---- predictions


class Classifier:
    """A classifier for a competition.

    name: a name in CLASSIFIERS. balanced: whether all classes get the same weight. seed: the seed of boosting.
    """

    def __init__(self, name: str, competition: Competition, balanced: bool = False, seed: int = 0):
        self.kind, self.competition, self.balanced, self.seed = CLASSIFIERS[name], competition, balanced, seed

    def predictions(self, grid: Sequence[float], x: np.ndarray, labels: np.ndarray, others: np.ndarray) -> np.ndarray:
        """Fit a model for each value of the grid on x (N, F) and labels (N, …), and predict the rows `others` (M, F).

        Returns predictions (V, M, C); comp/competition/competition.py explains their form for each target. If the
        classifier is balanced, probabilities are divided by the classes' shares in the training rows and normalised.
        This is Bayes' rule for equal shares (Saerens et al. 2002; as logit adjustment, Menon et al. 2021).
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
        """Turn predicted numbers (M,) into predictions (M, C) of an ordinal or regression target."""
        if self.competition.target == "ordinal":
            return scoring.two_points(values, self.competition.size)
        return np.clip(values, *self.competition.limits)[:, None]

    def _one_label(self, grid, x: np.ndarray, labels: np.ndarray, others: np.ndarray, size: int) -> np.ndarray:
        """Return the probabilities (V, M, size) of a label with `size` values. A value without a training row gets 0.

        labels (N,): the values 0 … size - 1 of the training rows.
        """
        probs, present = np.zeros((len(grid), len(others), size)), np.unique(labels)
        if len(present) == 1:
            probs[:, :, present[0]] = 1
        else:
            probs[:, :, present] = self.kind.probabilities(self, grid, x, labels, others)
        return probs

    def _indicators(self, labels: np.ndarray) -> np.ndarray:
        """Turn labels into an array (N, C) that is 1 where the row has the class or label, and 0 elsewhere."""
        return labels if labels.ndim == 2 else np.eye(self.competition.size)[labels]

    def _normalised(self, probs: np.ndarray, shares: np.ndarray) -> np.ndarray:
        """Return the probabilities (M, C), balanced if the classifier is balanced, and all above 0.

        The probabilities of classes are normalised to the sum 1 per row. shares (C,): the share of each class or label
        in the training rows.
        """
        if self.balanced:
            probs = probs / np.maximum(shares, TINY) * (shares > 0)
        if not self.competition.sums_to_one:
            return probs.clip(TINY, 1 - TINY)
        probs = probs / probs.sum(1, keepdims=True)
        probs = probs.clip(TINY, 1)
        return probs / probs.sum(1, keepdims=True)


# ---- one function for each model of scikit-learn; the arguments are a Classifier, grid, x, labels, rows to predict


def _logistic_probabilities(_, grid, x, labels, others) -> list[np.ndarray]:
    from sklearn.linear_model import LogisticRegression

    with warnings.catch_warnings():
        # a fit that has not converged is good enough, because its predictions are cross-validated
        warnings.filterwarnings("ignore", message="lbfgs failed to converge")
        return [LogisticRegression(C=c, max_iter=300).fit(x, labels).predict_proba(others) for c in grid]


def _ridge_numbers(_, grid, x, labels, others) -> list[np.ndarray]:
    from sklearn.linear_model import Ridge

    return [Ridge(alpha=penalty).fit(x, labels).predict(others) for penalty in grid]


def _neighbour_votes(_, grid, x, indicators, others) -> list[np.ndarray]:
    """Return, for each value of the grid, the mean (M, C) of the neighbours' indicators.

    The mean of all training rows counts as one more neighbour.
    """
    votes = []
    for value in grid:
        count = min(int(value), len(x))
        votes.append((count * _neighbour_means(count, x, indicators, others) + indicators.mean(0)) / (count + 1))
    return votes


def _neighbour_numbers(_, grid, x, labels, others) -> list[np.ndarray]:
    return [_neighbour_means(min(int(value), len(x)), x, labels[:, None], others)[:, 0] for value in grid]


def _neighbour_means(count: int, x: np.ndarray, values: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return for each row of `others` the mean of `values` (N, …) over its `count` nearest rows of `x`.

    x: the features (N, D) of the training rows. Nearer rows have more weight.
    """
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
    # no early stopping, because it would hold out rows without regard to groups
    most = int(max(grid))
    return {"max_iter": most, "max_leaf_nodes": 15, "early_stopping": False, "random_state": classifier.seed}


def _after_trees(stages: Iterable[np.ndarray], grid) -> list[np.ndarray]:
    """Return, for each value of the grid, the predictions after that many trees, all from one fit.

    stages: the predictions after 1, 2, 3, … trees.
    """
    counts = {int(value) for value in grid}
    predictions = {count: stage for count, stage in enumerate(stages, 1) if count in counts}
    return [predictions[int(value)] for value in grid]


# ---- the classifiers by name


@dataclass(frozen=True)
class Kind:
    """A classifier of scikit-learn.

    targets: the targets that it fits. grid: the values to try; the values of simpler models come first and win ties.
    counts: whether the values of the grid are whole numbers. components: the number of principal components that
    replace the embeddings; 0 means that the embeddings stay. probabilities: the function that fits models and returns
    the probabilities of the classes of one label. votes: the function that fits models to indicators (N, C) and returns
    the probabilities of classes or labels. numbers: the function that fits models and returns numbers. A function that
    is None does not exist for this classifier.
    """

    targets: tuple[str, ...]
    grid: tuple[float, ...]
    counts: bool = False
    components: int = 0
    probabilities: Callable | None = None
    votes: Callable | None = None
    numbers: Callable | None = None


CLASSIFIERS = {  # the first classifier that fits a target replaces "auto"
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
        components=64,  # the time grows with the number of columns: a thousand columns would take minutes
        probabilities=_boosting_probabilities,
        numbers=_boosting_numbers,
    ),
}
FITTING = {target: tuple(name for name, kind in CLASSIFIERS.items() if target in kind.targets) for target in TARGETS}
