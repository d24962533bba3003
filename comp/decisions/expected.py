"""Calibrate probabilities, and take the answers with the best expected value of the metric. This is `RULE=expected`.

Only the calibration is fitted to labels, with a ridge penalty (calibration.py). The answers are then found without
labels: they maximise the metric of the expected counts. Here p_ic is the calibrated probability of class c in row i.
The expected counts of class c are right_c, which is the sum of p_ic over the rows i with answer c; predicted_c, which
is the number of these rows; and actual_c, which is the sum of p_ic over all rows. One more row with answer c adds
slope_c p_ic + intercept_c to the value of the metric, so the best answer for a row is the class that adds most. For F1
the added value is 2 (p_ic - F_c / 2) / (predicted_c + actual_c), where F_c is the F1 of class c. The slopes depend on
the counts, and the counts depend on the slopes, so slopes and counts are computed in turns. Such plug-in rules are
described by Nan et al. (2012), Dembczynski et al. (2013) and Lipton et al. (2014, the threshold F / 2), and for several
classes by Narasimhan et al. (2015).

The kind of decision determines the parameters:

- With one class for each row, the answer is argmax_c (slope_c p_ic + intercept_c). A rule that only multiplies the
  probability of each class by a factor would have a lower expected value, because a factor cannot express that an
  answer of low probability adds nothing.
- With several labels, a label is answered if slope_c p_ic + intercept_c is above 0. For the mean F1 of the labels this
  means p_ic > F_c / 2, and for micro F1 it means the same threshold for all labels. The threshold is stored as an
  offset of the log-odds (offsets.py).
- With grades, the parameters are cut points of the expected grade before calibration. The exact search in grade_cuts.py
  finds them.

Letters in the shapes: N rows, C classes or labels or grades, A attributes.
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
    """Return which rows a fit uses, bool (N,).

    These are all rows or, if there are more than `most` rows, the rows of random whole groups, which are about `most`
    rows. group (N,): the group of each row.
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
    """Return the slopes and intercepts (2, C) with the best expected value of the metric among those of all rounds.

    The first round tries the slopes and intercepts `start` (2, C), so the result is never worse than `start`. counts: a
    function of slopes and intercepts (2, C) that returns two numbers for each class (2, C), which are its expected
    number of right answers and its number of answers. actual (C,): the expected number of rows of each class.
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
    """Return the slopes and intercepts (2, C), which say how much one more answer of each class adds to the metric.

    If the answer is wrong, it adds the intercept; if the answer is right, it adds the slope plus the intercept. Both
    are divided by the largest slope, which changes no answer. right, predicted, actual (C,): the expected number of
    right answers, the number of answers, and the expected number of rows of each class.
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
    """Fit the parameters (A + 4, C) of the rule for one class in each row, where A is the number of attributes.

    The first A + 2 rows are the parameters of the calibration (`calibration.of_classes`). The last two rows are the
    slopes and the intercepts (`maximise`). probs (N, C): the blended probabilities. labels (N,): the true classes.
    groups (N,): the group of each row; if there are many rows, the fit uses only random whole groups.
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
    """Return the answer (N,) of the rule for each row, which is a class.

    probs (N, C): the blended probabilities. parameters (A + 4, C): from `fit_classes`.
    """
    return best_answers(calibrated_classes(probs, parameters, competition), parameters[-2:])


def adjusted_classes(probs: np.ndarray, parameters: np.ndarray, competition: Competition) -> np.ndarray:
    """Return the calibrated probabilities (N, C) float32, changed so that their argmax gives the answers of the rule.

    Each row sums to 1. probs (N, C): the blended probabilities. parameters (A + 4, C): from `fit_classes`.
    """
    chances = calibrated_classes(probs, parameters, competition)
    return lifted(chances, best_answers(chances, parameters[-2:]))


def calibrated_classes(probs: np.ndarray, parameters: np.ndarray, competition: Competition) -> np.ndarray:
    """Return the calibrated probabilities (N, C) float64.

    probs (N, C): the blended probabilities. parameters (A + 4, C): from `fit_classes`.
    """
    parts = calibration.parts_of_classes(probs, competition.attribute_values)
    return calibration.classes(parts, parameters[:-2])


def best_answers(chances: np.ndarray, slopes: np.ndarray) -> np.ndarray:
    """Return for each row the answer that adds most to the expected value of the metric, (N,).

    chances (N, C): the calibrated probabilities. slopes (2, C): the slopes and the intercepts.
    """
    return (chances * slopes[0] + slopes[1]).argmax(1)


def expected_counts(chances: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """Return for each class its expected number of right answers and its number of answers, (2, C).

    chances (N, C): the calibrated probabilities. answers (N,): the class that is answered for each row.
    """
    right = chances[np.arange(len(answers)), answers]
    return np.stack([np.bincount(answers, weights, chances.shape[1]) for weights in (right, np.ones(len(answers)))])


def lifted(probs: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """Return the probabilities (N, C) float32, changed as little as possible so that their argmax gives the answers.

    In each row, the classes that are more probable than the answer give probability to the answer until all of them and
    the answer are equal. The other classes do not change. At the end, the answer is raised slightly above all classes,
    and the row is scaled to sum to 1. probs (N, C): the probabilities. answers (N,): the class that is answered for
    each row.
    """
    changed, rows = probs.copy(), np.arange(len(probs))
    level = probs[rows, answers]
    lower = np.flatnonzero(level < probs.max(1))
    level[lower] = _level(probs[lower], answers[lower])
    changed[lower] = np.minimum(probs[lower], level[lower, None])
    changed[rows, answers] = level * (1 + MARGIN)
    return (changed / changed.sum(1, keepdims=True)).astype(np.float32)


def _level(probs: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """Return the equal probability (N,) that the answer and the more probable classes of each row get in `lifted`.

    probs (N, C): the probabilities before the change. answers (N,): the class that is answered for each row.
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
    """Return a dictionary from the name to the value of each parameter.

    The name is the kind of the parameter (such as "bias"), then the class. All classes share the same sharpness, so a
    sharpness occurs only once, and its name has no class. parameters (A + 4, C): from `fit_classes`.
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
    """Fit the offsets (C,) that the rule for several labels adds to the log-odds of each label.

    probs (N, C): the blended probabilities. labels (N, C): 1 for each label that is present, otherwise 0. groups (N,):
    the group of each row; if there are many rows, the fit uses only random whole groups.
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
    """Return the offsets (C,) to add to the log-odds of the labels before calibration.

    With its offset, the log-odds of a label are above 0 if slope q + intercept is above 0, where q is the calibrated
    probability of the label. calibrated (2, C): the sharpness and the bias of each label, from `calibration.of_labels`.
    slope, intercept (C,): the slope and the intercept of each label, from `maximise`.
    """
    threshold = np.clip(-intercept / np.maximum(slope, SURE), SURE, 1 - SURE)
    return np.clip((calibrated[1] - logit(threshold)) / calibrated[0], -LARGEST_OFFSET, LARGEST_OFFSET)


def _answered(odds: np.ndarray, at_least_one: bool) -> np.ndarray:
    """Return which labels are answered, bool (N, C), with the same plain decision as comp/competition/scoring.py.

    A label is answered if its log-odds (N, C) are at least 0. at_least_one: if true, a row without an answered label
    gets its most probable label.
    """
    answered = odds >= 0
    if at_least_one:
        empty = np.flatnonzero(~answered.any(1))
        answered[empty, odds[empty].argmax(1)] = True
    return answered


# ---- grades


def fit_grades(probs: np.ndarray, labels: np.ndarray, groups: np.ndarray, competition: Competition) -> np.ndarray:
    """Fit the cut points (C - 1,), in rising order, that turn the expected grade of a row into a grade.

    probs (N, C): the blended probabilities of the grades. labels (N,): the true grades. groups (N,): the group of each
    row; if there are many rows, the fit uses only random whole groups.
    """
    rows = some_groups(groups, CELLS // competition.size)
    parts = calibration.parts_of_grades(probs[rows])
    chances = calibration.classes(parts, calibration.of_classes(parts, labels[rows], {}))
    return grade_cuts.rising(grade_cuts.best_cuts(competition.metric, scoring.expectation(probs[rows]), chances))
