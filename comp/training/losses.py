"""Losses that all take logits (B, C) and soft targets (B, C), rows summing to 1, and return a scalar mean.

`build` parses a recipe's weighted sum, "0.4 f1 + 0.6 focal", or with an attribute each,
"cross_entropy(mask) + 0.5 cross_entropy(gender) + 2 focal(age)". Class weights (C,) and label smoothing go with any
of them.
"""

import re
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from comp.errors import InputError
from comp.recipes.recipe import Recipe

Loss = Callable[[Tensor, Tensor], Tensor]


def cross_entropy(logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """-sum_c w_c t_c log p_c, summed over the batch and divided by its weight sum_c w_c t_c (torch's mean)."""
    return _weighted_mean(-logits.log_softmax(1), targets, weights)


def focal(logits: Tensor, targets: Tensor, weights: Tensor | None = None, gamma: float = 2.0) -> Tensor:
    """-sum_c w_c t_c (1 - p_c)^gamma log p_c (Lin et al. 2017), the same mean; gamma 0 is cross entropy."""
    log_p = logits.log_softmax(1)
    # 1 - p from expm1: near p = 1 the plain difference loses its digits in float32
    return _weighted_mean((-torch.expm1(log_p)).clamp_min(0) ** gamma * -log_p, targets, weights)


def f1(logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """1 - macro F1 with probabilities for counts, over the classes that the batch's targets hold.

    F1_c = 2 sum t p / (sum t + sum p), averaged by w_c. A class without targets has F1 0 whatever is predicted: left
    out, it gives no gradient here, and what is wrongly predicted as it costs the true class its TP.
    """
    p = logits.softmax(1)
    score = 2 * (targets * p).sum(0) / (targets.sum(0) + p.sum(0)).clamp_min(1e-12)
    counted = (targets.sum(0) > 0).float() * (1.0 if weights is None else weights)
    return 1 - (score * counted).sum() / counted.sum().clamp_min(1e-12)


def _weighted_mean(values: Tensor, targets: Tensor, weights: Tensor | None) -> Tensor:
    weighted = targets if weights is None else targets * weights
    return (weighted * values).sum() / weighted.sum().clamp_min(1e-12)


NAMES = ("cross_entropy", "focal", "f1")


def smoothed(targets: Tensor, smoothing: float) -> Tensor:
    """(1 - s) t + s / C (Szegedy et al. 2016)."""
    return targets * (1 - smoothing) + smoothing / targets.shape[1]


def class_weights(counts: Tensor) -> Tensor:
    """N / (C n_c) (C,), 0 for a class without rows: scikit-learn's "balanced"."""
    counts = counts.double()
    return torch.where(counts > 0, counts.sum() / (len(counts) * counts.clamp_min(1)), 0.0).float()


def parse(spec: str, attributes: tuple[str, ...] = ()) -> list[tuple[float, str, str]]:
    """ "0.4 f1 + focal(age)" to [(0.4, "f1", ""), (1.0, "focal", "age")]; InputError lists the known names."""
    terms = []
    for term in spec.split("+"):
        match = re.fullmatch(r"\s*(?:(\d*\.?\d+)\s*\*?\s*)?([a-z_][a-z_0-9]*)\s*(?:\(\s*(\w+)\s*\))?\s*", term)
        if not match or match[2] not in NAMES or (match[3] and match[3] not in attributes):
            raise InputError(
                f"loss={spec!r}: {term.strip()!r}",
                f"a sum such as 0.4 f1 + 0.6 focal of {', '.join(NAMES)}; of an attribute: {NAMES[0]}(attribute), "
                f"with {', '.join(attributes) or 'none here'}; smoothing=0.1 and class_weights=balanced go with each",
            )
        terms.append((float(match[1] or 1), match[2], match[3] or ""))
    return terms


def build(recipe: Recipe, counts: Tensor, attributes: dict) -> Loss:
    """The loss of a recipe. counts (C,): training rows of each class; attributes: name to each class's value (C,).

    A loss of an attribute is taken on the attribute's marginals: targets summed over the classes that share a value,
    and log-probabilities likewise, for one head a class and one head an attribute alike.
    """
    terms = [_term(weight, name, attribute, recipe, counts, attributes) for weight, name, attribute in
             parse(recipe.loss, tuple(attributes))]
    # float32: half precision has too few digits for a sum over a batch
    return lambda logits, targets: sum(term(logits.float(), targets) for term in terms)


def _term(weight: float, name: str, attribute: str, recipe: Recipe, counts: Tensor, attributes: dict) -> Loss:
    function = {"cross_entropy": cross_entropy, "focal": lambda *a: focal(*a, recipe.gamma), "f1": f1}[name]
    members: list[Tensor] = []
    if attribute:
        values = torch.as_tensor(attributes[attribute], device=counts.device)
        members = [(values == value).nonzero().flatten() for value in range(int(values.max()) + 1)]
        counts = torch.stack([counts[classes].sum() for classes in members])
    weights = class_weights(counts) if recipe.class_weights == "balanced" else None

    def term(logits: Tensor, targets: Tensor) -> Tensor:
        if members:
            logits, targets = marginal(logits, targets, members)
        return weight * function(logits, smoothed(targets, recipe.smoothing), weights)

    return term


def marginal(logits: Tensor, targets: Tensor, members: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Log-probabilities and targets (B, V) of an attribute's values from those of classes (B, C).

    members: for each value the classes that have it. The log-probabilities serve as logits: their softmax is itself.
    """
    log_p = logits.log_softmax(1)
    return (
        torch.stack([log_p[:, classes].logsumexp(1) for classes in members], 1),
        torch.stack([targets[:, classes].sum(1) for classes in members], 1),
    )


def one_hot(labels: Tensor, classes: int) -> Tensor:
    """Labels (B,) int to soft targets (B, C) float32."""
    return F.one_hot(labels, classes).float()
