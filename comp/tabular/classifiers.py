"""Fit classifiers of scikit-learn to rows of numbers, and predict other rows with them.

- logistic: LogisticRegression with an L2 penalty. A multilabel target gets one model for each label.
- ridge: Ridge, which predicts a number. For an ordinal target, the number is turned into probabilities of the two
  nearest classes.
- knn: the mean label of the nearest neighbours by cosine distance. Nearer neighbours have more weight. The mean label
  of all training rows counts as one more neighbour.
- boosting: HistGradientBoosting. A multilabel target gets one model for each label.

Each classifier has one hyperparameter, such as the number of neighbours. The values to try for this hyperparameter are
called the grid. To add a classifier, add its functions and an entry in CLASSIFIERS.

Letters in the shapes: N training rows, M rows to predict, F features, C classes or labels, V values in the grid.
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
from comp.settings import checked_settings, help_text, setting, settings_of
from comp.settings import setting_types as types_of_settings

TINY = 1e-6  # the smallest probability, since a single 0 would make the log loss infinite


@dataclass(frozen=True)
class ClassifierSettings:
    """The settings of a classifier, which users change with the command-line option SET.

    "auto" means that `resolved_settings` chooses the value for the competition.
    """

    classifier: str = setting("auto", "auto, logistic, knn, boosting (of trees), or ridge (for grades and numbers)")
    grid: tuple = setting(
        (), "values to try for C, neighbours, trees or penalty; empty: usual values, and more beyond them if better"
    )
    best_by: str = setting(
        "metric", "what chooses among the grid's values: the competition's metric, or loss", choices=("metric", "loss")
    )
    class_weights: str = setting(
        "auto",
        "none, balanced (divides probabilities by class shares), or auto (whichever suits the metric)",
        choices=("auto", "none", "balanced"),
    )
    components: int = setting(
        -1, "number of principal components that replace the embeddings; 0: none do; -1: 64 for boosting, else 0"
    )
    columns: str = setting("", "columns to add (both tables must have them), separated by commas, or all; empty: none")


def setting_types() -> dict[str, type]:
    """Return the type of each setting of a classifier, as a dictionary such as {"grid": tuple}."""
    return types_of_settings(ClassifierSettings)


def resolved_settings(settings: ClassifierSettings, competition: Competition, run: str) -> ClassifierSettings:
    """Return the settings with a chosen value in place of each "auto" and of components=-1.

    An empty grid stays empty: the search leaves the classifier's own grid, but no other (see values_to_try.py). run:
    the text after `run:` in the error for a wrong value, which says what the user should do. Raises InputError if a
    value is not allowed or does not fit the competition's target.
    """
    name = _resolved_name(settings.classifier, competition.target)
    checked_settings(settings, run)
    _check_numbers(settings, name, run)
    kind = CLASSIFIERS[name]
    return dataclasses.replace(
        settings,
        classifier=name,
        class_weights=_resolved_weights(settings.class_weights, competition),
        components=kind.components if settings.components == -1 else settings.components,
    )


def _resolved_name(name: str, target: str) -> str:
    fitting = FITTING[target]
    if name == "auto":
        return fitting[0]
    if name not in fitting:
        known = name in CLASSIFIERS
        problem = f"cannot be used, because the target is {target}" if known else "is not a known classifier"
        raise InputError(
            f"classifier={name} {problem}",
            f"a classifier for the target {target}, one of {', '.join(fitting)}",
            f"the same command with classifier={fitting[0]} in SET",
        )
    return name


def _check_numbers(settings: ClassifierSettings, name: str, run: str) -> None:
    whole = CLASSIFIERS[name].counts
    wrong = [value for value in settings.grid if not value > 0 or (whole and value != int(value))]
    if wrong:
        expected = f"in the setting grid only {'whole numbers' if whole else 'numbers'} above 0"
        raise InputError(f"the setting `grid` contains {wrong[0]:g}, which classifier={name} cannot use", expected, run)
    if settings.components < -1:
        expected = "a number of principal components (0 or more), or -1 for the usual number"
        raise InputError(f"components={settings.components} is too small", expected, run)


def _resolved_weights(class_weights: str, competition: Competition) -> str:
    """Return the setting `class_weights`, with "auto" replaced by "balanced" or "none".

    "auto" becomes "balanced" if rare and frequent classes have the same weight in the metric and each row has exactly
    one class; otherwise it becomes "none". Raises InputError for "balanced" if the target is multilabel or regression.
    """
    if class_weights == "balanced" and competition.target not in ONE_LABEL:
        raise InputError(
            f"class_weights=balanced cannot be used, because the target is {competition.target}",
            "class_weights=none, because a row of this target does not have exactly one class",
            "the same command with class_weights=none in SET",
        )
    if class_weights != "auto":
        return class_weights
    return "balanced" if weights_classes_alike(competition) else "none"


def settings_help() -> str:
    """Return the text of --help that lists the settings of a classifier with their meanings."""
    return help_text("settings of SET:", settings_of(ClassifierSettings), 16, defaults=False)


# ---- predictions


class Classifier:
    """A classifier for the target of a competition.

    name: a key of CLASSIFIERS, such as "knn". balanced: whether the predicted probabilities are divided by the class
    frequencies of the training rows. seed: the random seed of boosting.
    """

    def __init__(self, name: str, competition: Competition, balanced: bool = False, seed: int = 0):
        self.kind, self.competition, self.balanced, self.seed = CLASSIFIERS[name], competition, balanced, seed

    def predictions(self, grid: Sequence[float], x: np.ndarray, labels: np.ndarray, x_new: np.ndarray) -> np.ndarray:
        """Fit one model for each of V values of the hyperparameter, and return the models' predictions (V, M, C).

        The predictions are probabilities or, for a regression target, numbers (then C is 1). grid: the V values. x
        (N, F): the features of the training rows. labels: the labels of the training rows, (N, C) of 0 and 1 for a
        multilabel target, else (N,). x_new (M, F): the features of the rows to predict.

        If the classifier is balanced, the probabilities are divided by the class frequencies of the training rows, and
        then scaled to sum to 1. This is Bayes' rule for equally frequent classes (Saerens et al. 2002; as logit
        adjustment, Menon et al. 2021).
        """
        if self.competition.target == "regression" or not (self.kind.probabilities or self.kind.votes):
            numbers = self.kind.numbers(self, grid, x, labels.astype(float), x_new)
            return np.stack([self._predictions_of_numbers(values) for values in numbers])
        indicators = self._indicators(labels)
        if self.kind.votes:
            probs = self.kind.votes(self, grid, x, indicators, x_new)
        elif self.competition.target == "multilabel":
            columns = [self._one_label(grid, x, column, x_new, 2)[:, :, 1] for column in indicators.T]
            probs = np.stack(columns, 2)
        else:
            probs = self._one_label(grid, x, labels, x_new, indicators.shape[1])
        return np.stack([self._normalised(of_value, indicators.mean(0)) for of_value in probs])

    def _predictions_of_numbers(self, values: np.ndarray) -> np.ndarray:
        """Turn the numbers (M,) that a model predicts into predictions (M, C).

        For an ordinal target, the two classes next to a number share the probability. For a regression target (C is 1),
        the numbers are clipped to the limits of the competition, else to the range of the training labels. A linear
        model of many features and few rows is often far outside of it: with 140 photos, the mean error is 17 with and
        21 without this.
        """
        if self.competition.target == "ordinal":
            return scoring.two_points(values, self.competition.size)
        return np.clip(values, *self.competition.number_range)[:, None]

    def _one_label(self, grid, x: np.ndarray, labels: np.ndarray, x_new: np.ndarray, size: int) -> np.ndarray:
        """Fit one model for each of V values in the grid, and return the class probabilities (V, M, size) for M rows.

        A class that no training row has gets the probability 0. labels (N,): the class of each training row, from 0 to
        size - 1.
        """
        probs, present = np.zeros((len(grid), len(x_new), size)), np.unique(labels)
        if len(present) == 1:
            probs[:, :, present[0]] = 1
        else:
            probs[:, :, present] = self.kind.probabilities(self, grid, x, labels, x_new)
        return probs

    def _indicators(self, labels: np.ndarray) -> np.ndarray:
        """Return the labels as an array (N, C) that is 1 where a row has the class or label, and 0 elsewhere."""
        return labels if labels.ndim == 2 else np.eye(self.competition.size)[labels]

    def _normalised(self, probs: np.ndarray, shares: np.ndarray) -> np.ndarray:
        """Return the probabilities (M, C), divided by `shares` if the classifier is balanced, and clipped to above 0.

        shares (C,): the frequency of each class or label in the training rows. If the target has one class for each
        row, the result is scaled so that each row sums to 1.
        """
        if self.balanced:
            probs = probs / np.maximum(shares, TINY) * (shares > 0)
        if not self.competition.sums_to_one:
            return probs.clip(TINY, 1 - TINY)
        probs = probs / probs.sum(1, keepdims=True)
        probs = probs.clip(TINY, 1)
        return probs / probs.sum(1, keepdims=True)


# ---- one or two functions for each model of scikit-learn. Their arguments are a Classifier, the grid, the features and
# the labels of the training rows, and the features of the rows to predict. They return predictions for each grid value.


def _logistic_probabilities(_, grid, x, labels, x_new) -> list[np.ndarray]:
    from sklearn.linear_model import LogisticRegression

    with warnings.catch_warnings():
        # a fit that has not converged is good enough, because its predictions are cross-validated
        warnings.filterwarnings("ignore", message="lbfgs failed to converge")
        return [LogisticRegression(C=c, max_iter=300).fit(x, labels).predict_proba(x_new) for c in grid]


def _ridge_numbers(_, grid, x, labels, x_new) -> list[np.ndarray]:
    from sklearn.linear_model import Ridge

    return [Ridge(alpha=penalty).fit(x, labels).predict(x_new) for penalty in grid]


def _neighbour_votes(_, grid, x, indicators, x_new) -> list[np.ndarray]:
    """Return a list with the probabilities (M, C) of classes or labels for each number of neighbours in the grid.

    The probabilities are the weighted mean of the neighbours' `indicators`, where the mean over all training rows
    counts as one more neighbour. x (N, F), x_new (M, F): the features of the training rows and of the rows to predict.
    indicators (N, C): 1 where a training row has the class or label, and 0 elsewhere.
    """
    votes = []
    for value in grid:
        count = min(int(value), len(x))
        votes.append((count * _neighbour_means(count, x, indicators, x_new) + indicators.mean(0)) / (count + 1))
    return votes


def _neighbour_numbers(_, grid, x, labels, x_new) -> list[np.ndarray]:
    return [_neighbour_means(min(int(value), len(x)), x, labels[:, None], x_new)[:, 0] for value in grid]


def _neighbour_means(count: int, x: np.ndarray, values: np.ndarray, x_new: np.ndarray) -> np.ndarray:
    """Return the mean (M, C) of `values` over the `count` nearest training rows of each of M rows to predict.

    Nearer training rows have more weight. x (N, F), values (N, C): the features and the values of the training rows.
    x_new (M, F): the features of the rows to predict.
    """
    from sklearn.neighbors import KNeighborsRegressor

    return KNeighborsRegressor(count, weights="distance", metric="cosine").fit(x, values).predict(x_new)


def _boosting_probabilities(classifier: Classifier, grid, x, labels, x_new) -> list[np.ndarray]:
    from sklearn.ensemble import HistGradientBoostingClassifier

    model = HistGradientBoostingClassifier(**_tree_options(classifier, grid)).fit(x, labels)
    return _after_trees(model.staged_predict_proba(x_new), grid)


def _boosting_numbers(classifier: Classifier, grid, x, labels, x_new) -> list[np.ndarray]:
    from sklearn.ensemble import HistGradientBoostingRegressor

    loss = "absolute_error" if classifier.competition.metric.number_loss == "mae" else "squared_error"
    model = HistGradientBoostingRegressor(loss=loss, **_tree_options(classifier, grid)).fit(x, labels)
    return _after_trees(model.staged_predict(x_new), grid)


def _tree_options(classifier: Classifier, grid) -> dict:
    # no early stopping, because scikit-learn would hold out rows for it and split groups
    most = int(max(grid))
    return {"max_iter": most, "max_leaf_nodes": 15, "early_stopping": False, "random_state": classifier.seed}


def _after_trees(stages: Iterable[np.ndarray], grid) -> list[np.ndarray]:
    """Return a list with the predictions for each number of trees in `grid`.

    stages: the predictions of a fitted boosting model after 1, 2, 3, … trees.
    """
    counts = {int(value) for value in grid}
    predictions = {count: stage for count, stage in enumerate(stages, 1) if count in counts}
    return [predictions[int(value)] for value in grid]


# ---- the classifiers by name


@dataclass(frozen=True)
class Kind:
    """One of the available classifiers: the targets that it can predict, its default settings, and its functions.

    grid: the values to try for the hyperparameter. The values of simpler models come first, because the first value
    wins a tie. bounds: the smallest and the largest value to which the search goes on if an end of the grid is the best
    value. counts: whether these values must be whole numbers. components: the number of principal components to which
    embeddings are reduced; 0 means that they are not reduced. scaled: whether predictions change if some features are
    multiplied by a factor.

    probabilities, votes, numbers: functions that learn from the labels of training rows and predict other rows; None if
    the classifier does not need the function. `probabilities` learns from the class of each row, and returns
    probabilities. `votes` learns from an array (N, C) of 0 and 1, and returns probabilities. `numbers` learns from
    numbers, and returns numbers.
    """

    targets: tuple[str, ...]
    grid: tuple[float, ...]
    bounds: tuple[float, float]
    counts: bool = False
    components: int = 0
    scaled: bool = True
    probabilities: Callable | None = None
    votes: Callable | None = None
    numbers: Callable | None = None


CLASSIFIERS = {  # "auto" means the first classifier here that has the competition's target among its targets
    "logistic": Kind(
        ("multiclass", "binary", "multilabel", "ordinal"),
        (1e-4, 1e-3, 1e-2, 1e-1, 1.0),  # C, the inverse of the L2 penalty; for standardised columns
        bounds=(1e-6, 1e3),
        probabilities=_logistic_probabilities,
    ),
    "ridge": Kind(
        ("ordinal", "regression"),
        (1e5, 1e4, 1e3, 1e2, 1e1),  # the L2 penalty
        bounds=(1, 1e7),
        numbers=_ridge_numbers,
    ),
    "knn": Kind(
        TARGETS,
        (45, 15, 5),  # neighbours
        bounds=(1, 405),
        counts=True,
        votes=_neighbour_votes,
        numbers=_neighbour_numbers,
    ),
    "boosting": Kind(
        TARGETS,
        (25, 50, 100),  # trees per class
        bounds=(6, 400),
        counts=True,
        scaled=False,
        components=64,  # because the time grows with the number of features: a thousand features would take minutes
        probabilities=_boosting_probabilities,
        numbers=_boosting_numbers,
    ),
}
FITTING = {target: tuple(name for name, kind in CLASSIFIERS.items() if target in kind.targets) for target in TARGETS}
