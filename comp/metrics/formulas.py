"""The formulas of the metrics, in five sections: counts of classes, kappa, errors of numbers, probabilities, ranks.

Many metrics are a ratio of sums over classes (see `macro_f_terms`) or depend on means over rows (see `kappa_rows`).
Functions return the terms of these sums, or the quantities of each row, so that the searches and the bootstrap can
compute a metric many thousand times. scikit-learn is not used, because it returns only the metric, and needs about ten
times longer for few rows.

Letters: N rows, C classes, S quantities for each row. Labels are classes (N,), or (N, C) of 0 and 1 for several labels.
"""

import numpy as np

TINY = 1e-9  # replaces a denominator of 0; the numerator is then 0, too


# ---- metrics of counts: true positives, predicted and actual of each class

# A function `..._terms` returns numerators and denominators (…, C). The metric is the sum of the numerators divided by
# the sum of the denominators, so the searches and the bootstrap need nothing but this function to compute the metric.
# The arguments of such a function are counts (…, C) for each class: its true positives, its answers and its labels.


def counts(labels: np.ndarray, answers: np.ndarray, classes: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return three arrays (C,) int: how many true positives, how many answers and how many labels each class has.

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
    """Return two arrays (…, C): the F-beta of each class, and the denominator of F-beta.

    true_positives, predicted, actual: counts (…, C) of the true positives, the answers and the labels of each class.
    For a class that does not occur, both results are 0.
    """
    whole = predicted + (actual if beta == 1 else beta * beta * actual)
    scores = (1 + beta * beta) * true_positives / np.maximum(whole, TINY)
    return scores.astype(np.float64, copy=False), whole


def macro_f_terms(true_positives, predicted, actual, beta: float = 1.0):
    """Return numerators and denominators (…, C). The ratio of their sums is the mean F-beta over the classes.

    Only classes that occur in labels or answers are averaged, as in scikit-learn with zero_division=nan. The arguments
    are counts (…, C) of the true positives, the answers and the labels of each class.
    """
    scores, whole = f_scores(true_positives, predicted, actual, beta)
    return scores, whole > 0


def micro_f_terms(true_positives, predicted, actual, beta: float = 1.0):
    """Return numerators and denominators (…, C). The ratio of their sums is the F-beta of all classes together.

    The arguments are counts (…, C) of the true positives, the answers and the labels of each class.
    """
    return (1 + beta * beta) * true_positives, beta * beta * actual + predicted


def weighted_f1_terms(true_positives, predicted, actual):
    """Return numerators and denominators (…, C). The ratio of their sums is the mean F1, weighted by labels per class.

    The arguments are counts (…, C) of the true positives, the answers and the labels of each class.
    """
    return f_scores(true_positives, predicted, actual)[0] * actual, actual


def accuracy_terms(true_positives, predicted, actual):
    """Return numerators and denominators (…, C). The ratio of their sums is the share of right answers.

    The arguments are counts (…, C) of the true positives, the answers and the labels of each class.
    """
    return true_positives, actual


def balanced_accuracy_terms(true_positives, predicted, actual):
    """Return numerators and denominators (…, C). The ratio of their sums is the mean recall over classes with labels.

    The arguments are counts (…, C) of the true positives, the answers and the labels of each class.
    """
    return (true_positives / np.maximum(actual, TINY)).astype(np.float64, copy=False), actual > 0


def samples_f_rows(labels: np.ndarray, answers: np.ndarray, beta: float = 1.0) -> np.ndarray:
    """Return the F-beta (N, 1) of each row, computed from the row's labels and answers, or 0 if the row has neither.

    labels, answers: (N, C) of 0 and 1.
    """
    labels, answers = labels.astype(bool, copy=False), answers.astype(bool, copy=False)
    sizes = (np.count_nonzero(part, axis=1) for part in (labels & answers, answers, labels))
    return f_scores(*sizes, beta)[0][:, None]


def macro_f1_score(labels: np.ndarray, answers: np.ndarray, classes: int) -> float:
    """Return the mean F1 over the classes (Macro F1) of answers (N,) for labels (N,)."""
    return float(ratio(*macro_f_terms(*counts(labels, answers, classes))))


# ---- quadratic weighted kappa, from the means of four quantities of each row


def kappa_rows(labels: np.ndarray, grades: np.ndarray) -> np.ndarray:
    """Return four quantities (N, 4) of each row, from whose means `kappa_of_means` computes quadratic weighted kappa.

    The quantities are the label, the answered grade, the sum of the squares of both, and their product. labels, grades
    (N,): the true and the answered grades.
    """
    labels, grades = labels.astype(np.float64), np.broadcast_to(grades, labels.shape).astype(np.float64)
    return np.stack([labels, grades, labels**2 + grades**2, labels * grades], 1)


def kappa_of_means(means: np.ndarray) -> np.ndarray:
    """Return quadratic weighted kappa (…) (Cohen 1968). means (…, 4): the means of the quantities of `kappa_rows`.

    Kappa is 1 - d / e, where d is the mean squared distance between label and answer, and e is the mean squared
    distance that is expected if labels and answers are independent. Kappa is 1 if all labels and all answers are the
    same grade.
    """
    label, grade, squares, product = np.moveaxis(means, -1, 0)
    expected = squares - 2 * label * grade
    return 1 - (squares - 2 * product) / np.where(expected > 0, expected, 1)


# ---- errors of numbers and grades: labels (N,), values (N,)


def squared_rows(labels: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the squared error (N, 1) of each row."""
    return (labels.astype(np.float64) - values)[:, None] ** 2


def root(means: np.ndarray) -> np.ndarray:
    """Return the root mean squared error (…). means (…, 1): the mean squared error."""
    return np.sqrt(means[..., 0])


def absolute_rows(labels: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the absolute error (N, 1) of each row."""
    return np.abs(labels.astype(np.float64) - values)[:, None]


# ---- metrics of probabilities (N, C)

FLOOR = 1e-7  # smaller probabilities are raised to it, so that a certain but wrong row costs 16 nats, not infinity


def of_truth(labels: np.ndarray, probs: np.ndarray) -> np.ndarray:
    """Return the probabilities that were predicted for the truth.

    If each row has one class, the result (N,) is the probability of the true class. If rows have several labels, the
    result (N, C) is p for each label that the row has and 1 - p for each label that the row does not have, where p is
    the probability of the label. labels: classes (N,), or (N, C) of 0 and 1; probs (N, C): the probabilities.
    """
    if labels.ndim == 2:
        return np.where(labels.astype(bool, copy=False), probs, 1 - probs)
    return probs[np.arange(len(labels)), labels]


def log_loss(labels: np.ndarray, probs: np.ndarray) -> float:
    """Return the mean over the rows of -log p, where p is the probability of the true class, and at least FLOOR.

    For several labels, return the mean binary cross entropy over all rows and columns.
    """
    return float(-np.log(np.maximum(of_truth(labels, probs), FLOOR)).mean(dtype=np.float64))


def log_loss_rows(labels: np.ndarray, probs: np.ndarray) -> np.ndarray:
    """Return the log loss (N, 1) of each row. For several labels, it is the mean over the labels of the row."""
    losses = -np.log(np.maximum(of_truth(labels, probs), FLOOR))
    return losses.reshape(len(labels), -1).mean(1, keepdims=True, dtype=np.float64)


def probabilistic_f1_rows(labels: np.ndarray, probs: np.ndarray) -> np.ndarray:
    """Return two quantities (N, 2) of each row, from whose means `probabilistic_f1_of_means` computes F1.

    The quantities are p y and (p + y) / 2, where p is the probability of the positive class and y is the label. labels
    (N,): 0 or 1; probs (N, 2): the probabilities of both classes.
    """
    positive = probs[:, 1].astype(np.float64)
    return np.stack([positive * labels, (positive + labels) / 2], 1)


def probabilistic_f1_of_means(means: np.ndarray) -> np.ndarray:
    """Return probabilistic F1 (…), which is 2 sum(p y) / (sum(p) + sum(y)), or 0 if both sums are 0.

    p is the probability of the positive class and y is the label of a row. means (…, 2): the means over the rows of the
    quantities of `probabilistic_f1_rows`.
    """
    return means[..., 0] / np.where(means[..., 1] > 0, means[..., 1], 1)


# ---- metrics of ranks, either of the rows in a class (AUC, average precision) or of the classes in a row (MAP, top k)

CHANCE = 0.5  # the AUC if no class has both positive and negative rows


def auc_score(labels: np.ndarray, probs: np.ndarray) -> float:
    """Return the area under the ROC curve (AUC). The positive class is the second of two classes.

    With more than two classes, or with several labels, the result is the mean of the AUCs of all classes. For each
    class, all rows that do not have this class are negative. A class without positive or without negative rows is left
    out. The AUC is computed from ranks (Mann and Whitney 1947), where equal probabilities count half. labels: classes
    (N,), or (N, C) of 0 and 1; probs (N, C): the probabilities.
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
    """Return the average precision of the positive class or, for several labels, the mean over the labels.

    labels: (N,) of 0 and 1, with probs (N, 2) of two classes; or labels and probs (N, C) of several labels. Labels
    without a positive row are left out of the mean. Greedy selection of blends calls this function very often.
    """
    if labels.ndim == 1:
        return _precision(labels, probs[:, 1]) if labels.any() else 0.0
    precisions = [_precision(labels[:, c], probs[:, c]) for c in np.flatnonzero(labels.any(0))]
    return float(np.mean(precisions)) if precisions else 0.0


def _precision(positive: np.ndarray, scores: np.ndarray) -> float:
    """Return the average precision of one class.

    For each positive row, the precision among all rows with at least the score of that row is computed. The result is
    the mean of these precisions. positive (N,): whether each row is positive; scores (N,): the probability of the
    class.
    """
    order = np.argsort(-scores, kind="stable")
    last = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    hits = positive[order].cumsum(dtype=np.int64)[last]
    return float((np.diff(hits, prepend=0) * hits / (last + 1)).sum() / hits[-1])


def rank_of_truth(labels: np.ndarray, probs: np.ndarray) -> np.ndarray:
    """Return the rank (N,) of each row's true class. The most probable class has rank 1.

    If classes have equal probabilities, the class with the lower index gets the smaller rank.
    """
    own = np.take_along_axis(probs, labels[:, None], 1)
    before = (probs > own) | ((probs == own) & (np.arange(probs.shape[1]) < labels[:, None]))
    return 1 + np.count_nonzero(before, axis=1)


def top_k_rows(labels: np.ndarray, probs: np.ndarray, k: int) -> np.ndarray:
    """Return an array (N, 1) that is 1 if the true class is among the row's k most probable classes, and 0 if not."""
    return (rank_of_truth(labels, probs) <= k).astype(np.float64)[:, None]


def map_at_k_rows(labels: np.ndarray, probs: np.ndarray, k: int) -> np.ndarray:
    """Return the average precision (N, 1) of the k most probable classes of each row.

    For one true class (labels (N,)) the average precision is 1 / rank of the true class, or 0 if the rank is above k.
    For several labels (N, C), the precision is computed at each rank up to k that a true label has. The average
    precision is the sum of these precisions, divided by k or by the number of true labels, whichever is smaller.
    """
    if labels.ndim == 1:
        rank = rank_of_truth(labels, probs)
        return np.where(rank <= k, 1 / rank, 0.0)[:, None]
    hits = np.take_along_axis(labels, np.argsort(-probs, 1, kind="stable")[:, :k], 1).astype(np.float64)
    precision = hits.cumsum(1) / np.arange(1, hits.shape[1] + 1)
    return ((precision * hits).sum(1) / np.clip(labels.sum(1, dtype=np.int64), 1, k))[:, None]
