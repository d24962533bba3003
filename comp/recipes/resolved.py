"""Settings that depend on the competition: the values for "auto" and "metric", and checks against the target."""

import dataclasses

from comp.competition.competition import ONE_LABEL, Competition
from comp.errors import InputError
from comp.recipes.recipe import Recipe
from comp.recipes.settings import check_choice

HEADS = {  # target: its heads; the first one replaces "auto"
    "multiclass": ("classes", "attributes"),
    "binary": ("classes", "attributes"),
    "multilabel": ("classes",),
    "ordinal": ("classes", "regression", "cumulative"),
    "regression": ("regression", "bins"),
}
CLASSES_ALIKE = ("macro_f1", "macro_f_beta", "balanced_accuracy")  # metrics that give rare classes the same weight


def resolved(recipe: Recipe, competition: Competition) -> Recipe:
    """The recipe with each "auto" replaced for the competition. recipe.json holds this recipe.

    Raises InputError for a head, sampler, best_by or halfmix_within that does not fit the competition.
    """
    head = HEADS[competition.target][0] if recipe.head == "auto" else recipe.head
    check_choice("head", head, heads(competition))
    changes = {
        "head": head,
        "loss": _loss(head, competition) if recipe.loss == "auto" else recipe.loss,
        "sampler": _sampler(competition) if recipe.sampler == "auto" else recipe.sampler,
        "best_by": competition.metric.name if recipe.best_by == "metric" else recipe.best_by,
    }
    made = dataclasses.replace(recipe, **changes)
    _check(made, competition)
    return made


def heads(competition: Competition) -> tuple[str, ...]:
    """The heads that fit the competition's target."""
    return tuple(h for h in HEADS[competition.target] if h != "attributes" or competition.attributes)


def family(head: str, target: str) -> str:
    """The kind of outputs of a head: "classes" (one softmax), "labels" (one sigmoid per label), or a "number"."""
    if head == "regression":
        return "number"
    return "labels" if head == "cumulative" or target == "multilabel" else "classes"


def _loss(head: str, competition: Competition) -> str:
    if family(head, competition.target) == "number":
        return "mae" if competition.metric.name == "mae" else "mse"
    return {"classes": "cross_entropy", "labels": "bce"}[family(head, competition.target)]


def _sampler(competition: Competition) -> str:
    """Balanced only for metrics of CLASSES_ALIKE: metrics of probabilities need the true frequencies of the classes."""
    alike = competition.metric.name.partition("@")[0] in CLASSES_ALIKE
    return "balanced" if alike and competition.target in ONE_LABEL else "shuffle"


def _check(recipe: Recipe, competition: Competition) -> None:
    shown = [metric.name for metric in (competition.metric, *competition.also)]
    check_choice("best_by", recipe.best_by, ("metric", "val_loss", *shown))
    check_choice("halfmix_within", recipe.halfmix_within, ("", *competition.attributes))
    if recipe.sampler == "balanced" and competition.target not in ONE_LABEL:
        expected = "sampler=shuffle: rows can be balanced only if each has one class"
        raise InputError(f"sampler=balanced for a {competition.target} target", expected, "SET=sampler=shuffle")
    if recipe.class_weights == "balanced" and family(recipe.head, competition.target) == "number":
        raise InputError(f"class_weights=balanced with head={recipe.head}", "class_weights=none: no classes to weight",
                         "SET=class_weights=none")  # fmt: skip
