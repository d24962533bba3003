"""The loss of a recipe: outputs (B, T) of the network and training targets (B, T) of its head, to a scalar mean.

`build` parses the recipe's weighted sum, "0.4 f1 + 0.6 focal", or of attributes, "cross_entropy(a) + 2 focal(b)".
Which losses there are depends on what the head gives: see FUNCTIONS. Class weights and label smoothing go with all
losses of classes and labels.
"""

import re
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor

from comp.competition.competition import Competition
from comp.errors import InputError
from comp.models import heads
from comp.models.heads import Head
from comp.recipes.recipe import Recipe
from comp.recipes.resolved import resolved
from comp.training import losses_of_classes, losses_of_labels, losses_of_numbers

Loss = Callable[[Tensor, Tensor], Tensor]

FUNCTIONS: dict[str, dict[str, Callable]] = {  # by family of the head, by name
    "classes": {name: getattr(losses_of_classes, name) for name in ("cross_entropy", "focal", "f1")},
    "labels": {name: getattr(losses_of_labels, name) for name in ("bce", "focal", "f1")},
    "number": {name: getattr(losses_of_numbers, name) for name in ("mse", "mae", "huber", "bce")},
}


def check(recipe: Recipe, competition: Competition) -> None:
    """Raise InputError, with the losses that fit, for a loss that is unknown or does not fit the recipe's head."""
    recipe = resolved(recipe, competition)
    _parse_for(heads.build(recipe, competition), recipe, competition)


def parse(spec: str, names: tuple[str, ...], attributes: tuple[str, ...] = ()) -> list[tuple[float, str, str]]:
    """ "0.4 f1 + focal(a)" to [(0.4, "f1", ""), (1.0, "focal", "a")]; InputError lists the names and attributes."""
    terms = []
    for term in spec.split("+"):
        match = re.fullmatch(r"\s*(?:(\d*\.?\d+)\s*\*?\s*)?([a-z_][a-z_0-9]*)\s*(?:\(\s*(\w+)\s*\))?\s*", term)
        if not match or match[2] not in names or (match[3] and match[3] not in attributes):
            of = f"; of an attribute: {names[0]}(attribute), with {', '.join(attributes)}" if attributes else ""
            raise InputError(
                f"loss={spec!r}: {term.strip()!r} is no loss that fits this head",
                f"a sum such as 0.4 {names[-1]} + 0.6 {names[0]} of {', '.join(names)}{of}",
                'the same command with SET="loss=auto" RUN=<name>: the loss of the target',
            )
        terms.append((float(match[1] or 1), match[2], match[3] or ""))
    return terms


def build(recipe: Recipe, labels: np.ndarray, competition: Competition, device: torch.device | str = "cpu") -> Loss:
    """The loss of a recipe. labels (N, …): those of all training rows, which class_weights=balanced counts.

    A loss of an attribute is taken on the attribute's marginals: targets summed over the classes that share a value,
    and log-probabilities likewise, for one head per class and one head per attribute alike.
    """
    recipe = resolved(recipe, competition)
    head = heads.build(recipe, competition)
    if head.family == "number":
        terms = [_number_term(*term[:2], head) for term in _parse_for(head, recipe, competition)]
    else:
        counts = _counts(head, labels, competition).to(device)
        terms = [_term(*term, head, recipe, counts, len(labels), competition)
                 for term in _parse_for(head, recipe, competition)]  # fmt: skip
    # float32: half precision has too few digits for a sum over a batch
    return lambda outputs, targets: sum(term(outputs.float(), targets) for term in terms)


def _parse_for(head: Head, recipe: Recipe, competition: Competition) -> list[tuple[float, str, str]]:
    attributes = tuple(competition.attributes) if head.family == "classes" else ()
    return parse(recipe.loss, tuple(FUNCTIONS[head.family]), attributes)


def _counts(head: Head, labels: np.ndarray, competition: Competition) -> Tensor:
    """The sum of all training targets (T,): rows of each class or label."""
    if labels.dtype.kind == "i" and head.family == "classes":  # the targets of a million rows would not fit in memory
        rows = torch.from_numpy(np.bincount(labels, minlength=competition.size))
        return rows.float() @ head.targets(torch.arange(competition.size))
    return head.targets(torch.from_numpy(labels)).sum(0)


def _term(weight, name, attribute, head: Head, recipe: Recipe, counts: Tensor, rows: int, competition) -> Loss:
    """One term of a sum over classes or labels."""
    kind = losses_of_classes if head.family == "classes" else losses_of_labels
    function = FUNCTIONS[head.family][name]
    function = partial(function, gamma=recipe.gamma) if name == "focal" else function
    smoothing = recipe.smoothing if head.smooths else 0.0
    members = _members(competition, attribute, head, counts.device) if attribute else []
    if members:
        counts = torch.stack([counts[classes].sum() for classes in members])
    weights = _weights(head, recipe, counts, rows)

    def term(logits: Tensor, targets: Tensor) -> Tensor:
        if members:
            logits, targets = losses_of_classes.marginal(logits, targets, members)
        return weight * function(logits, kind.smoothed(targets, smoothing), weights)

    return term


def _members(competition: Competition, attribute: str, head: Head, device) -> list[Tensor]:
    """For each value of the attribute the training targets of the classes that have it."""
    values = torch.as_tensor(competition.attribute_values[attribute][head.of_class], device=device)
    return [(values == value).nonzero().flatten() for value in range(int(values.max()) + 1)]


def _weights(head: Head, recipe: Recipe, counts: Tensor, rows: int) -> Tensor | None:
    if recipe.class_weights != "balanced":
        return None
    if head.family == "classes":
        return losses_of_classes.class_weights(counts)
    return losses_of_labels.positive_weights(counts, rows)


def _number_term(weight: float, name: str, head: Head) -> Loss:
    function = FUNCTIONS["number"][name]
    if name == "bce":  # from the outputs themselves: the logarithm of a sigmoid loses digits
        return lambda outputs, targets: weight * function(outputs, targets)
    return lambda outputs, targets: weight * function(head.scaled(outputs), targets)
