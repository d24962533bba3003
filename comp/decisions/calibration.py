"""Calibrate probabilities by log loss, so that the probabilities of a class sum to the expected number of its rows.

The calibration has few parameters, which are fitted with a ridge penalty. Samplers, class weights, label smoothing and
mixup or CutMix distort probabilities, and these parameters can undo such distortions.

With one class for each row, the calibrated probabilities are softmax(s_1 x_1 + … + s_F x_F + b). Each part x_f (N, C)
is a score of the classes that is computed from the probabilities. Each part has a factor s_f, its sharpness, and each
class has a bias, its entry in b. The first part is log p. With this part alone, the calibration is temperature and bias
scaling (Guo et al. 2017). More parts are added in two cases:

- If the classes have attributes, each attribute adds a part, because a model may be too sure of one attribute only. The
  part is the log-probability of the attribute value that the class has. The bias of a class is then its own bias plus
  the biases of its attribute values.
- If the classes are grades, the second part is -(distance to the expected grade)^2 / 2, which is the logarithm of a
  Gaussian curve around the expected grade. This part is needed because the probabilities may be above 0 for only two
  neighbouring grades.

With several labels, each label is calibrated separately with sigmoid(s log-odds + b) (Platt 1999).

The ridge penalty is added to the summed log loss. The penalty pulls the parameters toward no change of the
probabilities, which means toward s_1 = 1 and 0 for all other parameters. The fit is our own code of Newton's method,
because the classifiers of scikit-learn pull all parameters toward 0, which is another prior.

Letters in the shapes: N rows, C classes or labels, F parts, P parameters that are fitted together, B sets of parameters
of which each is fitted separately.
"""

from collections.abc import Callable

import numpy as np
from scipy.special import expit, log_expit, log_softmax, logit, softmax

from comp.metrics.formulas import FLOOR

# These are the strengths of the ridge penalty for a sharpness, for the bias of a class without attributes, for the bias
# of a class with attributes, and for the bias of an attribute value. A tenth of these values and ten times these values
# gave about the same score on rows that were not in the fit, both for classifiers of real photos and for simulated
# runs; 100 times these values gave a score that was 0.003 to 0.006 lower.
SHARPNESS, CLASS, CLASS_WITH_VALUES, VALUE = 1.0, 10.0, 100.0, 1.0
BIASED_CLASSES = 200  # with more classes, no class has a bias, which would be mostly noise and slow to fit
STEPS, HALVINGS = 30, 10
LEAST_GAIN = 1e-6  # the fit ends when the summed loss drops by less than this

Attributes = dict[str, np.ndarray]  # Competition.attribute_values: maps an attribute to the value (C,) of each class


def parts_of_classes(probs: np.ndarray, attributes: Attributes) -> np.ndarray:
    """Return the parts (F, N, C) from which the calibration computes its scores of classes with F - 1 attributes.

    The first part is the log-probability of each class. Each further part belongs to one attribute, and is the
    log-probability of the attribute value that each class has. probs (N, C): the probabilities. attributes: the value
    (C,) that each class has, by the name of the attribute.
    """
    same = [(values[:, None] == values).astype(np.float64) for values in attributes.values()]
    return logarithms(np.stack([probs, *(probs @ pairs for pairs in same)]))


def parts_of_grades(probs: np.ndarray) -> np.ndarray:
    """Return the two parts (2, N, C) from which the calibration computes its scores of grades.

    The first part is the log-probability of each grade. The second part is -d^2 / 2, where d is the distance between
    the grade and the expected grade of the row. probs (N, C): the probabilities of the grades.
    """
    distance = probs @ np.arange(probs.shape[1], dtype=np.float64)[:, None] - np.arange(probs.shape[1])
    return np.stack([logarithms(probs), -(distance**2) / 2])


def of_classes(parts: np.ndarray, labels: np.ndarray, attributes: Attributes) -> np.ndarray:
    """Fit the calibration of classes, and return its parameters (F + 1, C).

    The parameters have one row for each part, which repeats the sharpness of the part for all classes, and a last row
    with the bias of each class. parts (F, N, C): from `parts_of_classes` or `parts_of_grades`. labels (N,): the true
    classes. attributes: the value (C,) that each class has, by the name of the attribute.
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
    """Return the calibrated probabilities (N, C) float64, whose rows sum to 1.

    parts (F, N, C): from `parts_of_classes` or `parts_of_grades`. fitted (F + 1, C): the parameters from `of_classes`.
    """
    return softmax(np.tensordot(fitted[:-1, 0], parts, 1) + fitted[-1], axis=1)


def of_labels(probs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Fit the calibration of several labels. Return (2, C), which is the sharpness and the bias of each label.

    probs (N, C): the probabilities of the labels. labels (N, C): 1 for each label that is present, otherwise 0.
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
    """Return the calibrated probabilities (N, C) float64 of several labels.

    probs (N, C): the probabilities before calibration. fitted (2, C): the parameters from `of_labels`.
    """
    return expit(fitted[0] * log_odds(probs) + fitted[1])


def _biases(attributes: Attributes, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return which classes each of P biases belongs to, as (P, C) of 0 and 1, and the ridge strength (P,) of each bias.

    A bias belongs to a single class, or to all classes with the same value of an attribute. attributes: the value (C,)
    that each class has, by the name of the attribute. size: the number C of classes.
    """
    of_values = [values == value for values in attributes.values() for value in np.unique(values)]
    of_classes = np.eye(size) if size <= BIASED_CLASSES else np.zeros((0, size))
    ridge = CLASS_WITH_VALUES if of_values else CLASS
    return (
        np.concatenate([np.reshape(of_values, (-1, size)), of_classes]).astype(np.float64),
        np.repeat([VALUE, ridge], [len(of_values), len(of_classes)]),
    )


def logarithms(probs: np.ndarray) -> np.ndarray:
    """Return the logarithms float64 of the probabilities, which are first raised to at least FLOOR."""
    return np.log(np.maximum(probs, FLOOR, dtype=np.float64))


def log_odds(probs: np.ndarray) -> np.ndarray:
    """Return the log-odds log(p / (1 - p)) float64 of the probabilities p, which are first clipped.

    The clipped probabilities are at least FLOOR and at most 1 - FLOOR.
    """
    return logit(np.clip(probs.astype(np.float64), FLOOR, 1 - FLOOR))


def _minimum(loss: Callable, unchanged: np.ndarray, ridge: float | np.ndarray) -> np.ndarray:
    """Return the parameters (B, P) with the least sum of loss and ridge penalty, found by Newton's method.

    loss: a convex function of B sets of P parameters (B, P), which returns the loss (B,) of each set, its gradient
    (B, P) and its second derivatives (B, P, P). unchanged (B, P): the parameters from which the search starts and
    toward which the ridge penalty pulls. ridge (P,): the strength of the pull on each parameter.
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
