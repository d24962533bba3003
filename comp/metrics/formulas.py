"""The formulas of the metrics, in five sections: counts of classes, kappa, numbers, probabilities, order.

These metrics are written in numpy even if scikit-learn has them, because the searches and the bootstrap call them many
thousand times. scikit-learn needs about ten times longer for few rows, and returns no terms or row quantities.

Letters: N rows, C classes, S quantities for each row. Labels are classes (N,), or (N, C) of 0 and 1 for several labels.
"""

import numpy as np

TINY = 1e-9  # replaces a denominator of 0, whose numerator is 0 too


# ---- metrics of counts: true positives, predicted and actual of each class

# A function `..._terms` returns numerators and denominators (…, C). The metric is the sum of the numerators divided by
# the sum of the denominators, so the searches and the bootstrap need nothing but this function to compute the metric.
# The arguments of such a function are counts (…, C) for each class: its true positives, its answers and its labels.


def counts(labels: np.ndarray, answers: np.ndarray, classes: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return three counts (C,) for each class: its true positives, its answers and its labels.

    labels, answers: classes (N,), or (N, C) of 0 and 1. classes: the number C of classes; 0 means that the largest
    class that occurs is the last class.
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
    """Return the sum of the numerators (…, C) divided by the sum of the denominators (…, C), or 0 if both are 0."""
    return numerators.sum(-1) / np.maximum(denominators.sum(-1), TINY)


def f_scores(true_positives, predicted, actual, beta: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Return F-beta (…, C) of each class, which is 0 for a class that does not occur, and the denominator of F-beta."""
    whole = predicted + (actual if beta == 1 else beta * beta * actual)
    scores = (1 + beta * beta) * true_positives / np.maximum(whole, TINY)
    return scores.astype(np.float64, copy=False), whole


def macro_f_terms(true_positives, predicted, actual, beta: float = 1.0):
    """Return the terms of the mean F-beta over classes in labels or answers (scikit-learn's zero_division=nan)."""
    scores, whole = f_scores(true_positives, predicted, actual, beta)
    return scores, whole > 0


def micro_f_terms(true_positives, predicted, actual, beta: float = 1.0):
    """Return the terms of F-beta computed from the summed counts of all classes."""
    return (1 + beta * beta) * true_positives, beta * beta * actual + predicted


def weighted_f1_terms(true_positives, predicted, actual):
    """Return the terms of the mean F1 over the classes, weighted by the number of labels of each class."""
    return f_scores(true_positives, predicted, actual)[0] * actual, actual


def accuracy_terms(true_positives, predicted, actual):
    """Return the terms of the share of right answers."""
    return true_positives, actual


def balanced_accuracy_terms(true_positives, predicted, actual):
    """Return the terms of the mean recall over the classes that occur in the labels."""
    return (true_positives / np.maximum(actual, TINY)).astype(np.float64, copy=False), actual > 0


def samples_f_rows(labels: np.ndarray, answers: np.ndarray, beta: float = 1.0) -> np.ndarray:
    """Return F-beta (N, 1) between the label set and the answer set of each row, or 0 if both sets are empty.

    labels, answers: (N, C) of 0 and 1.
    """
    labels, answers = labels.astype(bool, copy=False), answers.astype(bool, copy=False)
    sizes = (np.count_nonzero(part, axis=1) for part in (labels & answers, answers, labels))
    return f_scores(*sizes, beta)[0][:, None]


def macro_f1_score(labels: np.ndarray, answers: np.ndarray, classes: int) -> float:
    """Macro F1 of answers (N,) for labels (N,)."""
    return float(ratio(*macro_f_terms(*counts(labels, answers, classes))))


# ---- quadratic weighted kappa, from the means of four quantities


def kappa_rows(labels: np.ndarray, grades: np.ndarray) -> np.ndarray:
    """Return the quantities (N, 4) of each row for quadratic weighted kappa.

    The quantities are the label, the answer, the sum of their squares, and their product.
    """
    labels, grades = labels.astype(np.float64), np.broadcast_to(grades, labels.shape).astype(np.float64)
    return np.stack([labels, grades, labels**2 + grades**2, labels * grades], 1)


def kappa_of_means(means: np.ndarray) -> np.ndarray:
    """Return quadratic weighted kappa (Cohen 1968) from the means (…, 4) of the quantities of `kappa_rows`.

    Kappa is 1 - d / e, where d is the mean squared distance of label and answer, and e is the mean squared distance
    that is expected for independent grades. Kappa is 1 if all labels and all answers are the same grade.
    """
    label, grade, squares, product = np.moveaxis(means, -1, 0)
    expected = squares - 2 * label * grade
    return 1 - (squares - 2 * product) / np.where(expected > 0, expected, 1)


# ---- errors of numbers and grades: labels (N,), values (N,)


def squared_rows(labels: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the squared error (N, 1) of each row."""
    return (labels.astype(np.float64) - values)[:, None] ** 2


def root(means: np.ndarray) -> np.ndarray:
    """Return the RMSE from the mean squared error, means (…, 1)."""
    return np.sqrt(means[..., 0])


def absolute_rows(labels: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the absolute error (N, 1) of each row."""
    return np.abs(labels.astype(np.float64) - values)[:, None]


# ---- metrics of probabilities (N, C)

FLOOR = 1e-7  # smaller probabilities are raised to it, so that a certain and wrong row costs 16 nats, not infinity


def of_truth(labels: np.ndarray, probs: np.ndarray) -> np.ndarray:
    """Return the probability (N,) of each row's true class or, for several labels, of each label's true state (N, C).

    The true state of a label is present or absent.
    """
    if labels.ndim == 2:
        return np.where(labels.astype(bool, copy=False), probs, 1 - probs)
    return probs[np.arange(len(labels)), labels]


def log_loss(labels: np.ndarray, probs: np.ndarray) -> float:
    """Return the mean of -log p of the true class, where p is at least FLOOR.

    For several labels, return the mean binary cross entropy over all rows and columns.
    """
    return float(-np.log(np.maximum(of_truth(labels, probs), FLOOR)).mean(dtype=np.float64))


def log_loss_rows(labels: np.ndarray, probs: np.ndarray) -> np.ndarray:
    """Return the log loss (N, 1) of each row."""
    losses = -np.log(np.maximum(of_truth(labels, probs), FLOOR))
    return losses.reshape(len(labels), -1).mean(1, keepdims=True, dtype=np.float64)


def probabilistic_f1_rows(labels: np.ndarray, probs: np.ndarray) -> np.ndarray:
    """Return for each row the product and the mean of the positive probability and the label, (N, 2).

    The mean is half the row's part of the denominator of F1.
    """
    positive = probs[:, 1].astype(np.float64)
    return np.stack([positive * labels, (positive + labels) / 2], 1)


def probabilistic_f1_of_means(means: np.ndarray) -> np.ndarray:
    """Return F1 with probabilities instead of counts, 2 sum(p y) / (sum(p) + sum(y)), or 0 if both sums are 0.

    means (…, 2): the means of the quantities of `probabilistic_f1_rows`.
    """
    return means[..., 0] / np.where(means[..., 1] > 0, means[..., 1], 1)


# ---- metrics of order, either of the rows in a class (AUC, average precision) or of the classes in a row (MAP, top k)

CHANCE = 0.5  # the AUC if no class has both positive and negative rows


def auc_score(labels: np.ndarray, probs: np.ndarray) -> float:
    """Return the area under the ROC curve of the second of two classes, or the mean of the areas of more classes.

    With more than two classes, each class is compared with the rest. Classes without positive rows or without negative
    rows are left out. The area is computed from ranks (Mann and Whitney 1947), and ties count half.
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
    """Return the average precision of the positive class (labels (N,)) or the mean over the columns of labels (N, C).

    Columns without a positive row are left out of the mean. Greedy selection calls this function very often.
    """
    if labels.ndim == 1:
        return _precision(labels, probs[:, 1]) if labels.any() else 0.0
    precisions = [_precision(labels[:, c], probs[:, c]) for c in np.flatnonzero(labels.any(0))]
    return float(np.mean(precisions)) if precisions else 0.0


def _precision(positive: np.ndarray, scores: np.ndarray) -> float:
    """Return the mean, over the positive rows, of the precision among all rows with at least the score of the row."""
    order = np.argsort(-scores, kind="stable")
    last = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    hits = positive[order].cumsum(dtype=np.int64)[last]
    return float((np.diff(hits, prepend=0) * hits / (last + 1)).sum() / hits[-1])


def rank_of_truth(labels: np.ndarray, probs: np.ndarray) -> np.ndarray:
    """Return the rank (N,), from 1, of each row's true class. Of equal probabilities, the lower class comes first."""
    own = np.take_along_axis(probs, labels[:, None], 1)
    before = (probs > own) | ((probs == own) & (np.arange(probs.shape[1]) < labels[:, None]))
    return 1 + np.count_nonzero(before, axis=1)


def top_k_rows(labels: np.ndarray, probs: np.ndarray, k: int) -> np.ndarray:
    """Return (N, 1) floats, which are 1 if the true class is among the row's k most probable classes, and 0 if not."""
    return (rank_of_truth(labels, probs) <= k).astype(np.float64)[:, None]


def map_at_k_rows(labels: np.ndarray, probs: np.ndarray, k: int) -> np.ndarray:
    """Return the average precision (N, 1) of the k most probable classes of each row.

    For one true class (labels (N,)) the average precision is 1 / rank of the true class, or 0 for a rank above k. For
    several labels (N, C) the average precision is the sum of the precisions at the ranks of the true labels, divided by
    the smaller of two numbers, which are k and the number of true labels.
    """
    if labels.ndim == 1:
        rank = rank_of_truth(labels, probs)
        return np.where(rank <= k, 1 / rank, 0.0)[:, None]
    hits = np.take_along_axis(labels, np.argsort(-probs, 1, kind="stable")[:, :k], 1).astype(np.float64)
    precision = hits.cumsum(1) / np.arange(1, hits.shape[1] + 1)
    return ((precision * hits).sum(1) / np.clip(labels.sum(1, dtype=np.int64), 1, k))[:, None]
