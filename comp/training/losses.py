"""Define the losses. A loss takes a network's outputs (B, T) and training targets (B, T), and returns a scalar.

A recipe's loss is a weighted sum of losses, such as "0.4 f1 + 0.6 focal". If the classes have attributes, a loss may
apply to one attribute, as in "cross_entropy(size) + 2 focal(colour)". `build_loss` turns such a text into one function.

LOSSES lists all losses. Each loss fits one family of heads: "classes" (one softmax), "labels" (one sigmoid for each
label) or "number" (one output). A new loss needs an entry in LOSSES. Label smoothing works with all losses for classes
and labels. Class weights work with the same losses, except with the loss f1 for labels.

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

# ---- losses for classes: arguments are logits (B, C), soft targets (B, C) whose rows sum to 1, class weights (C,)


def cross_entropy(logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """Return the cross entropy: the mean over the batch of -log p_c, with weight w_c t_c for each photo and class c.

    p: the softmax of the logits (B, C). t: the targets (B, C). w: the class weights (C,), all 1 if `weights` is None.
    """
    return _weighted_mean(-logits.log_softmax(1), targets, weights)


def focal(logits: Tensor, targets: Tensor, weights: Tensor | None = None, gamma: float = 2.0) -> Tensor:
    """Return the focal loss: the mean of -(1 - p_c)^gamma log p_c, weighted as in `cross_entropy` (Lin et al. 2017).

    p: the softmax of the logits (B, C). A gamma of 0 gives the cross entropy.
    """
    log_p = logits.log_softmax(1)
    # expm1 gives 1 - p, because the plain difference loses its digits in float32 near p = 1
    return _weighted_mean((-torch.expm1(log_p)).clamp_min(0) ** gamma * -log_p, targets, weights)


def f1(logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """Return 1 - macro F1, computed from the softmax of the logits (B, C). `soft_f1` has the formula."""
    return soft_f1(logits.softmax(1), targets, weights)


def soft_f1(p: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """Return 1 - macro F1 of a batch, computed from probabilities instead of counts, so that it has a gradient.

    The F1 of class c is 2 sum(t p) / (sum t + sum p), summed over the batch, where t is the class's column of targets
    (B, C) and p its column of probabilities (B, C). The mean over the classes is weighted by `weights` (C,). A class
    without targets in the batch is left out, because its F1 is 0 for any prediction.
    """
    score = 2 * (targets * p).sum(0) / (targets.sum(0) + p.sum(0)).clamp_min(1e-12)
    counted = (targets.sum(0) > 0).float() * (1.0 if weights is None else weights)
    return 1 - (score * counted).sum() / counted.sum().clamp_min(1e-12)


def smooth_classes(targets: Tensor, smoothing: float) -> Tensor:
    """Return the targets t (B, C) with label smoothing, which is (1 - s) t + s / C (Szegedy et al. 2016).

    smoothing: s, from 0 to 1.
    """
    return targets * (1 - smoothing) + smoothing / targets.shape[1]


def class_weights(counts: Tensor) -> Tensor:
    """Return class weights (C,) that give each class the same total weight, as "balanced" does in scikit-learn.

    The weight of class c is N / (C n_c), where n_c is the number of its training rows and N is the number of all
    training rows. A class without rows gets 0. counts (C,): the numbers n_c.
    """
    counts = counts.double()
    return torch.where(counts > 0, counts.sum() / (len(counts) * counts.clamp_min(1)), 0.0).float()


def marginal(logits: Tensor, targets: Tensor, members: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Turn logits and targets (B, C) of classes into log-probabilities and targets (B, V) of an attribute's values.

    The probability of a value is the sum of the probabilities of its classes. members: for each value of the attribute,
    the indices of the classes that have this value. The log-probabilities can be used as logits, because their softmax
    gives the probabilities.
    """
    log_p = logits.log_softmax(1)
    return (
        torch.stack([log_p[:, classes].logsumexp(1) for classes in members], 1),
        torch.stack([targets[:, classes].sum(1) for classes in members], 1),
    )


def _weighted_mean(values: Tensor, targets: Tensor, weights: Tensor | None) -> Tensor:
    weighted = targets if weights is None else targets * weights
    return (weighted * values).sum() / weighted.sum().clamp_min(1e-12)


# ---- losses for labels: arguments are logits (B, C), soft targets (B, C) in 0 … 1, weights (C,) of positive labels


def label_bce(logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """Return the mean binary cross entropy -w t log p - (1 - t) log(1 - p) over all photos and labels.

    p: the sigmoids of the logits (B, C). t: the targets (B, C). w: the weights (C,) of positive labels, all 1 if
    `weights` is None.
    """
    return F.binary_cross_entropy_with_logits(logits, targets, pos_weight=weights)


def label_focal(logits: Tensor, targets: Tensor, weights: Tensor | None = None, gamma: float = 2.0) -> Tensor:
    """Return the mean of -w t (1 - p)^gamma log p - (1 - t) p^gamma log(1 - p) over all photos and labels.

    This is the focal loss for labels (Lin et al. 2017), in a form that is linear in the targets t. `label_bce` explains
    p, t and w. A gamma of 0 gives `label_bce`.
    """
    positive = (-logits).sigmoid() ** gamma * -F.logsigmoid(logits)
    negative = logits.sigmoid() ** gamma * -F.logsigmoid(-logits)
    return ((1.0 if weights is None else weights) * targets * positive + (1 - targets) * negative).mean()


def label_f1(logits: Tensor, targets: Tensor) -> Tensor:
    """Return 1 - macro F1, computed from the sigmoids of the logits (B, C). `soft_f1` has the formula.

    A label that no photo of the batch has gets no gradient, so combine this loss with bce or focal. The loss takes no
    class weights, because each label has the same weight in the mean.
    """
    return soft_f1(logits.sigmoid(), targets)


def smooth_labels(targets: Tensor, smoothing: float) -> Tensor:
    """Return the targets t (B, C) with label smoothing, which is (1 - s) t + s / 2.

    smoothing: s, from 0 to 1.
    """
    return targets * (1 - smoothing) + smoothing / 2


def positive_weights(counts: Tensor, rows: int) -> Tensor:
    """Return a weight for the positive rows of each label, as a tensor (C,).

    The weight is the number of rows without the label, divided by the number of rows with the label. A label that no
    row has gets the weight 1. counts (C,): how many training rows have each label. rows: the number of training rows.
    """
    counts = counts.double()
    return torch.where(counts > 0, (rows - counts) / counts.clamp_min(1), 1.0).float()


# ---- losses for a number: arguments are values (B, 1) and targets (B, 1), both scaled to 0 … 1

BEND = 0.1  # the error at which huber changes from quadratic to linear, as a share of the range


def mse(values: Tensor, targets: Tensor) -> Tensor:
    """Return the mean squared error. It suits the metrics RMSE and kappa, because the mean minimises it."""
    return F.mse_loss(values, targets)


def mae(values: Tensor, targets: Tensor) -> Tensor:
    """Return the mean absolute error. It suits the metric MAE, because the median minimises it."""
    return F.l1_loss(values, targets)


def huber(values: Tensor, targets: Tensor) -> Tensor:
    """Return the mean Huber loss, which is quadratic for errors below BEND and linear for larger errors (Huber 1964).

    A few wrong labels therefore have less influence than in the mean squared error.
    """
    return F.huber_loss(values, targets, delta=BEND)


def number_bce(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the mean binary cross entropy between the sigmoids of the outputs (B, 1) and the targets (B, 1).

    The other losses for a number take scaled values. This loss takes the outputs of the network.
    """
    return F.binary_cross_entropy_with_logits(outputs, targets)


# ---- all losses by name


@dataclass(frozen=True)
class Loss:
    """An entry of LOSSES, which describes a loss.

    name: the name of the loss in a recipe. family: the family of heads that the loss fits (classes, labels or number).
    function: the function that computes the loss. weights: whether `function` has the argument weights. gamma: whether
    `function` has the argument gamma.
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
    """Return the losses that fit a family of heads, as a dictionary from the name of a loss to its entry in LOSSES.

    family: "classes", "labels" or "number".
    """
    return {loss.name: loss for loss in LOSSES if loss.family == family}


def check_loss(recipe: Recipe, competition: Competition) -> None:
    """Raise InputError, with a list of fitting losses, if the recipe's loss is unknown or does not fit its head."""
    recipe = resolved_recipe(recipe, competition)
    _terms_of(recipe, heads.build_head(recipe, competition), competition)


def parse_loss(spec: str, names: tuple[str, ...], attributes: tuple[str, ...] = ()) -> list[tuple[float, str, str]]:
    """Turn a text that describes a loss into a list with the weight, the name and the attribute of each loss in it.

    For example, "0.4 f1 + focal(a)" gives [(0.4, "f1", ""), (1.0, "focal", "a")]. spec: the text. names: the names of
    the losses that are allowed. attributes: the names of attributes that a loss may apply to. Raises InputError for any
    other text.
    """
    terms = []
    for term in spec.split("+"):
        match = re.fullmatch(r"\s*(?:(\d*\.?\d+)\s*\*?\s*)?([a-z_][a-z_0-9]*)\s*(?:\(\s*(\w+)\s*\))?\s*", term)
        if not match or match[2] not in names or (match[3] and match[3] not in attributes):
            of = f"; or a loss of one attribute: {names[0]}({' or '.join(attributes)})" if attributes else ""
            raise InputError(
                f"loss={spec!r}: {term.strip()!r} is not a loss that fits the head of this recipe",
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

    labels (N, …): the labels of all training rows, from which the setting class_weights=balanced computes the weights.
    A loss that applies to an attribute first sums probabilities and targets over the classes with the same value of the
    attribute. This works with every head of the family "classes". device: the device of outputs and targets.
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
    """Build each loss of a weighted sum as a function, for a head of classes or labels.

    labels (N, …): the labels of all training rows, from which the class weights are computed.
    """

    def __init__(self, recipe: Recipe, head: Head, labels: np.ndarray, competition: Competition, device):
        self.recipe, self.head, self.competition, self.count = recipe, head, competition, len(labels)
        self.counts = _counts(head, labels, competition).to(device)

    def term(self, weight: float, loss: Loss, attribute: str) -> LossFunction:
        """Return one loss of the weighted sum, times its weight, as a function of logits and targets.

        weight: the weight of the loss in the sum. loss: its entry in LOSSES. attribute: the name of the attribute that
        the loss applies to; "" means that the loss applies to the classes or labels.
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
        """Return a list with one tensor for each value of an attribute.

        The tensor has the indices of the training targets whose class has this value.
        """
        values = self.competition.attribute_values[attribute][self.head.of_class]
        values = torch.as_tensor(values, device=self.counts.device)
        return [(values == value).nonzero().flatten() for value in range(int(values.max()) + 1)]

    def _options(self, loss: Loss, members: list[Tensor]) -> dict:
        """Return a dictionary with the arguments gamma and weights for the function of a loss.

        An argument is left out if the function does not have it or the recipe does not use it. members: for each value
        of an attribute, the indices of its training targets; [] if the loss applies to the classes or labels.
        """
        options = {"gamma": self.recipe.gamma} if loss.gamma else {}
        if not loss.weights or self.recipe.class_weights != "balanced":
            return options
        counts = torch.stack([self.counts[classes].sum() for classes in members]) if members else self.counts
        by_class = self.head.family == "classes"
        return options | {"weights": class_weights(counts) if by_class else positive_weights(counts, self.count)}


def _counts(head: Head, labels: np.ndarray, competition: Competition) -> Tensor:
    """Return the sum (T,) of the training targets over all rows. It says how many rows each class or label has."""
    if labels.dtype.kind == "i" and head.family == "classes":  # the targets of a million rows might not fit in memory
        rows = torch.from_numpy(np.bincount(labels, minlength=competition.size))
        return rows.float() @ head.targets(torch.arange(competition.size))
    return head.targets(torch.from_numpy(labels)).sum(0)
