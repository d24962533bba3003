"""Calibrate probabilities by log loss, so that the sums of probabilities over rows are expected counts.

The calibration has few parameters, which are fitted with a ridge. Samplers, class weights, label smoothing and mixing
distort probabilities, and these parameters can undo such distortions.

With one class for each row, the calibrated probabilities are softmax(sum of s_f F_f + b), where each part F_f has a
sharpness s_f, and b is a bias for each class. F_1 is log p. With F_1 as the only part, this is temperature and bias
scaling (Guo et al. 2017). With attributes, each attribute adds a part, which is the log-probability of the value that
the class has, because a model may be too sure of one attribute alone; b is then the bias of the class plus the biases
of its values. With grades, F_2 is -(distance to the expected grade)^2 / 2, the logarithm of a Gaussian posterior,
because the probabilities may lie on only two neighbouring grades. With several labels, each label is calibrated by
itself with sigmoid(s log-odds + b) (Platt 1999).

The ridge is added to the summed log loss. It pulls the parameters toward no change, which is s_1 = 1 and 0 for all
other parameters. The fit is our own code of Newton's method, because the classifiers of scikit-learn pull toward 0,
which is another prior.

Letters: N rows, C classes or labels, F parts, P parameters that depend on each other, B independent sets of parameters.
"""

from collections.abc import Callable

import numpy as np
from scipy.special import expit, log_expit, log_softmax, logit, softmax

from comp.metrics.formulas import FLOOR

# The ridges of a sharpness, of the bias of a class without attributes, of the bias of a class with attributes, and of
# the bias of an attribute value. Ridges of a tenth or of ten times these values scored about the same on rows that were
# not in the fit, for classifiers of real photos and for simulated runs; 100 times these values lost 0.003 to 0.006.
SHARPNESS, CLASS, CLASS_WITH_VALUES, VALUE = 1.0, 10.0, 100.0, 1.0
BIASED_CLASSES = 200  # with more classes, a bias for each is mostly noise and takes long
STEPS, HALVINGS = 30, 10
LEAST_GAIN = 1e-6  # the fit ends when the summed loss drops by less than this

Attributes = dict[str, np.ndarray]  # each attribute to the value of each class (C,), as Competition.attribute_values


def parts_of_classes(probs: np.ndarray, attributes: Attributes) -> np.ndarray:
    """The parts (F, N, C) for classes with F - 1 attributes.

    The first part is the log-probability of each class. Each further part is the log-probability of the value that each
    class has of one attribute. probs (N, C).
    """
    same = [(values[:, None] == values).astype(np.float64) for values in attributes.values()]
    return logarithms(np.stack([probs, *(probs @ pairs for pairs in same)]))


def parts_of_grades(probs: np.ndarray) -> np.ndarray:
    """The parts (2, N, C) for grades: the log-probability of each grade, and its nearness to the expected grade.

    The nearness is -(distance)^2 / 2. probs (N, C).
    """
    distance = probs @ np.arange(probs.shape[1], dtype=np.float64)[:, None] - np.arange(probs.shape[1])
    return np.stack([logarithms(probs), -(distance**2) / 2])


def of_classes(parts: np.ndarray, labels: np.ndarray, attributes: Attributes) -> np.ndarray:
    """Fit the calibration of classes to parts (F, N, C) and labels (N,).

    Returns (F + 1, C): a row for each part with its sharpness, which is equal for all classes, and a row of biases.
    """
    biases, ridge = _biases(attributes, parts.shape[2])
    flat, true = parts.reshape(len(parts), -1), parts[:, np.arange(len(labels)), labels].sum(1)
    actual = np.bincount(labels, minlength=parts.shape[2])

    def loss(parameters):
        scores = log_softmax(
            np.tensordot(parameters[0, : len(parts)], parts, 1) + parameters[0, len(parts) :] @ biases, axis=1
        )
        given = np.exp(scores)
        weighted = given * parts
        means, sums = weighted.sum(2), given.sum(0)
        slope = np.append(means.sum(1) - true, biases @ (sums - actual))
        mixed = (weighted.sum(1) - means @ given) @ biases.T
        curve = np.block(
            [
                [weighted.reshape(len(parts), -1) @ flat.T - means @ means.T, mixed],
                [mixed.T, biases @ (np.diag(sums) - given.T @ given) @ biases.T],
            ]
        )
        return -scores[np.arange(len(labels)), labels].sum(keepdims=True), slope[None], curve[None]

    unchanged = np.append(1.0, np.zeros(len(parts) - 1 + len(biases)))
    fitted = _minimum(loss, unchanged[None], np.append(np.full(len(parts), SHARPNESS), ridge))[0]
    sharpness = np.tile(fitted[: len(parts), None], parts.shape[2])
    return np.concatenate([sharpness, (fitted[len(parts) :] @ biases)[None]])


def classes(parts: np.ndarray, fitted: np.ndarray) -> np.ndarray:
    """The calibrated probabilities (N, C) float64, whose rows sum to 1. fitted (F + 1, C): from `of_classes`."""
    return softmax(np.tensordot(fitted[:-1, 0], parts, 1) + fitted[-1], axis=1)


def of_labels(probs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Fit the calibration of several labels. Returns (2, C), the sharpness and the bias of each label.

    probs (N, C). labels (N, C): 0 or 1.
    """
    odds, sign = log_odds(probs), np.where(labels.astype(bool, copy=False), 1.0, -1.0)

    def loss(parameters):
        right = sign * (parameters[:, 0] * odds + parameters[:, 1])
        wrong = expit(-right)
        pull, curve = -sign * wrong, wrong * (1 - wrong)
        inner = (curve * odds).sum(0)
        curves = np.stack([(curve * odds**2).sum(0), inner, inner, curve.sum(0)], 1).reshape(-1, 2, 2)
        return -log_expit(right).sum(0), np.stack([(pull * odds).sum(0), pull.sum(0)], 1), curves

    return _minimum(loss, np.tile([1.0, 0.0], (probs.shape[1], 1)), np.array([SHARPNESS, CLASS])).T


def labels(probs: np.ndarray, fitted: np.ndarray) -> np.ndarray:
    """The calibrated probabilities (N, C) float64 of several labels. fitted (2, C): from `of_labels`."""
    return expit(fitted[0] * log_odds(probs) + fitted[1])


def _biases(attributes: Attributes, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The classes of each bias (P, C) as 0 or 1, and the ridge (P,) of each bias.

    A bias belongs to all classes with one value of an attribute, or to a single class. size: C.
    """
    of_values = [values == value for values in attributes.values() for value in np.unique(values)]
    of_classes = np.eye(size) if size <= BIASED_CLASSES else np.zeros((0, size))
    ridge = CLASS_WITH_VALUES if of_values else CLASS
    return (
        np.concatenate([np.reshape(of_values, (-1, size)), of_classes]).astype(np.float64),
        np.repeat([VALUE, ridge], [len(of_values), len(of_classes)]),
    )


def logarithms(probs: np.ndarray) -> np.ndarray:
    """The logarithms float64 of the probabilities, which are raised to at least FLOOR."""
    return np.log(np.maximum(probs, FLOOR, dtype=np.float64))


def log_odds(probs: np.ndarray) -> np.ndarray:
    """The log-odds log(p / (1 - p)) float64 of the probabilities, which are clipped to FLOOR … 1 - FLOOR."""
    return logit(np.clip(probs.astype(np.float64), FLOOR, 1 - FLOOR))


def _minimum(loss: Callable, unchanged: np.ndarray, ridge: float | np.ndarray) -> np.ndarray:
    """The parameters (B, P) with the least loss plus ridge, found by Newton's method.

    loss: a convex function of parameters (B, P) that returns values (B,), gradients (B, P) and second derivatives
    (B, P, P). ridge (P,): the strength of the pull toward `unchanged` (B, P), where the search starts.
    """

    def penalised(parameters):
        value, slope, curve = loss(parameters)
        change = parameters - unchanged
        return (
            value + (ridge * change**2).sum(1) / 2,
            slope + ridge * change,
            curve + ridge * np.eye(parameters.shape[1]),
        )

    parameters, (value, slope, curve) = unchanged, penalised(unchanged)
    for _ in range(STEPS):
        step = np.linalg.solve(curve, slope[:, :, None])[:, :, 0]
        for _ in range(HALVINGS):
            tried = penalised(parameters - step)
            worse = tried[0] > value
            if not worse.any():
                break
            step = np.where(worse[:, None], step / 2, step)
        gained = (value - tried[0]).max()
        if gained < LEAST_GAIN:
            break
        parameters, (value, slope, curve) = parameters - step, tried
    return parameters
