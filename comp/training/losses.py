"""Define the losses. A loss turns the outputs of a network and the training targets of a batch into a scalar.

The loss of a recipe is a weighted sum of losses, such as "0.4 f1 + 0.6 focal". If the classes are combinations of
attributes, a loss may apply to a single attribute, as in "cross_entropy(size) + 2 focal(colour)". `build_loss` turns
such a text into a function.

A loss fits the heads of one family: "classes" (one softmax over all outputs), "labels" (one sigmoid for each label) or
"number" (one output). Label smoothing works with all losses for classes and for labels. Class weights work with these
losses, too, except with f1 for labels. A new loss must be added to LOSSES, the list of all losses.

Letters in the shapes: B photos in a batch, C classes or labels, V values of an attribute.
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
from comp.recipes.automatic import resolved_recipe
from comp.recipes.recipe_settings import Recipe, can_smooth

# ---- losses for classes: arguments are logits (B, C), soft targets (B, C) whose rows sum to 1, class weights (C,)


def cross_entropy(logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """Return the cross entropy of a batch: the mean of -log p over all photos and classes, each with the weight w t.

    p: the softmax of the logits (B, C), for B photos and C classes. t: the targets (B, C), a probability for each
    class. w: the weights (C,) of the classes, which are all 1 if `weights` is None.
    """
    return _weighted_mean(-logits.log_softmax(1), targets, weights)


def focal(logits: Tensor, targets: Tensor, weights: Tensor | None = None, gamma: float = 2.0) -> Tensor:
    """Return the focal loss (Lin et al. 2017), which gives easy photos less influence than the cross entropy.

    It is the mean of -(1 - p)^gamma log p over all photos and classes, each with the weight w t. p: the softmax of the
    logits (B, C), for B photos and C classes. t: the targets (B, C), a probability for each class. w: the weights (C,)
    of the classes, which are all 1 if `weights` is None. If gamma is 0, the result is the cross entropy.
    """
    log_p = logits.log_softmax(1)
    # expm1 gives 1 - p, because the plain difference loses its digits in float32 near p = 1
    return _weighted_mean((-torch.expm1(log_p)).clamp_min(0) ** gamma * -log_p, targets, weights)


def f1(logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """Return 1 - macro F1 of a batch, computed from probabilities instead of counts, so that it has a gradient.

    logits (B, C): their softmax gives the probabilities, for B photos and C classes. targets (B, C): a probability for
    each class. weights (C,): the weights of the classes in the mean, which are all 1 if `weights` is None.
    """
    return soft_f1(logits.softmax(1), targets, weights)


def soft_f1(p: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """Return 1 - macro F1 of a batch, computed from probabilities instead of counts, so that it has a gradient.

    p (B, C): the predicted probabilities, for B photos and C classes. targets (B, C): the probabilities t that should
    be predicted. The F1 of a class is 2 sum(t p) / (sum t + sum p), summed over the photos. weights (C,): the weights
    of the classes in the mean, which are all 1 if `weights` is None. A class that no photo of the batch has is left
    out, because its F1 is 0 for any prediction.
    """
    score = 2 * (targets * p).sum(0) / (targets.sum(0) + p.sum(0)).clamp_min(1e-12)
    counted = (targets.sum(0) > 0).float() * (1.0 if weights is None else weights)
    return 1 - (score * counted).sum() / counted.sum().clamp_min(1e-12)


def smooth_classes(targets: Tensor, smoothing: float) -> Tensor:
    """Return the targets with label smoothing: (1 - s) t + s / C for a target t and C classes (Szegedy et al. 2016).

    targets: a row for each photo, a column for each class. smoothing: s, from 0 to 1.
    """
    return targets * (1 - smoothing) + smoothing / targets.shape[1]


def class_weights(counts: Tensor) -> Tensor:
    """Return weights (C,) that give each of C classes the same influence, as "balanced" does in scikit-learn.

    counts (C,): the number of training rows of each class. A class with n of all N rows gets the weight N / (C n), and
    a class without rows gets 0.
    """
    counts = counts.double()
    return torch.where(counts > 0, counts.sum() / (len(counts) * counts.clamp_min(1)), 0.0).float()


def balancing_weights(head: Head, counts: Tensor, rows: int) -> Tensor:
    """Return the weights of the setting class_weights=balanced, one for each class or label.

    counts: how many training rows have each class or label. rows: the number of training rows.
    """
    return class_weights(counts) if head.family == "classes" else positive_weights(counts, rows)


def marginal(logits: Tensor, targets: Tensor, members: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Turn logits and targets of classes into log-probabilities and targets of the values of one attribute.

    The probability of a value is the sum of the probabilities of the classes that have it. logits, targets (B, C): a
    row for each photo, a column for each class. members: for each value of the attribute, the indices of its classes.
    Both results are (B, V), with a column for each value. The log-probabilities can be used as logits, because their
    softmax gives the probabilities.
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
    """Return the binary cross entropy -w t log p - (1 - t) log(1 - p), as the mean over all photos and labels.

    p: the sigmoids of the logits (B, C), for B photos and C labels. t: the targets (B, C), from 0 to 1. w: a weight
    (C,) for the positive photos of each label, which is always 1 if `weights` is None.
    """
    return F.binary_cross_entropy_with_logits(logits, targets, pos_weight=weights)


def label_focal(logits: Tensor, targets: Tensor, weights: Tensor | None = None, gamma: float = 2.0) -> Tensor:
    """Return the focal loss for a multilabel target (Lin et al. 2017).

    It is the mean of -w t (1 - p)^gamma log p - (1 - t) p^gamma log(1 - p) over all photos and labels. p: the sigmoids
    of the logits (B, C), for B photos and C labels. t: the targets (B, C), from 0 to 1. w: a weight (C,) for the
    positive photos of each label, which is always 1 if `weights` is None. If gamma is 0, the result is the binary cross
    entropy.
    """
    positive = (-logits).sigmoid() ** gamma * -F.logsigmoid(logits)
    negative = logits.sigmoid() ** gamma * -F.logsigmoid(-logits)
    return ((1.0 if weights is None else weights) * targets * positive + (1 - targets) * negative).mean()


def label_f1(logits: Tensor, targets: Tensor) -> Tensor:
    """Return 1 - macro F1 of a batch for a multilabel target, computed from probabilities instead of counts.

    logits (B, C): their sigmoids are the probabilities, for B photos and C labels. targets (B, C): from 0 to 1. A label
    that no photo of the batch has gets no gradient, so combine this loss with bce or focal.
    """
    return soft_f1(logits.sigmoid(), targets)


def smooth_labels(targets: Tensor, smoothing: float) -> Tensor:
    """Return the targets of a multilabel target with label smoothing: (1 - s) t + s / 2 for each target t.

    smoothing: s, from 0 to 1.
    """
    return targets * (1 - smoothing) + smoothing / 2


def positive_weights(counts: Tensor, rows: int) -> Tensor:
    """Return a weight for the positive rows of each label, as a tensor (C,) for C labels.

    The weight is the number of rows without the label, divided by the number of rows with the label. A label that no
    row has gets the weight 1. counts (C,): how many training rows have each label. rows: the number of training rows.
    """
    counts = counts.double()
    return torch.where(counts > 0, (rows - counts) / counts.clamp_min(1), 1.0).float()


# ---- losses for a number: arguments are values (B, 1) and targets (B, 1), both in standard deviations

BEND = 0.5  # the error at which huber changes from quadratic to linear, in standard deviations


def mse(values: Tensor, targets: Tensor) -> Tensor:
    """Return the mean squared error. This loss suits metrics of squared errors, such as RMSE and quadratic kappa."""
    return F.mse_loss(values, targets)


def mae(values: Tensor, targets: Tensor) -> Tensor:
    """Return the mean absolute error. This loss suits competitions whose metric is also the mean absolute error."""
    return F.l1_loss(values, targets)


def huber(values: Tensor, targets: Tensor) -> Tensor:
    """Return the mean Huber loss, which is quadratic for small errors and linear for large errors (Huber 1964).

    So a few wrong labels have less influence than in the mean squared error. values, targets: the predicted and the
    true numbers, standardised. An error is small if it is below BEND, half a standard deviation.
    """
    return F.huber_loss(values, targets, delta=BEND)


def number_bce(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the mean binary cross entropy between the sigmoids of the outputs and the targets.

    outputs (B, 1): the outputs of the network for B photos. targets (B, 1): the true numbers, scaled to 0 … 1.
    """
    return F.binary_cross_entropy_with_logits(outputs, targets)


# ---- all losses by name


@dataclass(frozen=True)
class Loss:
    """A loss that a recipe may name.

    name: the name of the loss. family: the family of heads that the loss fits: "classes", "labels" or "number".
    function: the function that computes the loss. weights: whether `function` has an argument weights. gamma: whether
    `function` has an argument gamma.
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

    family: "classes" (one softmax over all outputs), "labels" (one sigmoid for each label) or "number" (one output).
    """
    return {loss.name: loss for loss in LOSSES if loss.family == family}


def check_loss(recipe: Recipe, competition: Competition) -> None:
    """Raise InputError if the recipe's loss is unknown or does not fit its head. The error lists fitting losses.

    InputError is also raised if the recipe has class_weights=balanced, but its loss has no class weights.
    """
    recipe = resolved_recipe(recipe, competition)
    head = heads.build_head(recipe, competition)
    terms = _terms_of(recipe, head, competition)
    if recipe.class_weights == "balanced" and not any(loss.weights for _, loss, _ in terms):
        having = ", ".join(name for name, loss in losses_of(head.family).items() if loss.weights)
        raise InputError(
            f"class_weights=balanced is not possible with loss={recipe.loss}, which has no class weights",
            "class_weights=none" + (f", or a loss with class weights: {having}" if having else ""),
            "the same command with SET=class_weights=none",
        )


def parse_loss(spec: str, names: tuple[str, ...], attributes: tuple[str, ...] = ()) -> list[tuple[float, str, str]]:
    """Turn a text such as "0.4 f1 + focal(size)" into a list of losses: [(0.4, "f1", ""), (1.0, "focal", "size")].

    Each entry has the weight of a loss, its name, and the attribute to which it applies; "" means that it applies to
    the classes or labels. spec: the text. names: the names of the losses that are allowed. attributes: the names of the
    attributes that are allowed. Raises InputError for any other text.
    """
    terms = []
    for term in spec.split("+"):
        match = re.fullmatch(r"\s*(?:(\d*\.?\d+)\s*\*?\s*)?([a-z_][a-z_0-9]*)\s*(?:\(\s*(\w+)\s*\))?\s*", term)
        if not match or match[2] not in names or (match[3] and match[3] not in attributes):
            of = f"; or the loss of one attribute: {names[0]}({' or '.join(attributes)})" if attributes else ""
            raise InputError(
                f"loss={spec!r}: {term.strip()!r} is not a loss that fits the head of this recipe",
                f"a weighted sum of {', '.join(names)}, such as 0.4 {names[-1]} + 0.6 {names[0]}{of}",
                'the same command with SET="loss=auto" RUN=<new name>, which takes the usual loss for the target',
            )
        terms.append((float(match[1] or 1), match[2], match[3] or ""))
    return terms


def _terms_of(recipe: Recipe, head: Head, competition: Competition) -> list[tuple[float, Loss, str]]:
    """Return the entries of `parse_loss` for the recipe's loss, with each name replaced by its entry in LOSSES."""
    known, attributes = losses_of(head.family), tuple(competition.attributes) if head.family == "classes" else ()
    return [
        (weight, known[name], attribute)
        for weight, name, attribute in parse_loss(recipe.loss, tuple(known), attributes)
    ]


# ---- the loss of a recipe

LossFunction = Callable[[Tensor, Tensor], Tensor]


def build_loss(
    recipe: Recipe, labels: np.ndarray, competition: Competition, device: torch.device | str = "cpu"
) -> LossFunction:
    """Return the loss of a recipe: a function that turns outputs of the network and training targets into a scalar.

    labels: the labels of all training rows, from which the class weights are computed if the recipe has
    class_weights=balanced. device: the device of the outputs and targets. A loss that applies to a single attribute
    first adds up the probabilities of all classes with the same value of the attribute.
    """
    recipe = resolved_recipe(recipe, competition)
    head = heads.build_head(recipe, competition)
    parsed = _terms_of(recipe, head, competition)
    if head.family == "number":
        terms = [_number_term(weight, loss, head) for weight, loss, _ in parsed]
    else:
        rows = _TrainingRows(recipe, head, labels, competition, device)
        terms = [rows.term(*each) for each in parsed]

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
    """Build the losses of a recipe as functions, for a head that predicts classes or labels.

    labels: the labels of all training rows, from which the class weights are computed.
    """

    def __init__(self, recipe: Recipe, head: Head, labels: np.ndarray, competition: Competition, device):
        self.recipe, self.head, self.competition, self.count = recipe, head, competition, len(labels)
        self.counts = heads.target_sums(head, labels, competition).to(device)

    def term(self, weight: float, loss: Loss, attribute: str) -> LossFunction:
        """Return one loss of a weighted sum, times its weight, as a function of outputs and targets.

        weight: the weight of the loss in the sum. loss: its entry in LOSSES. attribute: the name of the attribute to
        which the loss applies; "" means that it applies to the classes or labels.
        """
        smooth = smooth_classes if self.head.family == "classes" else smooth_labels
        smoothing = self.recipe.smoothing if can_smooth(self.recipe.head, self.competition.target) else 0.0
        members = self._members(attribute) if attribute else []
        options = self._options(loss, members)

        def term(outputs: Tensor, targets: Tensor) -> Tensor:
            logits = self.head.logits(outputs)
            if members:
                logits, targets = marginal(logits, targets, members)
            return weight * loss.function(logits, smooth(targets, smoothing), **options)

        return term

    def _members(self, attribute: str) -> list[Tensor]:
        """Return a list with one tensor for each value of an attribute.

        Each tensor has the indices of those columns of the training targets whose class has the value.
        """
        values = self.competition.attribute_values[attribute][self.head.of_class]
        values = torch.as_tensor(values, device=self.counts.device)
        return [(values == value).nonzero().flatten() for value in range(int(values.max()) + 1)]

    def _options(self, loss: Loss, members: list[Tensor]) -> dict:
        """Return the arguments gamma and weights for the function that computes a loss, as a dictionary.

        An argument is left out if the function does not have it or the recipe does not use it. members: if the loss
        applies to an attribute, what `_members` returns for the attribute, else [].
        """
        options = {"gamma": self.recipe.gamma} if loss.gamma else {}
        if not loss.weights or self.recipe.class_weights != "balanced":
            return options
        counts = torch.stack([self.counts[classes].sum() for classes in members]) if members else self.counts
        return options | {"weights": balancing_weights(self.head, counts, self.count)}
