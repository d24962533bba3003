"""Fit classifiers of scikit-learn to rows of numbers, and predict other rows with them.

- logistic: LogisticRegression with an L2 penalty. A multilabel target gets one model for each label.
- ridge: Ridge. For grades, the two grades next to the predicted number share the probability.
- knn: the mean label of the nearest neighbours by cosine distance. Nearer neighbours have more weight. The class shares
  of all training rows count as one more neighbour.
- boosting: HistGradientBoosting. A multilabel target gets one model for each label.

Each classifier has one setting of which several values are tried. These values are called the grid. A new classifier
needs an entry in CLASSIFIERS, and the functions that this entry names.

Letters in the shapes: N training rows, M rows to predict, F features, C classes or labels, V values of the grid.
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
    """The settings of a classifier. `resolved_settings` replaces each "auto" by a value that suits the competition."""

    classifier: str = setting("auto", "auto, logistic, knn, boosting (of trees), or ridge (for grades and numbers)")
    grid: tuple = setting((), "values to try for C, neighbours, trees or penalty; empty: the classifier's usual values")
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
    """Return the type of each setting of a classifier, by the setting's name."""
    return types_of_settings(ClassifierSettings)


def resolved_settings(settings: ClassifierSettings, competition: Competition, run: str) -> ClassifierSettings:
    """Return the settings with each "auto" replaced by a value that suits the competition.

    run: the advice that the error gives for a wrong number. Raises InputError if a value is not allowed or does not fit
    the competition's target.
    """
    name = _resolved_name(settings.classifier, competition.target)
    checked_settings(settings, run)
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
        known = name in CLASSIFIERS
        problem = f"cannot be used, because the target is {target}" if known else "is not a known classifier"
        raise InputError(
            f"classifier={name} {problem}",
            f"a classifier for this target, one of {', '.join(fitting)}",
            f"the same command with classifier={fitting[0]} in SET",
        )
    return name


def _check_numbers(settings: ClassifierSettings, name: str, run: str) -> None:
    whole = CLASSIFIERS[name].counts
    wrong = [value for value in settings.grid if not value > 0 or (whole and value != int(value))]
    if wrong:
        expected = f"only {'whole numbers' if whole else 'numbers'} above 0 in the grid"
        raise InputError(f"the grid of classifier={name} has the value {wrong[0]:g}", expected, run)
    if settings.components < -1:
        expected = "a number of principal components (0 or more), or -1 for the usual number"
        raise InputError(f"components={settings.components} is too small", expected, run)


def _resolved_weights(class_weights: str, competition: Competition) -> str:
    """Return the setting `class_weights`, in which "auto" is replaced by "balanced" or "none".

    "auto" becomes "balanced" if the metric gives each class the same weight, and "none" if it does not: a metric that
    gives each row the same weight needs probabilities with the true class shares. Raises InputError for "balanced" if
    a row of the target does not have exactly one class.
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
    """Return the part of the --help text that lists all settings with their meanings."""
    return help_text("settings of SET:", settings_of(ClassifierSettings), 16, defaults=False)


# ---- predictions


class Classifier:
    """A classifier for the target of a competition.

    name: a key of CLASSIFIERS. balanced: whether all classes get the same weight. seed: the random seed of boosting.
    """

    def __init__(self, name: str, competition: Competition, balanced: bool = False, seed: int = 0):
        self.kind, self.competition, self.balanced, self.seed = CLASSIFIERS[name], competition, balanced, seed

    def predictions(self, grid: Sequence[float], x: np.ndarray, labels: np.ndarray, others: np.ndarray) -> np.ndarray:
        """Fit one model for each of the V values of the grid, and return the models' predictions (V, M, C).

        grid: the values to try. x (N, F), labels (N, …): the features and the labels of the training rows.
        others (M, F): the features of the rows to predict. comp/competition/competition.py explains the form of
        predictions for each target. If the classifier is balanced, probabilities are divided by the classes' shares in
        the training rows and normalised. This is Bayes' rule for equal shares (Saerens et al. 2002; as logit
        adjustment, Menon et al. 2021).
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
        """Turn the numbers (M,) that a model predicts into predictions (M, C) for an ordinal or regression target."""
        if self.competition.target == "ordinal":
            return scoring.two_points(values, self.competition.size)
        return np.clip(values, *self.competition.limits)[:, None]

    def _one_label(self, grid, x: np.ndarray, labels: np.ndarray, others: np.ndarray, size: int) -> np.ndarray:
        """Predict one label, which has `size` different values, for M rows. Fit one model for each of V grid values.

        Returns the probability of each value of the label, (V, M, size), which is 0 for a value that no training row
        has. labels (N,): the label of each training row, from 0 to size - 1.
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
        """Divide the probabilities (M, C) by `shares` if the classifier is balanced, and return them, all above 0.

        If each row has exactly one class, the probabilities of a row are scaled so that their sum is 1. shares (C,):
        the share of each class or label in the training rows.
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
    """Return, for each number of neighbours in the grid, the probabilities (M, C) of C classes or labels for M rows.

    The probabilities are the mean of the neighbours' indicators, and the mean over all training rows counts as one more
    neighbour. indicators (N, C): 1 where a training row has the class or label, and 0 elsewhere.
    """
    votes = []
    for value in grid:
        count = min(int(value), len(x))
        votes.append((count * _neighbour_means(count, x, indicators, others) + indicators.mean(0)) / (count + 1))
    return votes


def _neighbour_numbers(_, grid, x, labels, others) -> list[np.ndarray]:
    return [_neighbour_means(min(int(value), len(x)), x, labels[:, None], others)[:, 0] for value in grid]


def _neighbour_means(count: int, x: np.ndarray, values: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return, for each row to predict, the weighted mean of `values` over the `count` nearest training rows.

    x (N, F), values (N, …): the features of the training rows, and the values to average. others (M, F): the features
    of the rows to predict. Nearer training rows have more weight.
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
    # no early stopping, because scikit-learn would hold out rows for it and split groups
    most = int(max(grid))
    return {"max_iter": most, "max_leaf_nodes": 15, "early_stopping": False, "random_state": classifier.seed}


def _after_trees(stages: Iterable[np.ndarray], grid) -> list[np.ndarray]:
    """Return the predictions of one fitted model after each number of trees in the grid.

    stages: the predictions after 1, 2, 3, … trees. grid: the numbers of trees.
    """
    counts = {int(value) for value in grid}
    predictions = {count: stage for count, stage in enumerate(stages, 1) if count in counts}
    return [predictions[int(value)] for value in grid]


# ---- the classifiers by name


@dataclass(frozen=True)
class Kind:
    """One of the available classifiers: the targets that it can predict, its usual settings, and its functions.

    grid: the values to try, those of simpler models first; the first value wins a tie. counts: whether the values of
    the grid must be whole numbers. components: the usual number of principal components that replace the embeddings; 0
    means that the embeddings are used. probabilities: the function that returns the probability of each class.
    votes: the function that learns from indicators, which are 1 where a row has a class or label and 0 elsewhere, and
    returns probabilities. numbers: the function that predicts numbers. A function that does not exist is None.
    """

    targets: tuple[str, ...]
    grid: tuple[float, ...]
    counts: bool = False
    components: int = 0
    probabilities: Callable | None = None
    votes: Callable | None = None
    numbers: Callable | None = None


CLASSIFIERS = {  # "auto" means the first classifier here that has the competition's target among its targets
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
        components=64,  # because the time grows with the number of features: a thousand features would take minutes
        probabilities=_boosting_probabilities,
        numbers=_boosting_numbers,
    ),
}
FITTING = {target: tuple(name for name, kind in CLASSIFIERS.items() if target in kind.targets) for target in TARGETS}
