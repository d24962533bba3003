"""Settings that depend on the competition: the values for "auto" and "metric", and checks against the target."""

import dataclasses

from comp.competition.competition import ONE_LABEL, Competition
from comp.competition.soft_labels import range_of
from comp.competition.training_label_policy import named_numbers
from comp.errors import InputError
from comp.recipes.recipe import Recipe
from comp.recipes.settings import check_choice

HEADS = {  # target: its heads; the first one replaces "auto"
    "multiclass": ("classes", "attributes", "bins"),
    "binary": ("classes", "attributes", "bins"),
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
    binned = competition.target == "regression" or bool(competition.ranges)
    needs = {"attributes": bool(competition.attributes), "bins": binned}
    return tuple(head for head in HEADS[competition.target] if needs.get(head, True))


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
    _check_soften(recipe, competition)
    shown = [metric.name for metric in (competition.metric, *competition.also)]
    check_choice("best_by", recipe.best_by, ("metric", "val_loss", *shown))
    check_choice("halfmix_within", recipe.halfmix_within, ("", *competition.attributes))
    if recipe.sampler == "balanced" and competition.target not in ONE_LABEL:
        expected = "sampler=shuffle: rows can be balanced only if each has one class"
        raise InputError(f"sampler=balanced for a {competition.target} target", expected, "SET=sampler=shuffle")
    if recipe.class_weights == "balanced" and family(recipe.head, competition.target) == "number":
        raise InputError(f"class_weights=balanced with head={recipe.head}", "class_weights=none: no classes to weight",
                         "SET=class_weights=none")  # fmt: skip


def _check_soften(recipe: Recipe, competition: Competition) -> None:
    if recipe.soften and competition.target not in ONE_LABEL:
        expected = "a target of one label, whose classes are ranges of a number"
        raise InputError(f"soften={recipe.soften} for a {competition.target} target", expected, "SET=soften=''")
    columns = named_numbers("soften", recipe.soften)
    for column in columns:
        range_of(column, competition)
    if recipe.head == "bins" and recipe.pseudo and competition.target in ONE_LABEL:
        expected = "another head: pseudo-labels are of classes, not of bins"
        raise InputError(f"pseudo={recipe.pseudo} with head=bins", expected, "the same command with SET=head=classes")
    if recipe.head == "bins" and competition.target in ONE_LABEL and (len(columns) != 1 or not recipe.bin_edges):
        [example, *_] = [one.column for one in competition.ranges]
        raise InputError(
            f"head=bins with soften={recipe.soften!r} and bin_edges={recipe.bin_edges!r}",
            "one column in soften, whose bins they are, and where the bins start",
            f'the same command with SET="head=bins soften={example}:3 bin_edges=20,25,30", in the units of {example}',
        )
