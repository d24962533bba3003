"""Losses. A loss takes a network's outputs (B, T) and the training targets (B, T) of its head, and returns a scalar.

A recipe's loss is a weighted sum of losses, such as "0.4 f1 + 0.6 focal". In a competition with attributes, a term may
apply to one attribute, as in "cross_entropy(a) + 2 focal(b)". `build_loss` turns such a text into one function.
LOSSES lists all losses, each with the family of heads that it fits: classes (one softmax), labels (a sigmoid for each
label) or number. A new loss needs an entry in LOSSES. Class weights and label smoothing work with all losses of classes
and labels, except that the f1 of labels takes no class weights.

Letters: B photos of a batch, T training targets, C classes or labels, V values of an attribute.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from comp.competition.competition import Competition
from comp.errors import InputError
from comp.models import heads
from comp.models.heads import SIGMOID_LOSSES, Head
from comp.recipes.recipe_settings import Recipe, resolved_recipe

# ---- losses of classes take logits (B, C), soft targets (B, C) whose rows sum to 1, and the weight (C,) of each class


def cross_entropy(logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """Return the mean over the batch of -sum_c w_c t_c log p_c, weighted by sum_c w_c t_c as in torch."""
    return _weighted_mean(-logits.log_softmax(1), targets, weights)


def focal(logits: Tensor, targets: Tensor, weights: Tensor | None = None, gamma: float = 2.0) -> Tensor:
    """Return the mean over the batch of -sum_c w_c t_c (1 - p_c)^gamma log p_c (Lin et al. 2017).

    The mean is weighted as in `cross_entropy`. A gamma of 0 gives the cross entropy.
    """
    log_p = logits.log_softmax(1)
    # expm1 gives 1 - p, because the plain difference loses its digits in float32 near p = 1
    return _weighted_mean((-torch.expm1(log_p)).clamp_min(0) ** gamma * -log_p, targets, weights)


def f1(logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """Return 1 - macro F1 over the classes that have targets in the batch, with probabilities in place of counts.

    `soft_f1` has the formula.
    """
    return soft_f1(logits.softmax(1), targets, weights)


def soft_f1(p: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """Return 1 - the mean over classes of F1_c = 2 sum t p / (sum t + sum p), weighted by w_c.

    p (B, C): probabilities. A class without targets in the batch is left out, because its F1 is 0 for any prediction
    and so has no gradient. With a softmax, probability on such a class still costs, because the true class gets less.
    """
    score = 2 * (targets * p).sum(0) / (targets.sum(0) + p.sum(0)).clamp_min(1e-12)
    counted = (targets.sum(0) > 0).float() * (1.0 if weights is None else weights)
    return 1 - (score * counted).sum() / counted.sum().clamp_min(1e-12)


def smooth_classes(targets: Tensor, smoothing: float) -> Tensor:
    """Return the smoothed targets (1 - s) t + s / C, where s is `smoothing` (Szegedy et al. 2016)."""
    return targets * (1 - smoothing) + smoothing / targets.shape[1]


def class_weights(counts: Tensor) -> Tensor:
    """Return the class weights N / (C n_c) (C,), as scikit-learn's "balanced"; a class without rows gets 0.

    counts (C,): n_c, the number of training rows of each class. N is their sum.
    """
    counts = counts.double()
    return torch.where(counts > 0, counts.sum() / (len(counts) * counts.clamp_min(1)), 0.0).float()


def marginal(logits: Tensor, targets: Tensor, members: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Turn logits and targets (B, C) of classes into log-probabilities and targets (B, V) of an attribute's values.

    members: for each value of the attribute, the indices of the classes that have this value. The log-probabilities can
    serve as logits, because their softmax gives the probabilities back.
    """
    log_p = logits.log_softmax(1)
    return (
        torch.stack([log_p[:, classes].logsumexp(1) for classes in members], 1),
        torch.stack([targets[:, classes].sum(1) for classes in members], 1),
    )


def _weighted_mean(values: Tensor, targets: Tensor, weights: Tensor | None) -> Tensor:
    weighted = targets if weights is None else targets * weights
    return (weighted * values).sum() / weighted.sum().clamp_min(1e-12)


# ---- losses of labels take logits (B, C), soft targets (B, C) in 0 … 1, and the weights (C,) of positive labels


def label_bce(logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """Return the mean binary cross entropy -w t log p - (1 - t) log(1 - p)."""
    return F.binary_cross_entropy_with_logits(logits, targets, pos_weight=weights)


def label_focal(logits: Tensor, targets: Tensor, weights: Tensor | None = None, gamma: float = 2.0) -> Tensor:
    """Return the mean of -w t (1 - p)^gamma log p - (1 - t) p^gamma log(1 - p) (Lin et al. 2017), which is linear in t.

    A gamma of 0 gives `label_bce`.
    """
    positive = (-logits).sigmoid() ** gamma * -F.logsigmoid(logits)
    negative = logits.sigmoid() ** gamma * -F.logsigmoid(-logits)
    return ((1.0 if weights is None else weights) * targets * positive + (1 - targets) * negative).mean()


def label_f1(logits: Tensor, targets: Tensor) -> Tensor:
    """Return 1 - macro F1 over the labels that have targets in the batch, with probabilities in place of counts.

    A label that no photo of the batch has gets no gradient, so add bce or focal to this loss. The loss takes no class
    weights, because its mean already gives each label the same weight.
    """
    return soft_f1(logits.sigmoid(), targets)


def smooth_labels(targets: Tensor, smoothing: float) -> Tensor:
    """Return the smoothed targets (1 - s) t + s / 2, where s is `smoothing`."""
    return targets * (1 - smoothing) + smoothing / 2


def positive_weights(counts: Tensor, rows: int) -> Tensor:
    """Return the weights (N - n_c) / n_c (C,) of positive labels, that is, negatives per positive.

    A label without positive rows gets 1. counts (C,): n_c, the number of rows that have each label. rows: N, the number
    of training rows.
    """
    counts = counts.double()
    return torch.where(counts > 0, (rows - counts) / counts.clamp_min(1), 1.0).float()


# ---- losses of a number take values (B, 1) and targets (B, 1), both scaled to 0 … 1

BEND = 0.1  # the error at which huber turns from quadratic to linear, as a share of the range


def mse(values: Tensor, targets: Tensor) -> Tensor:
    """Return the mean squared error, which the mean minimises; it suits the metrics RMSE and kappa."""
    return F.mse_loss(values, targets)


def mae(values: Tensor, targets: Tensor) -> Tensor:
    """Return the mean absolute error, which the median minimises."""
    return F.l1_loss(values, targets)


def huber(values: Tensor, targets: Tensor) -> Tensor:
    """Return the mean Huber loss (Huber 1964), which is quadratic for errors below BEND and linear above.

    A few wrong labels do not outweigh the other labels.
    """
    return F.huber_loss(values, targets, delta=BEND)


def number_bce(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the mean binary cross entropy of the sigmoid of the outputs (B, 1).

    Unlike the other losses of a number, this loss takes the network's outputs and not the scaled values.
    """
    return F.binary_cross_entropy_with_logits(outputs, targets)


# ---- all losses by name


@dataclass(frozen=True)
class Loss:
    """A loss.

    name: the name of the loss in a recipe. family: the family of heads that the loss fits (see heads.py).
    weights: whether `function` takes class weights. gamma: whether `function` takes the recipe's gamma.
    """

    name: str
    family: str
    function: Callable[..., Tensor]
    weights: bool = False
    gamma: bool = False


LOSSES = (
    Loss("cross_entropy", "classes", cross_entropy, weights=True),
    Loss("focal", "classes", focal, weights=True, gamma=True),
    Loss("f1", "classes", f1, weights=True),
    Loss("bce", "labels", label_bce, weights=True),
    Loss("focal", "labels", label_focal, weights=True, gamma=True),
    Loss("f1", "labels", label_f1),
    Loss("mse", "number", mse),
    Loss("mae", "number", mae),
    Loss("huber", "number", huber),
    Loss("bce", "number", number_bce),
)


def losses_of(family: str) -> dict[str, Loss]:
    """Return the losses that fit a family of heads, by name."""
    return {loss.name: loss for loss in LOSSES if loss.family == family}


def check_loss(recipe: Recipe, competition: Competition) -> None:
    """Raise InputError if the recipe's loss is unknown or does not fit its head. The error lists losses that fit."""
    recipe = resolved_recipe(recipe, competition)
    _terms_of(recipe, heads.build_head(recipe, competition), competition)


def parse_loss(spec: str, names: tuple[str, ...], attributes: tuple[str, ...] = ()) -> list[tuple[float, str, str]]:
    """Parse "0.4 f1 + focal(a)" into [(0.4, "f1", ""), (1.0, "focal", "a")].

    Raises InputError unless each term is one of the losses `names`, alone or with one of `attributes`.
    """
    terms = []
    for term in spec.split("+"):
        match = re.fullmatch(r"\s*(?:(\d*\.?\d+)\s*\*?\s*)?([a-z_][a-z_0-9]*)\s*(?:\(\s*(\w+)\s*\))?\s*", term)
        if not match or match[2] not in names or (match[3] and match[3] not in attributes):
            of = f"; a loss may name an attribute: {names[0]}({' or '.join(attributes)})" if attributes else ""
            raise InputError(
                f"loss={spec!r}: {term.strip()!r} is no loss that fits this head",
                f"a sum of {', '.join(names)}, such as 0.4 {names[-1]} + 0.6 {names[0]}{of}",
                'the same command with SET="loss=auto" RUN=<name>, which takes the usual loss for the target',
            )
        terms.append((float(match[1] or 1), match[2], match[3] or ""))
    return terms


def _terms_of(recipe: Recipe, head: Head, competition: Competition) -> list[tuple[float, str, str]]:
    attributes = tuple(competition.attributes) if head.family == "classes" else ()
    return parse_loss(recipe.loss, tuple(losses_of(head.family)), attributes)


# ---- the loss of a recipe

LossFunction = Callable[[Tensor, Tensor], Tensor]


def build_loss(
    recipe: Recipe, labels: np.ndarray, competition: Competition, device: torch.device | str = "cpu"
) -> LossFunction:
    """Return the loss of a recipe, a function that turns outputs (B, T) and training targets (B, T) into a scalar.

    labels (N, …): the labels of all training rows, which class_weights=balanced counts. A loss of an attribute is
    computed on the marginals of the attribute, with probabilities and targets summed over the classes that share a
    value. This works with every head of the family classes.
    """
    recipe = resolved_recipe(recipe, competition)
    head = heads.build_head(recipe, competition)
    known, parsed = losses_of(head.family), _terms_of(recipe, head, competition)
    if head.family == "number":
        terms = [_number_term(weight, known[name], head) for weight, name, _ in parsed]
    else:
        rows = _TrainingRows(recipe, head, labels, competition, device)
        terms = [rows.term(weight, known[name], attribute) for weight, name, attribute in parsed]

    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        # in float32, because half precision has too few digits for a sum over a batch
        return sum(term(outputs.float(), targets) for term in terms)

    return loss


def _number_term(weight: float, loss: Loss, head: Head) -> LossFunction:
    def term(outputs: Tensor, targets: Tensor) -> Tensor:
        # a loss of the sigmoid takes the outputs themselves, because the logarithm of a sigmoid loses digits
        values = outputs if loss.name in SIGMOID_LOSSES else head.scaled(outputs)
        return weight * loss.function(values, targets)

    return term


class _TrainingRows:
    """The terms of a loss of classes or labels, with class weights that are counted in the training rows."""

    def __init__(self, recipe: Recipe, head: Head, labels: np.ndarray, competition: Competition, device):
        self.recipe, self.head, self.competition, self.count = recipe, head, competition, len(labels)
        self.counts = _counts(head, labels, competition).to(device)

    def term(self, weight: float, loss: Loss, attribute: str) -> LossFunction:
        """Return one term of the sum as a function of logits and targets.

        attribute: the attribute that the loss applies to; "" means that the loss applies to the classes or labels.
        """
        smooth = smooth_classes if self.head.family == "classes" else smooth_labels
        smoothing = self.recipe.smoothing if self.head.smooths else 0.0
        members = self._members(attribute) if attribute else []
        options = self._options(loss, members)

        def term(logits: Tensor, targets: Tensor) -> Tensor:
            if members:
                logits, targets = marginal(logits, targets, members)
            return weight * loss.function(logits, smooth(targets, smoothing), **options)

        return term

    def _members(self, attribute: str) -> list[Tensor]:
        """Return, for each value of the attribute, the indices of the training targets whose class has this value."""
        values = self.competition.attribute_values[attribute][self.head.of_class]
        values = torch.as_tensor(values, device=self.counts.device)
        return [(values == value).nonzero().flatten() for value in range(int(values.max()) + 1)]

    def _options(self, loss: Loss, members: list[Tensor]) -> dict:
        """Return the arguments that the loss's function takes besides logits and targets.

        members: the argument of `marginal`, or an empty list if the loss applies to the classes or labels.
        """
        options = {"gamma": self.recipe.gamma} if loss.gamma else {}
        if not loss.weights or self.recipe.class_weights != "balanced":
            return options
        counts = torch.stack([self.counts[classes].sum() for classes in members]) if members else self.counts
        by_class = self.head.family == "classes"
        return options | {"weights": class_weights(counts) if by_class else positive_weights(counts, self.count)}


def _counts(head: Head, labels: np.ndarray, competition: Competition) -> Tensor:
    """Return the sum (T,) of the training targets over all rows, that is, the number of rows of each class or label."""
    if labels.dtype.kind == "i" and head.family == "classes":  # the targets of a million rows might not fit in memory
        rows = torch.from_numpy(np.bincount(labels, minlength=competition.size))
        return rows.float() @ head.targets(torch.arange(competition.size))
    return head.targets(torch.from_numpy(labels)).sum(0)
