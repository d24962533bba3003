"""Losses of a softmax: logits (B, C) and soft targets (B, C) whose rows sum to 1, to a scalar mean.

weights (C,): of each class. Letters: B batch, C classes.
"""

import torch
from torch import Tensor


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
