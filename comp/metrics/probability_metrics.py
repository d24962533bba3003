"""Metrics of probabilities: log loss and probabilistic F1.

labels are classes (N,) or (N, C) of 0 and 1; probs (N, C).
"""

import numpy as np

FLOOR = 1e-7  # smallest probability: a row that is certain and wrong costs 16 nats, not infinity


def of_truth(labels: np.ndarray, probs: np.ndarray) -> np.ndarray:
    """Probability of the true class (N,), or of the true state (present or absent) of each label (N, C)."""
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
    """Quantities (N, 2): probability times label, and the mean of both (half the denominator of F1)."""
    positive = probs[:, 1].astype(np.float64)
    return np.stack([positive * labels, (positive + labels) / 2], 1)


def probabilistic_f1_of_means(means: np.ndarray) -> np.ndarray:
    """F1 with probabilities instead of counts: 2 sum(p y) / (sum(p) + sum(y)); 0 if nothing is positive."""
    return means[..., 0] / np.where(means[..., 1] > 0, means[..., 1], 1)
