"""Losses of a softmax: logits (B, C) and soft targets (B, C) whose rows sum to 1, to a scalar mean.

weights (C,): of each class. Letters: B batch, C classes.

Losses of a sigmoid for each label: logits (B, C) and soft targets (B, C), each in 0 … 1, to a scalar mean.

weights (C,): of the positive part of each label, as torch's pos_weight. Letters: B batch, C labels.

Losses of one number: predicted values and targets (B, 1), both scaled to 0 … 1, to a scalar mean.

The loss of a recipe: outputs (B, T) of the network and training targets (B, T) of its head, to a scalar mean.

`build` parses the recipe's weighted sum, "0.4 f1 + 0.6 focal", or of attributes, "cross_entropy(a) + 2 focal(b)".
Which losses there are depends on what the head gives: see FUNCTIONS. Class weights and label smoothing go with all
losses of classes and labels.
"""

import re
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from comp.competition.competition import Competition
from comp.errors import InputError
from comp.models import heads
from comp.models.heads import Head
from comp.recipes.recipe_settings import Recipe, resolved_recipe


def cross_entropy(logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """-sum_c w_c t_c log p_c, summed over the batch and divided by its weight sum_c w_c t_c (torch's mean)."""
    return _weighted_mean(-logits.log_softmax(1), targets, weights)


def focal(logits: Tensor, targets: Tensor, weights: Tensor | None = None, gamma: float = 2.0) -> Tensor:
    """-sum_c w_c t_c (1 - p_c)^gamma log p_c (Lin et al. 2017), the same mean; gamma 0 is cross entropy."""
    log_p = logits.log_softmax(1)
    # 1 - p from expm1: near p = 1 the plain difference loses its digits in float32
    return _weighted_mean((-torch.expm1(log_p)).clamp_min(0) ** gamma * -log_p, targets, weights)


def f1(logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """1 - macro F1 with probabilities for counts, over the classes that the batch's targets hold: see `soft_f1`."""
    return soft_f1(logits.softmax(1), targets, weights)


def soft_f1(p: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """1 - mean of F1_c = 2 sum t p / (sum t + sum p), averaged by w_c. p (B, C): probabilities.

    A class without targets in the batch is left out: its F1 is 0 whatever is predicted, so it has no gradient. Of a
    softmax, what is wrongly predicted as it costs the true class.
    """
    score = 2 * (targets * p).sum(0) / (targets.sum(0) + p.sum(0)).clamp_min(1e-12)
    counted = (targets.sum(0) > 0).float() * (1.0 if weights is None else weights)
    return 1 - (score * counted).sum() / counted.sum().clamp_min(1e-12)


def smoothed(targets: Tensor, smoothing: float) -> Tensor:
    """(1 - s) t + s / C (Szegedy et al. 2016)."""
    return targets * (1 - smoothing) + smoothing / targets.shape[1]


def class_weights(counts: Tensor) -> Tensor:
    """N / (C n_c) (C,), 0 for a class without rows: scikit-learn's "balanced"."""
    counts = counts.double()
    return torch.where(counts > 0, counts.sum() / (len(counts) * counts.clamp_min(1)), 0.0).float()


def marginal(logits: Tensor, targets: Tensor, members: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Log-probabilities and targets (B, V) of an attribute's values from those of classes (B, C).

    members: for each value the classes that have it. The log-probabilities serve as logits: their softmax is itself.
    """
    log_p = logits.log_softmax(1)
    return (
        torch.stack([log_p[:, classes].logsumexp(1) for classes in members], 1),
        torch.stack([targets[:, classes].sum(1) for classes in members], 1),
    )


def _weighted_mean(values: Tensor, targets: Tensor, weights: Tensor | None) -> Tensor:
    weighted = targets if weights is None else targets * weights
    return (weighted * values).sum() / weighted.sum().clamp_min(1e-12)


def label_bce(logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """Binary cross entropy, -w t log p - (1 - t) log(1 - p)."""
    return F.binary_cross_entropy_with_logits(logits, targets, pos_weight=weights)


def label_focal(logits: Tensor, targets: Tensor, weights: Tensor | None = None, gamma: float = 2.0) -> Tensor:
    """-w t (1 - p)^gamma log p - (1 - t) p^gamma log(1 - p) (Lin et al. 2017, linear in t); gamma 0 is `bce`."""
    positive = (-logits).sigmoid() ** gamma * -F.logsigmoid(logits)
    negative = logits.sigmoid() ** gamma * -F.logsigmoid(-logits)
    return ((1.0 if weights is None else weights) * targets * positive + (1 - targets) * negative).mean()


def label_f1(logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """1 - macro F1 with probabilities for counts, over the labels that the batch's targets hold.

    A label that no photo of the batch has gives no gradient: sum it with bce or focal. weights are not used, because
    the mean over labels counts all alike.
    """
    return soft_f1(logits.sigmoid(), targets)


def smoothed_labels(targets: Tensor, smoothing: float) -> Tensor:
    """(1 - s) t + s / 2."""
    return targets * (1 - smoothing) + smoothing / 2


def positive_weights(counts: Tensor, rows: int) -> Tensor:
    """(N - n_c) / n_c (C,): negatives per positive; 1 for a label without rows."""
    counts = counts.double()
    return torch.where(counts > 0, (rows - counts) / counts.clamp_min(1), 1.0).float()


BEND = 0.1  # where huber turns from square to straight: a tenth of the range


def mse(values: Tensor, targets: Tensor) -> Tensor:
    """Mean squared error: predicts the mean, for RMSE and kappa."""
    return F.mse_loss(values, targets)


def mae(values: Tensor, targets: Tensor) -> Tensor:
    """Mean absolute error: predicts the median."""
    return F.l1_loss(values, targets)


def huber(values: Tensor, targets: Tensor) -> Tensor:
    """Square for errors below BEND, straight above (Huber 1964): few wrong labels do not rule the rest."""
    return F.huber_loss(values, targets, delta=BEND)


def number_bce(outputs: Tensor, targets: Tensor) -> Tensor:
    """Binary cross entropy of the sigmoid of outputs: takes the network's outputs, not the scaled values."""
    return F.binary_cross_entropy_with_logits(outputs, targets)


Loss = Callable[[Tensor, Tensor], Tensor]

FUNCTIONS: dict[str, dict[str, Callable]] = {  # by family of the head, by name
    "classes": {
        "cross_entropy": cross_entropy,
        "focal": focal,
        "f1": f1,
    },
    "labels": {"bce": label_bce, "focal": label_focal, "f1": label_f1},
    "number": {
        "mse": mse,
        "mae": mae,
        "huber": huber,
        "bce": number_bce,
    },
}


def check_loss(recipe: Recipe, competition: Competition) -> None:
    """Raise InputError, with the losses that fit, for a loss that is unknown or does not fit the recipe's head."""
    recipe = resolved_recipe(recipe, competition)
    _parse_for(heads.build_head(recipe, competition), recipe, competition)


def parse_loss(spec: str, names: tuple[str, ...], attributes: tuple[str, ...] = ()) -> list[tuple[float, str, str]]:
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


def build_loss(
    recipe: Recipe, labels: np.ndarray, competition: Competition, device: torch.device | str = "cpu"
) -> Loss:
    """The loss of a recipe. labels (N, …): those of all training rows, which class_weights=balanced counts.

    A loss of an attribute is taken on the attribute's marginals: targets summed over the classes that share a value,
    and log-probabilities likewise, for one head per class and one head per attribute alike.
    """
    recipe = resolved_recipe(recipe, competition)
    head = heads.build_head(recipe, competition)
    if head.family == "number":
        terms = [_number_term(*term[:2], head) for term in _parse_for(head, recipe, competition)]
    else:
        counts = _counts(head, labels, competition).to(device)
        terms = [
            _term(*term, head, recipe, counts, len(labels), competition)
            for term in _parse_for(head, recipe, competition)
        ]
    # float32: half precision has too few digits for a sum over a batch
    return lambda outputs, targets: sum(term(outputs.float(), targets) for term in terms)


def _parse_for(head: Head, recipe: Recipe, competition: Competition) -> list[tuple[float, str, str]]:
    attributes = tuple(competition.attributes) if head.family == "classes" else ()
    return parse_loss(recipe.loss, tuple(FUNCTIONS[head.family]), attributes)


def _counts(head: Head, labels: np.ndarray, competition: Competition) -> Tensor:
    """The sum of all training targets (T,): rows of each class or label."""
    if labels.dtype.kind == "i" and head.family == "classes":  # the targets of a million rows would not fit in memory
        rows = torch.from_numpy(np.bincount(labels, minlength=competition.size))
        return rows.float() @ head.targets(torch.arange(competition.size))
    return head.targets(torch.from_numpy(labels)).sum(0)


def _term(weight, name, attribute, head: Head, recipe: Recipe, counts: Tensor, rows: int, competition) -> Loss:
    """One term of a sum over classes or labels."""
    smooth = smoothed if head.family == "classes" else smoothed_labels
    function = FUNCTIONS[head.family][name]
    function = partial(function, gamma=recipe.gamma) if name == "focal" else function
    smoothing = recipe.smoothing if head.smooths else 0.0
    members = _members(competition, attribute, head, counts.device) if attribute else []
    if members:
        counts = torch.stack([counts[classes].sum() for classes in members])
    weights = _weights(head, recipe, counts, rows)

    def term(logits: Tensor, targets: Tensor) -> Tensor:
        if members:
            logits, targets = marginal(logits, targets, members)
        return weight * function(logits, smooth(targets, smoothing), weights)

    return term


def _members(competition: Competition, attribute: str, head: Head, device) -> list[Tensor]:
    """For each value of the attribute the training targets of the classes that have it."""
    values = torch.as_tensor(competition.attribute_values[attribute][head.of_class], device=device)
    return [(values == value).nonzero().flatten() for value in range(int(values.max()) + 1)]


def _weights(head: Head, recipe: Recipe, counts: Tensor, rows: int) -> Tensor | None:
    if recipe.class_weights != "balanced":
        return None
    if head.family == "classes":
        return class_weights(counts)
    return positive_weights(counts, rows)


def _number_term(weight: float, name: str, head: Head) -> Loss:
    function = FUNCTIONS["number"][name]
    if name == "bce":  # from the outputs themselves: the logarithm of a sigmoid loses digits
        return lambda outputs, targets: weight * function(outputs, targets)
    return lambda outputs, targets: weight * function(head.scaled(outputs), targets)
