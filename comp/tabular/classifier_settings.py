"""The settings of a classifier on rows of numbers, with default, meaning and checks."""

import dataclasses
from dataclasses import dataclass, field

from comp.competition.competition import ONE_LABEL, Competition
from comp.errors import InputError
from comp.recipes.resolved import CLASSES_ALIKE

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


def types() -> dict[str, type]:
    """The type of each setting, by name."""
    return {one.name: type(one.default) for one in dataclasses.fields(ClassifierSettings)}


def resolved(settings: ClassifierSettings, competition: Competition, run: str) -> ClassifierSettings:
    """The settings with each "auto" replaced for the competition.

    run: the advice where a number is wrong. Raises InputError for values that do not exist or do not fit the target.
    """
    fitting = FITTING[competition.target]
    kind = fitting[0] if settings.classifier == "auto" else settings.classifier
    if kind not in fitting:
        known = "an unknown classifier" if kind not in GRIDS else f"not for a target that is {competition.target}"
        raise InputError(f"classifier={kind}: {known}", f"one of {', '.join(fitting)}",
                         f"the same command with classifier={fitting[0]} in SET")  # fmt: skip
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
        raise InputError(f"class_weights=balanced for a target that is {competition.target}",
                         "class_weights=none: rows have one class each only in multiclass, binary and ordinal targets",
                         "the same command with class_weights=none in SET")  # fmt: skip
    if settings.class_weights != "auto":
        return settings.class_weights
    alike = competition.metric.name.partition("@")[0] in CLASSES_ALIKE
    return "balanced" if alike and one_label else "none"
