"""Losses: from the network's outputs (B, T) and the training targets (B, T) of its head to a scalar mean.

A recipe's loss is a weighted sum, "0.4 f1 + 0.6 focal", or one of attributes, "cross_entropy(a) + 2 focal(b)";
`build_loss` makes one function of it. LOSSES at the end of the module lists all losses with the family of heads that
each fits: classes (one softmax), labels (a sigmoid each) or number. A new loss is an entry there. Class weights and
label smoothing work with all losses of classes and labels.

Letters: B batch, T training targets, C classes or labels, V values of an attribute.
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

# ---- classes: logits (B, C) and soft targets (B, C) whose rows sum to 1; weights (C,) of each class


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

    A class without targets in the batch is left out: its F1 is 0 whatever is predicted, so it has no gradient. With a
    softmax, a wrong prediction of that class still costs: the true class gets less.
    """
    score = 2 * (targets * p).sum(0) / (targets.sum(0) + p.sum(0)).clamp_min(1e-12)
    counted = (targets.sum(0) > 0).float() * (1.0 if weights is None else weights)
    return 1 - (score * counted).sum() / counted.sum().clamp_min(1e-12)


def smooth_classes(targets: Tensor, smoothing: float) -> Tensor:
    """(1 - s) t + s / C (Szegedy et al. 2016)."""
    return targets * (1 - smoothing) + smoothing / targets.shape[1]


def class_weights(counts: Tensor) -> Tensor:
    """N / (C n_c) (C,), 0 for a class without rows: scikit-learn's "balanced". counts (C,): n_c, the rows of each."""
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


# ---- labels: logits (B, C) and soft targets (B, C), each in 0 … 1; weights (C,) of the positive part, as pos_weight


def label_bce(logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """Binary cross entropy, -w t log p - (1 - t) log(1 - p)."""
    return F.binary_cross_entropy_with_logits(logits, targets, pos_weight=weights)


def label_focal(logits: Tensor, targets: Tensor, weights: Tensor | None = None, gamma: float = 2.0) -> Tensor:
    """-w t (1 - p)^gamma log p - (1 - t) p^gamma log(1 - p) (Lin et al. 2017), linear in t; gamma 0 is `label_bce`."""
    positive = (-logits).sigmoid() ** gamma * -F.logsigmoid(logits)
    negative = logits.sigmoid() ** gamma * -F.logsigmoid(-logits)
    return ((1.0 if weights is None else weights) * targets * positive + (1 - targets) * negative).mean()


def label_f1(logits: Tensor, targets: Tensor) -> Tensor:
    """1 - macro F1 with probabilities for counts, over the labels that the batch's targets hold.

    A label that no photo of the batch has gives no gradient: sum it with bce or focal. It takes no weights, because the
    mean over labels counts all alike.
    """
    return soft_f1(logits.sigmoid(), targets)


def smooth_labels(targets: Tensor, smoothing: float) -> Tensor:
    """(1 - s) t + s / 2."""
    return targets * (1 - smoothing) + smoothing / 2


def positive_weights(counts: Tensor, rows: int) -> Tensor:
    """(N - n_c) / n_c (C,): negatives per positive; 1 for a label without rows. rows: N."""
    counts = counts.double()
    return torch.where(counts > 0, (rows - counts) / counts.clamp_min(1), 1.0).float()


# ---- number: values and targets (B, 1), both scaled to 0 … 1

BEND = 0.1  # where huber turns from square to straight: a tenth of the range


def mse(values: Tensor, targets: Tensor) -> Tensor:
    """Mean squared error: predicts the mean, for RMSE and kappa."""
    return F.mse_loss(values, targets)


def mae(values: Tensor, targets: Tensor) -> Tensor:
    """Mean absolute error: predicts the median."""
    return F.l1_loss(values, targets)


def huber(values: Tensor, targets: Tensor) -> Tensor:
    """Square for errors below BEND, straight above (Huber 1964): a few wrong labels do not outweigh the rest."""
    return F.huber_loss(values, targets, delta=BEND)


def number_bce(outputs: Tensor, targets: Tensor) -> Tensor:
    """Binary cross entropy of the sigmoid of the network's outputs; it takes these, not the scaled values."""
    return F.binary_cross_entropy_with_logits(outputs, targets)


# ---- all losses by name


@dataclass(frozen=True)
class Loss:
    """A loss. name: in a recipe; family: of the heads whose outputs it takes, see `heads`.

    weights, gamma: whether the function takes the class weights, and the recipe's gamma.
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
    """The losses of a family of heads, by name."""
    return {loss.name: loss for loss in LOSSES if loss.family == family}


def check_loss(recipe: Recipe, competition: Competition) -> None:
    """Raise InputError, with the losses that fit, for a loss that is unknown or does not fit the recipe's head."""
    recipe = resolved_recipe(recipe, competition)
    _terms_of(recipe, heads.build_head(recipe, competition), competition)


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


def _terms_of(recipe: Recipe, head: Head, competition: Competition) -> list[tuple[float, str, str]]:
    attributes = tuple(competition.attributes) if head.family == "classes" else ()
    return parse_loss(recipe.loss, tuple(losses_of(head.family)), attributes)


# ---- the loss of a recipe

LossFunction = Callable[[Tensor, Tensor], Tensor]


def build_loss(
    recipe: Recipe, labels: np.ndarray, competition: Competition, device: torch.device | str = "cpu"
) -> LossFunction:
    """The loss of a recipe: outputs (B, T) and training targets (B, T) to a scalar.

    labels (N, …): those of all training rows, which class_weights=balanced counts. A loss of an attribute is taken on
    the attribute's marginals: targets summed over the classes that share a value, and log-probabilities likewise, for
    one head per class and one head per attribute alike.
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
        # float32: half precision has too few digits for a sum over a batch
        return sum(term(outputs.float(), targets) for term in terms)

    return loss


def _number_term(weight: float, loss: Loss, head: Head) -> LossFunction:
    def term(outputs: Tensor, targets: Tensor) -> Tensor:
        # a loss of the sigmoid takes the outputs themselves: the logarithm of a sigmoid loses digits
        values = outputs if loss.name in SIGMOID_LOSSES else head.scaled(outputs)
        return weight * loss.function(values, targets)

    return term


class _TrainingRows:
    """What the terms of a loss of classes or labels take from the training rows: the weights of the classes."""

    def __init__(self, recipe: Recipe, head: Head, labels: np.ndarray, competition: Competition, device):
        self.recipe, self.head, self.competition, self.count = recipe, head, competition, len(labels)
        self.counts = _counts(head, labels, competition).to(device)

    def term(self, weight: float, loss: Loss, attribute: str) -> LossFunction:
        """One term of the sum; attribute: whose marginals it takes, empty for the classes themselves."""
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
        """For each value of the attribute the training targets of the classes that have it."""
        values = self.competition.attribute_values[attribute][self.head.of_class]
        values = torch.as_tensor(values, device=self.counts.device)
        return [(values == value).nonzero().flatten() for value in range(int(values.max()) + 1)]

    def _options(self, loss: Loss, members: list[Tensor]) -> dict:
        """The further arguments of the loss's function; members: of `marginal`, empty for the classes themselves."""
        options = {"gamma": self.recipe.gamma} if loss.gamma else {}
        if not loss.weights or self.recipe.class_weights != "balanced":
            return options
        counts = torch.stack([self.counts[classes].sum() for classes in members]) if members else self.counts
        by_class = self.head.family == "classes"
        return options | {"weights": class_weights(counts) if by_class else positive_weights(counts, self.count)}


def _counts(head: Head, labels: np.ndarray, competition: Competition) -> Tensor:
    """The sum of all training targets (T,): the rows of each class or label."""
    if labels.dtype.kind == "i" and head.family == "classes":  # the targets of a million rows would not fit in memory
        rows = torch.from_numpy(np.bincount(labels, minlength=competition.size))
        return rows.float() @ head.targets(torch.arange(competition.size))
    return head.targets(torch.from_numpy(labels)).sum(0)
