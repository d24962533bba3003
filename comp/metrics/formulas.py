"""This module has the formulas of all metrics: of class counts, of grades (kappa), of numbers, probabilities and ranks.

The bootstrap and the searches for blend weights compute a metric many thousand times. So most metrics are computed in
two steps: the rows are first turned into counts of classes or into a few quantities of each row, and the metric is then
computed quickly from sums of the counts or from means of the quantities. scikit-learn is not used, because it cannot
separate the two steps, and because it needs about ten times longer for few rows.

Letters in the shapes: N rows, C classes, and … any further axes, such as the rounds of a bootstrap. Labels are class
numbers (N,) or, for multilabel data, (N, C) of 0 and 1.
"""

import numpy as np

TINY = 1e-9  # replaces a denominator of 0; the numerator is then 0, too


# ---- metrics of counts: true positives, predicted and actual of each class

# A function `..._terms` returns numerators and denominators (…, C). The metric is the sum of the numerators divided by
# the sum of the denominators, so the searches and the bootstrap need nothing but this function to compute the metric.
# The arguments of such a function are counts (…, C) for each class: its true positives, its answers and its labels.


def counts(labels: np.ndarray, answers: np.ndarray, classes: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return three integer arrays (C,): the number of true positives, of predictions and of labels of each class.

    labels, answers: the true and the predicted classes, as class numbers (N,) or, for multilabel data, as (N, C) of 0
    and 1. classes: the number C of classes. If it is 0, the largest class number that occurs is taken as the last
    class.
    """
    labels, answers = np.asarray(labels), np.asarray(answers)
    if labels.ndim == 2:
        size, true = labels.shape[1], labels.astype(bool, copy=False)
        answered, actual = np.flatnonzero(answers), np.flatnonzero(true)  # most cells are 0
        parts = (answered[true.ravel()[answered]], answered, actual)
        return tuple(np.bincount(part % size, minlength=size) for part in parts)
    size = classes or int(max(labels.max(initial=0), answers.max(initial=0))) + 1
    return tuple(np.bincount(part, minlength=size) for part in (labels[labels == answers], answers, labels))


def ratio(numerators: np.ndarray, denominators: np.ndarray) -> np.ndarray:
    """Return the sum of `numerators` over the last axis divided by that of `denominators`, or 0 if both are 0."""
    return numerators.sum(-1) / np.maximum(denominators.sum(-1), TINY)


def f_scores(true_positives, predicted, actual, beta: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Return two arrays (…, C): the F-beta of each class, and the denominator in the formula of this F-beta.

    Both are 0 for a class that has no labels and no predictions. true_positives, predicted, actual (…, C): the number
    of true positives, of predictions and of labels of each class; … stands for any further axes.
    """
    whole = predicted + (actual if beta == 1 else beta * beta * actual)
    scores = (1 + beta * beta) * true_positives / np.maximum(whole, TINY)
    return scores.astype(np.float64, copy=False), whole


def macro_f_terms(true_positives, predicted, actual, beta: float = 1.0):
    """Return numerators and denominators (…, C). The ratio of their sums over the classes is macro F-beta.

    Macro F-beta is the mean of the F-beta of the classes. Classes without labels and without predictions are left out,
    as in scikit-learn with zero_division=nan. The first three arguments (…, C) are the number of true positives, of
    predictions and of labels of each class; … stands for any further axes.
    """
    scores, whole = f_scores(true_positives, predicted, actual, beta)
    return scores, whole > 0


def micro_f_terms(true_positives, predicted, actual, beta: float = 1.0):
    """Return numerators and denominators (…, C). The ratio of their sums over the classes is micro F-beta.

    Micro F-beta is the F-beta of the counts of all classes together. The first three arguments (…, C) are the number of
    true positives, of predictions and of labels of each class; … stands for any further axes.
    """
    return (1 + beta * beta) * true_positives, beta * beta * actual + predicted


def weighted_f1_terms(true_positives, predicted, actual):
    """Return numerators and denominators (…, C). The ratio of their sums over the classes is weighted F1.

    Weighted F1 is the mean of the F1 of the classes, where the weight of a class is its number of labels. The arguments
    (…, C) are the number of true positives, of predictions and of labels of each class; … stands for any further axes.
    """
    return f_scores(true_positives, predicted, actual)[0] * actual, actual


def accuracy_terms(true_positives, predicted, actual):
    """Return numerators and denominators (…, C). The ratio of their sums over the classes is the accuracy.

    The arguments (…, C) are the number of true positives, of predictions and of labels of each class; … stands for any
    further axes.
    """
    return true_positives, actual


def balanced_accuracy_terms(true_positives, predicted, actual):
    """Return numerators and denominators (…, C). The ratio of their sums over the classes is balanced accuracy.

    Balanced accuracy is the mean recall of the classes that have labels. The arguments (…, C) are the number of true
    positives, of predictions and of labels of each class; … stands for any further axes.
    """
    return (true_positives / np.maximum(actual, TINY)).astype(np.float64, copy=False), actual > 0


def samples_f_rows(labels: np.ndarray, answers: np.ndarray, beta: float = 1.0) -> np.ndarray:
    """Return the F-beta of each row of multilabel data as an array (N, 1).

    The F-beta of a row compares its true labels with its predicted labels. It is 0 if the row has neither. labels,
    answers: the true and the predicted labels, as (N, C) of 0 and 1.
    """
    labels, answers = labels.astype(bool, copy=False), answers.astype(bool, copy=False)
    sizes = (np.count_nonzero(part, axis=1) for part in (labels & answers, answers, labels))
    return f_scores(*sizes, beta)[0][:, None]


def macro_f1_score(labels: np.ndarray, answers: np.ndarray, classes: int) -> float:
    """Return the Macro F1, which is the mean of the F1 of the classes.

    labels, answers (N,): the true and the predicted class of each row. classes: the number of classes.
    """
    return float(ratio(*macro_f_terms(*counts(labels, answers, classes))))


# ---- quadratic weighted kappa, from the means of four quantities of each row


def kappa_rows(labels: np.ndarray, grades: np.ndarray) -> np.ndarray:
    """Return four quantities of each row as an array (N, 4), from which quadratic weighted kappa can be computed.

    The quantities are the true grade, the predicted grade, the sum of their squares, and their product.
    `kappa_of_means` takes the means of these quantities. labels, grades (N,): the true and the predicted grades.
    """
    labels, grades = labels.astype(np.float64), np.broadcast_to(grades, labels.shape).astype(np.float64)
    return np.stack([labels, grades, labels**2 + grades**2, labels * grades], 1)


def kappa_of_means(means: np.ndarray) -> np.ndarray:
    """Return quadratic weighted kappa (Cohen 1968), computed from the means of the four quantities of `kappa_rows`.

    means (…, 4): the means over the rows, where … stands for any further axes. The result has the shape (…). Kappa is
    1 - d / e, where d is the mean squared distance between true and predicted grades, and e is the distance d that
    would be expected if predictions and truth were independent. If all true and all predicted grades are the same
    grade, kappa is 1.
    """
    label, grade, squares, product = np.moveaxis(means, -1, 0)
    expected = squares - 2 * label * grade
    return 1 - (squares - 2 * product) / np.where(expected > 0, expected, 1)


# ---- errors of numbers and grades: labels (N,), values (N,)


def squared_rows(labels: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the squared error (N, 1) of each row. labels, values (N,): the true and the predicted numbers."""
    return (labels.astype(np.float64) - values)[:, None] ** 2


def root(means: np.ndarray) -> np.ndarray:
    """Return the root mean squared error, as an array (…), from the mean squared error, an array (…, 1)."""
    return np.sqrt(means[..., 0])


def absolute_rows(labels: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the absolute error (N, 1) of each row. labels, values (N,): the true and the predicted numbers."""
    return np.abs(labels.astype(np.float64) - values)[:, None]


# ---- metrics of probabilities (N, C)

FLOOR = 1e-7  # smaller probabilities are raised to it, so that a certain but wrong row costs 16 nats, not infinity


def of_truth(labels: np.ndarray, probs: np.ndarray) -> np.ndarray:
    """Return the predicted probability of the truth, for each row or for each label of each row.

    If each row has one class, labels are class numbers (N,), and the result (N,) is the probability of the true class.
    For multilabel data, labels are (N, C) of 0 and 1. The result (N, C) is then p for a label that is present, and
    1 - p for a label that is absent, where p is the predicted probability of the label. probs (N, C): the predicted
    probabilities.
    """
    if labels.ndim == 2:
        return np.where(labels.astype(bool, copy=False), probs, 1 - probs)
    return probs[np.arange(len(labels)), labels]


def log_loss(labels: np.ndarray, probs: np.ndarray) -> float:
    """Return the log loss, which is the mean over the rows of -log(predicted probability of the true class).

    For multilabel data, return the mean binary cross entropy over all rows and labels. Probabilities below FLOOR (1e-7)
    are raised to FLOOR before the logarithm is taken. labels: class numbers (N,) or, for multilabel data, (N, C) of 0
    and 1. probs (N, C): the predicted probabilities.
    """
    return float(-np.log(np.maximum(of_truth(labels, probs), FLOOR)).mean(dtype=np.float64))


def log_loss_rows(labels: np.ndarray, probs: np.ndarray) -> np.ndarray:
    """Return the log loss (N, 1) of each row. For multilabel data, this is the mean over the labels of the row.

    labels: class numbers (N,) or, for multilabel data, (N, C) of 0 and 1. probs (N, C): the predicted probabilities.
    """
    losses = -np.log(np.maximum(of_truth(labels, probs), FLOOR))
    return losses.reshape(len(labels), -1).mean(1, keepdims=True, dtype=np.float64)


def probabilistic_f1_rows(labels: np.ndarray, probs: np.ndarray) -> np.ndarray:
    """Return two quantities of each row as an array (N, 2), from which probabilistic F1 can be computed.

    The quantities are p y and (p + y) / 2, where p is the predicted probability of the positive class and y is the
    label. `probabilistic_f1_of_means` takes the means of these quantities. labels (N,): 0 or 1. probs (N, 2): the
    probability of the negative and of the positive class.
    """
    positive = probs[:, 1].astype(np.float64)
    return np.stack([positive * labels, (positive + labels) / 2], 1)


def probabilistic_f1_of_means(means: np.ndarray) -> np.ndarray:
    """Return probabilistic F1, computed from the means of the two quantities of `probabilistic_f1_rows`.

    means (…, 2): the means over the rows, where … stands for any further axes. The result has the shape (…).
    Probabilistic F1 is 2 sum(p y) / (sum(p) + sum(y)), where p is the predicted probability of the positive class and y
    is the label, 0 or 1. It is 0 if all p and all y are 0.
    """
    return means[..., 0] / np.where(means[..., 1] > 0, means[..., 1], 1)


# ---- metrics of ranks, either of the rows in a class (AUC, average precision) or of the classes in a row (MAP, top k)

CHANCE = 0.5  # the AUC if no class has both positive and negative rows


def auc_score(labels: np.ndarray, probs: np.ndarray) -> float:
    """Return the area under the ROC curve (AUC).

    With two classes, the second class is the positive class. With more classes, or for multilabel data, return the mean
    of the AUCs of the classes; for each class, all rows without this class are negative. A class without positive or
    without negative rows is left out. If no class remains, return 0.5. labels: class numbers (N,) or, for multilabel
    data, (N, C) of 0 and 1. probs (N, C): the predicted probabilities. The AUC is computed from ranks (Mann and Whitney
    1947).
    """
    labels = np.asarray(labels)
    if labels.ndim == 2:
        positive = {c: labels[:, c] > 0 for c in range(labels.shape[1])}
    else:
        positive = {c: labels == c for c in (np.unique(labels) if probs.shape[1] > 2 else [1])}
    areas = [area for c, own in positive.items() if (area := _area(own, probs[:, c])) is not None]
    return float(np.mean(areas)) if areas else CHANCE


def _area(positive: np.ndarray, scores: np.ndarray) -> float | None:
    from scipy.stats import rankdata

    count, others = positive.sum(), (~positive).sum()
    if not (count and others):
        return None
    return (rankdata(scores)[positive].sum() - count * (count + 1) / 2) / (count * others)


def average_precision(labels: np.ndarray, probs: np.ndarray) -> float:
    """Return the average precision of the positive class or, for multilabel data, the mean over the labels.

    labels: 0 or 1 for each row (N,) or, for multilabel data, (N, C) of 0 and 1. probs: the probability of the negative
    and of the positive class (N, 2) or, for multilabel data, of each label (N, C). Labels without a positive row are
    left out of the mean. If there is no positive row at all, return 0.
    """
    if labels.ndim == 1:
        return _precision(labels, probs[:, 1]) if labels.any() else 0.0
    precisions = [_precision(labels[:, c], probs[:, c]) for c in np.flatnonzero(labels.any(0))]
    return float(np.mean(precisions)) if precisions else 0.0


def _precision(positive: np.ndarray, scores: np.ndarray) -> float:
    """Return the average precision of one class.

    Each positive row has a precision, which is the share of positive rows among all rows with at least the same score.
    The result is the mean of these precisions. positive (N,): whether each row is positive. scores (N,): the predicted
    probability of the class.
    """
    order = np.argsort(-scores, kind="stable")
    last = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    hits = positive[order].cumsum(dtype=np.int64)[last]
    return float((np.diff(hits, prepend=0) * hits / (last + 1)).sum() / hits[-1])


def rank_of_truth(labels: np.ndarray, probs: np.ndarray) -> np.ndarray:
    """Return the rank (N,) of the true class among the classes of each row. The most probable class has rank 1.

    Of equally probable classes, the class with the lower number has the lower rank. labels (N,): the true classes.
    probs (N, C): the predicted probabilities.
    """
    own = np.take_along_axis(probs, labels[:, None], 1)
    before = (probs > own) | ((probs == own) & (np.arange(probs.shape[1]) < labels[:, None]))
    return 1 + np.count_nonzero(before, axis=1)


def top_k_rows(labels: np.ndarray, probs: np.ndarray, k: int) -> np.ndarray:
    """Return an array (N, 1) that is 1 if the true class is among the row's k most probable classes, and 0 if not."""
    return (rank_of_truth(labels, probs) <= k).astype(np.float64)[:, None]


def map_at_k_rows(labels: np.ndarray, probs: np.ndarray, k: int) -> np.ndarray:
    """Return the average precision at k of each row as an array (N, 1). The mean over the rows is MAP@k.

    If each row has one true class, labels are class numbers (N,). The average precision is then 1 / (rank of the true
    class), or 0 if this rank is above k. For multilabel data, labels are (N, C) of 0 and 1. The precision is then
    computed at each rank up to k that has a true label. The average precision is the sum of these precisions, divided
    by k or by the number of true labels, whichever is smaller. probs (N, C): the predicted probabilities.
    """
    if labels.ndim == 1:
        rank = rank_of_truth(labels, probs)
        return np.where(rank <= k, 1 / rank, 0.0)[:, None]
    hits = np.take_along_axis(labels, np.argsort(-probs, 1, kind="stable")[:, :k], 1).astype(np.float64)
    precision = hits.cumsum(1) / np.arange(1, hits.shape[1] + 1)
    return ((precision * hits).sum(1) / np.clip(labels.sum(1, dtype=np.int64), 1, k))[:, None]
