"""Calibrate probabilities by log loss, so that their sums over rows are expected counts. Few parameters, with a ridge.

Classes: softmax(sharpness log p + bias_c), temperature and bias scaling (Guo et al. 2017). Labels: each for itself,
sigmoid(sharpness_c log-odds + bias_c) (Platt 1999). Balanced samplers, class weights, smoothing and mixing distort
probabilities in about these ways. The ridge pulls toward sharpness 1 and bias 0, that is toward no change.

Letters: N rows, C classes or labels, P parameters that depend on each other, B independent sets of them.
"""

from collections.abc import Callable

import numpy as np
from scipy.special import expit, log_expit, log_softmax, logit, softmax

from comp.metrics.metrics import FLOOR

RIDGE = 10.0  # on the summed log loss; 1 and 50 gave about the same scores on other rows
BIASED_CLASSES = 200  # with more classes, a bias for each is mostly noise and takes long
STEPS, HALVINGS = 30, 10
LEAST_GAIN = 1e-6  # of the summed loss


def of_classes(probs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(2, C): sharpness, the same for all classes, and bias; for probs (N, C) and labels (N,)."""
    logs, size = logarithms(probs), probs.shape[1]
    true, free = np.arange(len(labels)), size if size <= BIASED_CLASSES else 0
    actual = np.bincount(labels, minlength=size)[:free]

    def loss(found):
        scores = log_softmax(found[0, 0] * logs + np.pad(found[0, 1:], (0, size - free)), axis=1)
        given = np.exp(scores)
        mean = (given * logs).sum(1)
        slope = np.append(mean.sum() - logs[true, labels].sum(), given.sum(0)[:free] - actual)
        curve = np.empty((1 + free, 1 + free))
        curve[0, 0] = np.vdot(given, logs**2) - mean @ mean
        curve[0, 1:] = curve[1:, 0] = ((given * logs).sum(0) - mean @ given)[:free]
        curve[1:, 1:] = np.diag(given.sum(0)[:free]) - given[:, :free].T @ given[:, :free]
        return -scores[true, labels].sum(keepdims=True), slope[None], curve[None]

    found = _minimum(loss, np.append(1.0, np.zeros(free))[None])[0]
    return np.stack([np.full(size, found[0]), np.pad(found[1:], (0, size - free))])


def of_labels(probs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(2, C): sharpness and bias of each label; for probs (N, C) and labels (N, C) of 0 and 1."""
    odds, sign = log_odds(probs), np.where(labels.astype(bool, copy=False), 1.0, -1.0)

    def loss(found):
        right = sign * (found[:, 0] * odds + found[:, 1])
        wrong = expit(-right)
        pull, curve = -sign * wrong, wrong * (1 - wrong)
        inner = (curve * odds).sum(0)
        curves = np.stack([(curve * odds**2).sum(0), inner, inner, curve.sum(0)], 1).reshape(-1, 2, 2)
        return -log_expit(right).sum(0), np.stack([(pull * odds).sum(0), pull.sum(0)], 1), curves

    return _minimum(loss, np.tile([1.0, 0.0], (probs.shape[1], 1))).T


def classes(probs: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Calibrated probabilities (N, C) float64, rows sum to 1, of probs (N, C); found (2, C) from `of_classes`."""
    return softmax(found[0] * logarithms(probs) + found[1], axis=1)


def labels(probs: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Calibrated probabilities (N, C) float64 of several labels; found (2, C) from `of_labels`."""
    return expit(found[0] * log_odds(probs) + found[1])


def logarithms(probs: np.ndarray) -> np.ndarray:
    """log p float64, p at least FLOOR."""
    return np.log(np.maximum(probs, FLOOR, dtype=np.float64))


def log_odds(probs: np.ndarray) -> np.ndarray:
    """log(p / (1 - p)) float64, p from FLOOR to 1 - FLOOR."""
    return logit(np.clip(probs.astype(np.float64), FLOOR, 1 - FLOOR))


def _minimum(loss: Callable, unchanged: np.ndarray) -> np.ndarray:
    """The parameters (B, P) with the least loss plus ridge, by Newton's method; the ridge is 0 at `unchanged` (B, P).

    loss: from parameters to values (B,), gradients (B, P) and second derivatives (B, P, P); convex.
    """

    def penalised(found):
        value, slope, curve = loss(found)
        change = found - unchanged
        return value + RIDGE / 2 * (change**2).sum(1), slope + RIDGE * change, curve + RIDGE * np.eye(found.shape[1])

    found, (value, slope, curve) = unchanged, penalised(unchanged)
    for _ in range(STEPS):
        step = np.linalg.solve(curve, slope[:, :, None])[:, :, 0]
        for _ in range(HALVINGS):
            tried = penalised(found - step)
            worse = tried[0] > value
            if not worse.any():
                break
            step = np.where(worse[:, None], step / 2, step)
        gained = (value - tried[0]).max()
        if gained < LEAST_GAIN:
            break
        found, (value, slope, curve) = found - step, tried
    return found
