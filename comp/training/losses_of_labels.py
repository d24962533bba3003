"""Losses of a sigmoid for each label: logits (B, C) and soft targets (B, C), each in 0 … 1, to a scalar mean.

weights (C,): of the positive part of each label, as torch's pos_weight. Letters: B batch, C labels.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from comp.training.losses_of_classes import soft_f1


def bce(logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """Binary cross entropy, -w t log p - (1 - t) log(1 - p)."""
    return F.binary_cross_entropy_with_logits(logits, targets, pos_weight=weights)


def focal(logits: Tensor, targets: Tensor, weights: Tensor | None = None, gamma: float = 2.0) -> Tensor:
    """-w t (1 - p)^gamma log p - (1 - t) p^gamma log(1 - p) (Lin et al. 2017, linear in t); gamma 0 is `bce`."""
    positive = (-logits).sigmoid() ** gamma * -F.logsigmoid(logits)
    negative = logits.sigmoid() ** gamma * -F.logsigmoid(-logits)
    return ((1.0 if weights is None else weights) * targets * positive + (1 - targets) * negative).mean()


def f1(logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """1 - macro F1 with probabilities for counts, over the labels that the batch's targets hold.

    A label that no photo of the batch has gives no gradient: sum it with bce or focal. weights are not used, because
    the mean over labels counts all alike.
    """
    return soft_f1(logits.sigmoid(), targets)


def smoothed(targets: Tensor, smoothing: float) -> Tensor:
    """(1 - s) t + s / 2."""
    return targets * (1 - smoothing) + smoothing / 2


def positive_weights(counts: Tensor, rows: int) -> Tensor:
    """(N - n_c) / n_c (C,): negatives per positive; 1 for a label without rows."""
    counts = counts.double()
    return torch.where(counts > 0, (rows - counts) / counts.clamp_min(1), 1.0).float()
