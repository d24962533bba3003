"""Calibrate probabilities: change them so that, for each class, they sum to the expected number of rows of this class.

Samplers, class weights, label smoothing and mixup or CutMix distort probabilities. Calibration undoes such distortions
with a few parameters, which are fitted to labels by log loss with a ridge penalty.

If each row has one class, the calibrated probabilities are softmax(s_1 x_1 + … + s_F x_F + b). Each x_f (N, C) is a
score of every class, which is computed from the probabilities. In this package, these F scores are called parts. Each
part has one fitted factor s_f, called its sharpness, and each class has a fitted number in b, called its bias. The
first part is log p, where p are the probabilities. With this part alone, the calibration is temperature and bias
scaling (Guo et al. 2017). There are more parts in two cases:

- The classes may have attributes, such as a colour. Each attribute adds a part, which is the log-probability of the
  attribute value that the class has, because a model may be too sure of one attribute only. The bias of a class is then
  the sum of its own bias and of a bias for each of its attribute values.
- If the classes are grades, the second part is -(distance to the expected grade)^2 / 2, which is the logarithm of a
  Gaussian curve around the expected grade. It is needed because some models give a probability above 0 to only two
  neighbouring grades.

For multilabel data, each label is calibrated separately with sigmoid(s log-odds + b) (Platt 1999), where s is the
sharpness of the label and b is its bias.

The ridge penalty pulls each parameter toward the value that changes nothing, which is 1 for s_1 and 0 for all others.
The fit is our own code of Newton's method, because the classifiers of scikit-learn pull all parameters toward 0.

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
    """Return F scores of each class in each row, (F, N, C), from which `classes` computes calibrated probabilities.

    The first score is the log-probability of the class. If the classes have attributes, such as a colour, there is one
    more score for each attribute: the log-probability of the attribute value that the class has. probs (N, C): the
    probabilities of the classes. attributes: a dictionary from the name of each attribute to an array (C,) with the
    value that each class has.
    """
    same = [(values[:, None] == values).astype(np.float64) for values in attributes.values()]
    return logarithms(np.stack([probs, *(probs @ pairs for pairs in same)]))


def parts_of_grades(probs: np.ndarray) -> np.ndarray:
    """Return two scores of each grade in each row, (2, N, C), from which `classes` computes calibrated probabilities.

    The first score is the log-probability of the grade. The second score is -d^2 / 2, where d is the distance between
    the grade and the expected grade of the row. probs (N, C): the probabilities of the grades.
    """
    distance = probs @ np.arange(probs.shape[1], dtype=np.float64)[:, None] - np.arange(probs.shape[1])
    return np.stack([logarithms(probs), -(distance**2) / 2])


def of_classes(parts: np.ndarray, labels: np.ndarray, attributes: Attributes) -> np.ndarray:
    """Fit the calibration of classes or grades to labels, and return its parameters (F + 1, C).

    The calibrated probabilities are the softmax of a weighted sum of the F scores in `parts`, plus a bias for each
    class. Each of the first F rows of the result repeats the weight of one score for all classes. The last row has the
    biases. parts (F, N, C): from `parts_of_classes` or `parts_of_grades`. labels (N,): the true classes. attributes: a
    dictionary from the name of each attribute of the classes to an array (C,) with the value that each class has; {} if
    there are none.
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
    """Return the calibrated probabilities (N, C) float64 of classes or grades. Each row sums to 1.

    parts (F, N, C): F scores of each class in each row, from `parts_of_classes` or `parts_of_grades`. fitted (F + 1,
    C): the parameters from `of_classes`.
    """
    return softmax(np.tensordot(fitted[:-1, 0], parts, 1) + fitted[-1], axis=1)


def of_labels(probs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Fit the calibration of multilabel data. Return (2, C): a factor and a bias for the log-odds of each label.

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
    """Return the calibrated probabilities (N, C) float64 of multilabel data.

    probs (N, C): the probabilities before the calibration. fitted (2, C): the parameters from `of_labels`.
    """
    return expit(fitted[0] * log_odds(probs) + fitted[1])


def _biases(attributes: Attributes, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return two arrays about P fitted biases: the classes to which each is added, and the ridge penalty of each.

    The first array (P, C) has 1 for each class to which the bias is added, and otherwise 0. The second array (P,) has
    the strengths of the penalties. A bias is added to a single class, or to all classes with the same value of an
    attribute. attributes: a dictionary from the name of each attribute to an array (C,) with the value that each class
    has. size: the number C of classes.
    """
    of_values = [values == value for values in attributes.values() for value in np.unique(values)]
    of_classes = np.eye(size) if size <= BIASED_CLASSES else np.zeros((0, size))
    ridge = CLASS_WITH_VALUES if of_values else CLASS
    return (
        np.concatenate([np.reshape(of_values, (-1, size)), of_classes]).astype(np.float64),
        np.repeat([VALUE, ridge], [len(of_values), len(of_classes)]),
    )


def logarithms(probs: np.ndarray) -> np.ndarray:
    """Return the logarithms of probabilities as float64. Probabilities below FLOOR (1e-7) are raised to FLOOR first."""
    return np.log(np.maximum(probs, FLOOR, dtype=np.float64))


def log_odds(probs: np.ndarray) -> np.ndarray:
    """Return the log-odds log(p / (1 - p)) of probabilities p as float64.

    Each p is first clipped to the range from FLOOR (1e-7) to 1 - FLOOR.
    """
    return logit(np.clip(probs.astype(np.float64), FLOOR, 1 - FLOOR))


def _minimum(loss: Callable, unchanged: np.ndarray, ridge: float | np.ndarray) -> np.ndarray:
    """Return the parameters (B, P) with the least sum of loss and ridge penalty, found by Newton's method.

    Each of the B rows of P parameters is fitted on its own. loss: a convex function of the parameters (B, P), which
    returns the loss (B,) of each row, its gradient (B, P) and its second derivatives (B, P, P). unchanged (B, P): the
    parameters from which the search starts and toward which the penalty pulls. ridge (P,): the strength of the penalty
    for each parameter.
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
