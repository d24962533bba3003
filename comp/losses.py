"""Losses that all take logits (B, C) and soft targets (B, C), rows summing to 1, and return a scalar mean.

`build("0.4 f1 + 0.6 focal", …)` parses a weighted sum.
"""

import re
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from comp.errors import InputError

Loss = Callable[[Tensor, Tensor], Tensor]


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """-sum_c t_c log p_c, mean over the batch."""
    return -(targets * logits.log_softmax(1)).sum(1).mean()


def weighted_cross_entropy(logits: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Cross entropy with class weights (C,), divided by the batch's weight as torch does for hard targets."""
    weighted = targets * weights
    return -(weighted * logits.log_softmax(1)).sum() / weighted.sum()


def label_smoothing(logits: Tensor, targets: Tensor, smoothing: float) -> Tensor:
    """Cross entropy against (1 - s) t + s / C (Szegedy et al. 2016)."""
    return cross_entropy(logits, targets * (1 - smoothing) + smoothing / targets.shape[1])


def focal(logits: Tensor, targets: Tensor, gamma: float) -> Tensor:
    """-sum_c t_c (1 - p_c)^gamma log p_c (Lin et al. 2017), mean over the batch; gamma 0 is cross entropy."""
    log_p = logits.log_softmax(1)
    # 1 - p from expm1: near p = 1 the plain difference loses its digits in float32
    return -(targets * (-torch.expm1(log_p)).clamp_min(0) ** gamma * log_p).sum(1).mean()


def f1(logits: Tensor, targets: Tensor) -> Tensor:
    """1 - macro F1 with probabilities for counts, over the classes that the batch's targets hold.

    F1_c = 2 sum t p / (sum t + sum p). A class without targets has F1 0 whatever is predicted: left out, it gives
    no gradient here, and what is wrongly predicted as it costs the true class its TP.
    """
    p = logits.softmax(1)
    present = targets.sum(0) > 0
    score = 2 * (targets * p).sum(0) / (targets.sum(0) + p.sum(0)).clamp_min(1e-12)
    return 1 - score[present].mean()


NAMES = ("cross_entropy", "weighted_cross_entropy", "label_smoothing", "focal", "f1")


def class_weights(counts: Tensor) -> Tensor:
    """N / (C n_c) (C,), 0 for a class without rows: scikit-learn's "balanced"."""
    counts = counts.double()
    return torch.where(counts > 0, counts.sum() / (len(counts) * counts.clamp_min(1)), 0.0).float()


def parse(spec: str) -> list[tuple[float, str]]:
    """ "0.4 f1 + 0.6 focal" to [(0.4, "f1"), (0.6, "focal")]; InputError lists the known names."""
    terms = []
    for term in spec.split("+"):
        match = re.fullmatch(r"\s*(?:(\d*\.?\d+)\s*\*?\s*)?([a-z_][a-z_0-9]*)\s*", term)
        if not match or match[2] not in NAMES:
            raise InputError(
                f"loss={spec!r}: {term.strip()!r}", f"a sum such as 0.4 f1 + 0.6 focal of {', '.join(NAMES)}"
            )
        terms.append((float(match[1] or 1), match[2]))
    return terms


def build(spec: str, counts: Tensor, smoothing: float, gamma: float) -> Loss:
    """The loss of a recipe; counts (C,): training rows of each class, for weighted_cross_entropy."""
    weights = class_weights(counts)
    parts: dict[str, Loss] = {
        "cross_entropy": cross_entropy,
        "weighted_cross_entropy": lambda x, t: weighted_cross_entropy(x, t, weights.to(x.device)),
        "label_smoothing": lambda x, t: label_smoothing(x, t, smoothing),
        "focal": lambda x, t: focal(x, t, gamma),
        "f1": f1,
    }
    terms = parse(spec)
    # float32: half precision has too few digits for a sum over a batch
    return lambda logits, targets: sum(w * parts[name](logits.float(), targets) for w, name in terms)


def one_hot(labels: Tensor, classes: int) -> Tensor:
    """Labels (B,) int to soft targets (B, C) float32."""
    return F.one_hot(labels, classes).float()
