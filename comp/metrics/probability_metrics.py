"""Metrics of probabilities: log loss and probabilistic F1.

labels are classes (N,) or (N, C) of 0 and 1; probs (N, C).
"""

import numpy as np

FLOOR = 1e-7  # of a probability: a model that is sure and wrong costs 16 nats, not infinity


def of_truth(labels: np.ndarray, probs: np.ndarray) -> np.ndarray:
    """Probabilities of what is true: of the true class (N,), or of each label's true state (N, C)."""
    if labels.ndim == 2:
        return np.where(labels.astype(bool, copy=False), probs, 1 - probs)
    return probs[np.arange(len(labels)), labels]


def log_loss(labels: np.ndarray, probs: np.ndarray) -> float:
    """Mean -log p of the true class, p at least FLOOR; several labels: mean binary cross entropy over all columns."""
    return float(-np.log(np.maximum(of_truth(labels, probs), FLOOR)).mean(dtype=np.float64))


def log_loss_rows(labels: np.ndarray, probs: np.ndarray) -> np.ndarray:
    """Log loss (N, 1) of each row."""
    losses = -np.log(np.maximum(of_truth(labels, probs), FLOOR))
    return losses.reshape(len(labels), -1).mean(1, keepdims=True, dtype=np.float64)


def probabilistic_f1_rows(labels: np.ndarray, probs: np.ndarray) -> np.ndarray:
    """Quantities (N, 2) of a row: the positive class's probability where it is true, and half the denominator of F1."""
    positive = probs[:, 1].astype(np.float64)
    return np.stack([positive * labels, (positive + labels) / 2], 1)


def probabilistic_f1_of_means(means: np.ndarray) -> np.ndarray:
    """F1 with probabilities in place of counts: 2 sum(p y) / (sum(p) + sum(y)); 0 where nothing is positive."""
    return means[..., 0] / np.where(means[..., 1] > 0, means[..., 1], 1)
