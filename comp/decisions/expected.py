"""Predict the classes, labels or grades with the best expected value of the metric. This is the rule RULE=expected.

First the probabilities are calibrated, with a few parameters that are fitted to labels (calibration.py). The rest needs
no labels: the predictions maximise the metric that is computed from expected counts. Let p_ic be the calibrated
probability of class c in row i. The expected number of true positives of class c is the sum of p_ic over the rows i for
which c is predicted. The expected number of labels of class c is the sum of p_ic over all rows. One more prediction of
class c adds slope_c p_ic + intercept_c to the value of the metric, so the best prediction for a row is the class that
adds most. For F1 the added value is 2 (p_ic - F_c / 2) / (predictions of c + expected labels of c), where F_c is the F1
of class c. The slopes depend on the counts, and the counts depend on the slopes, so both are computed in turns. Such
rules are described by Nan et al. (2012), Dembczynski et al. (2013) and Lipton et al. (2014, the threshold F / 2), and
for several classes by Narasimhan et al. (2015).

What is fitted depends on what is decided:

- One class for each row: the prediction is argmax_c (slope_c p_ic + intercept_c). Merely multiplying the probability of
  each class by a factor would be worse, because a factor cannot express that a prediction with a low probability adds
  nothing.
- Any number of labels: a label is predicted if slope_c p_ic + intercept_c is above 0. For the mean F1 of the labels,
  this means p_ic > F_c / 2; for micro F1, it means the same threshold for all labels. The threshold is stored as an
  offset of the log-odds (offsets.py).
- One grade for each row: the parameters are cut points of the expected grade before the calibration. The exact search
  in grade_cuts.py finds them.

Letters in the shapes: N rows, C classes or labels or grades, A attributes of the classes, such as a colour.
"""

from collections.abc import Callable

import numpy as np
from scipy.special import expit, logit

from comp.competition import scoring
from comp.competition.competition import Competition
from comp.decisions import calibration, grade_cuts
from comp.metrics.formulas import TINY
from comp.metrics.metric import Metric

CELLS = 2_000_000  # largest number of probabilities to which a rule is fitted


def some_groups(group: np.ndarray, most: int) -> np.ndarray:
    """Return a bool array (N,), which is True for the rows that a fit uses.

    If there are at most `most` rows, all are used. Otherwise the rows of randomly chosen groups are used, which are
    about `most` rows. group (N,): the group of each row.
    """
    if len(group) <= most:
        return np.ones(len(group), bool)
    names, number = np.unique(group, return_inverse=True)
    chosen = np.zeros(len(names), bool)
    chosen[np.random.default_rng(0).permutation(len(names))[: max(1, len(names) * most // len(group))]] = True
    return chosen[number]


# ---- the best expected value of a metric of counts

ROUNDS = 12  # after 10 rounds the value changes by less than 1e-4
NEW = 0.5  # weight of the newest counts in the running mean, which keeps rounds from jumping between two states


def maximise(
    metric: Metric, counts: Callable[[np.ndarray], np.ndarray], actual: np.ndarray, start: np.ndarray
) -> np.ndarray:
    """Return the slope and the intercept (2, C) of each class that give the best expected value of the metric.

    One more prediction of a class is assumed to add slope * p + intercept to the metric, where p is the calibrated
    probability of the class. The search starts from `start` (2, C), makes ROUNDS rounds, and returns the best slopes
    and intercepts of all rounds. counts: a function that takes slopes and intercepts (2, C) and makes predictions with
    them; it returns (2, C), which is the expected number of true positives and the number of predictions of each class.
    actual (C,): the expected number of rows of each class.
    """
    tried, best, value, mean = start, start, -np.inf, None
    for _ in range(ROUNDS):
        new = counts(tried)
        reached = float(metric.shown(metric.of_counts(*new, actual)))
        if reached > value:
            best, value = tried, reached
        mean = new if mean is None else mean + NEW * (new - mean)
        tried = gains(metric, *mean, actual)
    return best


def gains(metric: Metric, right: np.ndarray, predicted: np.ndarray, actual: np.ndarray) -> np.ndarray:
    """Return how much one more prediction of each class would raise the score, as a slope and an intercept (2, C).

    A wrong prediction adds the intercept to the score, and a right prediction adds the slope plus the intercept. All
    are divided by the largest slope, which changes no decision. right, predicted, actual (C,): the expected number of
    true positives, the number of predictions, and the expected number of labels of each class.
    """
    top, bottom = (np.asarray(part, np.float64) for part in metric.terms(right, predicted, actual))

    def value(more: int) -> np.ndarray:
        tops, bottoms = metric.terms(right + more, predicted + 1, actual)
        return (top.sum() + tops - top) / np.maximum(bottom.sum() + bottoms - bottom, TINY)

    wrong = value(0)
    added = metric.shown(np.stack([value(1) - wrong, wrong - top.sum() / max(bottom.sum(), TINY)]))
    return added / max(added[0].max(), TINY)


# ---- one class for each row

NAMES = ("bias", "slope", "intercept")
# the share by which the probability of the answer exceeds all others, which is more than the rounding of float32
MARGIN = 1e-5


def fit_classes(probs: np.ndarray, labels: np.ndarray, groups: np.ndarray, competition: Competition) -> np.ndarray:
    """Fit the rule `expected` for competitions with one class for each row, and return its parameters (A + 4, C).

    A is the number of attributes of the classes, such as a colour. The first A + 2 rows are the parameters of the
    calibration, from `calibration.of_classes`. The last two rows are a slope and an intercept of each class, from
    `maximise`. probs (N, C): the blended probabilities. labels (N,): the true classes. groups (N,): the group of each
    row; if there are very many rows, only the rows of randomly chosen groups are used.
    """
    rows, attributes = some_groups(groups, CELLS // competition.size), competition.attribute_values
    parts = calibration.parts_of_classes(probs[rows], attributes)
    calibrated = calibration.of_classes(parts, labels[rows], attributes)
    chances = calibration.classes(parts, calibrated)
    plain = np.stack([np.exp(-calibrated[-1]), np.zeros(competition.size)])

    def counts(slopes: np.ndarray) -> np.ndarray:
        return expected_counts(chances, best_answers(chances, slopes))

    slopes = maximise(competition.metric, counts, chances.sum(0), plain / plain.max())
    return np.concatenate([calibrated, slopes])


def decide_classes(probs: np.ndarray, parameters: np.ndarray, competition: Competition) -> np.ndarray:
    """Return the class (N,) that the rule `expected` predicts for each row.

    probs (N, C): the blended probabilities. parameters: from `fit_classes`.
    """
    return best_answers(calibrated_classes(probs, parameters, competition), parameters[-2:])


def adjusted_classes(probs: np.ndarray, parameters: np.ndarray, competition: Competition) -> np.ndarray:
    """Return calibrated probabilities (N, C) float32, changed so that their argmax is the class that the rule predicts.

    The rule is `expected`. Each row sums to 1. probs (N, C): the blended probabilities. parameters: from `fit_classes`.
    """
    chances = calibrated_classes(probs, parameters, competition)
    return lifted(chances, best_answers(chances, parameters[-2:]))


def calibrated_classes(probs: np.ndarray, parameters: np.ndarray, competition: Competition) -> np.ndarray:
    """Return the calibrated probabilities (N, C) float64 of the classes.

    probs (N, C): the blended probabilities. parameters: from `fit_classes`.
    """
    parts = calibration.parts_of_classes(probs, competition.attribute_values)
    return calibration.classes(parts, parameters[:-2])


def best_answers(chances: np.ndarray, slopes: np.ndarray) -> np.ndarray:
    """Return for each row the class (N,) with the largest slope * p + intercept, where p is the class's probability.

    This is the class whose prediction raises the metric most. chances (N, C): the calibrated probabilities p. slopes
    (2, C): the slope and the intercept of each class.
    """
    return (chances * slopes[0] + slopes[1]).argmax(1)


def expected_counts(chances: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """Return (2, C): the expected number of true positives and the number of predictions of each class.

    chances (N, C): the calibrated probabilities. answers (N,): the class that is predicted for each row.
    """
    right = chances[np.arange(len(answers)), answers]
    return np.stack([np.bincount(answers, weights, chances.shape[1]) for weights in (right, np.ones(len(answers)))])


def lifted(probs: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """Return the probabilities (N, C) float32, changed as little as possible so that their argmax is `answers`.

    In each row, the classes that are more probable than the class in `answers` give probability to this class until all
    of them are equal. The probabilities of the other classes do not change. The class in `answers` is then raised
    slightly above the rest, and the row is scaled to sum to 1. probs (N, C): the probabilities. answers (N,): for each
    row, the class that must become the most probable class.
    """
    changed, rows = probs.copy(), np.arange(len(probs))
    level = probs[rows, answers]
    lower = np.flatnonzero(level < probs.max(1))
    level[lower] = _level(probs[lower], answers[lower])
    changed[lower] = np.minimum(probs[lower], level[lower, None])
    changed[rows, answers] = level * (1 + MARGIN)
    return (changed / changed.sum(1, keepdims=True)).astype(np.float32)


def _level(probs: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """Return the probability (N,) at which `lifted` makes the class in `answers` and all more probable classes equal.

    probs (N, C): the probabilities before the change. answers (N,): for each row, the class that must become the most
    probable class.
    """
    rows = np.arange(len(probs))
    own, others = probs[rows, answers], probs.copy()
    others[rows, answers] = 0
    others = -np.sort(-others, axis=1)
    # column k of `above` is the sum over the k most probable other classes
    above = np.pad(others.cumsum(1)[:, :-1], ((0, 0), (1, 0)))
    levels = (own[:, None] + above) / np.arange(1, probs.shape[1] + 1)
    return levels[rows, (levels >= others).argmax(1)]


def named_classes(parameters: np.ndarray, competition: Competition) -> dict[str, float]:
    """Return the parameters from `fit_classes` as a dictionary, with names such as "bias cat" for a class cat.

    The names start with "sharpness", "bias", "slope" or "intercept". A sharpness is the same for all classes, so its
    name contains no class, but may contain an attribute of the classes.
    """
    parts = ("sharpness", *(f"sharpness {name}" for name in competition.attributes))
    sharpness = dict(zip(parts, parameters[:-3, 0], strict=True))
    rest = zip(NAMES, parameters[-3:], strict=True)
    of_classes = {f"{part} {c}": v for part, row in rest for c, v in zip(competition.classes, row, strict=True)}
    return {name: float(value) for name, value in (sharpness | of_classes).items()}


# ---- several labels

LARGEST_OFFSET = 8.0  # largest absolute value of an offset
LEAST_SHARPNESS = 0.05  # the sharpness of a label whose probabilities carry no information
SURE = 1e-6  # smallest threshold for a calibrated probability


def fit_labels(probs: np.ndarray, labels: np.ndarray, groups: np.ndarray, competition: Competition) -> np.ndarray:
    """Fit the rule `expected` for multilabel data, and return an offset for the log-odds of each label, (C,).

    A label is predicted if its log-odds plus its offset are at least 0. probs (N, C): the blended probabilities. labels
    (N, C): 1 for each label that is present, otherwise 0. groups (N,): the group of each row; if there are very many
    rows, only the rows of randomly chosen groups are used.
    """
    rows = some_groups(groups, CELLS // competition.size)
    calibrated = calibration.of_labels(probs[rows], labels[rows])
    calibrated[0] = np.maximum(calibrated[0], LEAST_SHARPNESS)
    odds = calibration.log_odds(probs[rows])
    chances = expit(calibrated[0] * odds + calibrated[1])

    def counts(slopes: np.ndarray) -> np.ndarray:
        answered = _answered(odds + _offsets(calibrated, *slopes), competition.at_least_one)
        return np.stack([np.where(answered, chances, 0).sum(0), np.count_nonzero(answered, axis=0)])

    half = np.stack([np.ones(competition.size), -expit(calibrated[1])])  # thresholds of 0.5 before calibration
    return _offsets(calibrated, *maximise(competition.metric, counts, chances.sum(0), half))


def _offsets(calibrated: np.ndarray, slope: np.ndarray, intercept: np.ndarray) -> np.ndarray:
    """Return offsets (C,) for the log-odds of C labels. They lead to the same decisions as `slope` and `intercept`.

    The log-odds of a label before calibration, plus the offset, are above 0 if slope * q + intercept is above 0, where
    q is the calibrated probability of the label. calibrated (2, C): the factor and the bias of each label, from
    `calibration.of_labels`. slope, intercept (C,): from `maximise`.
    """
    threshold = np.clip(-intercept / np.maximum(slope, SURE), SURE, 1 - SURE)
    return np.clip((calibrated[1] - logit(threshold)) / calibrated[0], -LARGEST_OFFSET, LARGEST_OFFSET)


def _answered(odds: np.ndarray, at_least_one: bool) -> np.ndarray:
    """Return a bool array (N, C), which is True for each predicted label.

    A label is predicted if its log-odds in `odds` (N, C) are at least 0. If `at_least_one` is true, a row without such
    a label gets its most probable label. comp/competition/scoring.py decides in the same way.
    """
    answered = odds >= 0
    if at_least_one:
        empty = np.flatnonzero(~answered.any(1))
        answered[empty, odds[empty].argmax(1)] = True
    return answered


# ---- grades


def fit_grades(probs: np.ndarray, labels: np.ndarray, groups: np.ndarray, competition: Competition) -> np.ndarray:
    """Fit the rule `expected` for grades, and return rising cut points (C - 1,) that turn expected grades into grades.

    probs (N, C): the blended probabilities of the C grades. labels (N,): the true grades. groups (N,): the group of
    each row; if there are very many rows, only the rows of randomly chosen groups are used.
    """
    rows = some_groups(groups, CELLS // competition.size)
    parts = calibration.parts_of_grades(probs[rows])
    chances = calibration.classes(parts, calibration.of_classes(parts, labels[rows], {}))
    return grade_cuts.rising(grade_cuts.best_cuts(competition.metric, scoring.expectation(probs[rows]), chances))
