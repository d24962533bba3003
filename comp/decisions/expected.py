"""The rule `expected`, which calibrates probabilities and takes the answers with the best expected value of the metric.

Only the calibration is fitted to labels, with a ridge (calibration.py). The answers are then found without labels. They
maximise the metric of the expected counts: right_c is the sum of p_ic over the rows i with answer c, predicted_c is the
number of these rows, and actual_c is the sum of p_ic over all rows. One more row with answer c adds
slope_c p_ic + intercept_c to the value of the metric, so the best answer of a row is the class that adds most. For F1
the added value is 2 (p_ic - F_c / 2) / (predicted_c + actual_c). The slopes depend on the counts, and the counts depend
on the slopes, so slopes and counts are computed in turns. Nan et al. (2012), Dembczynski et al. (2013) and Lipton et
al. (2014, the threshold F / 2) describe such plug-in rules, and Narasimhan et al. (2015) for several classes.

With one class for each row, the answer is argmax_c (slope_c q_c + intercept_c), where q are the calibrated
probabilities. A rule with only a factor for each class has a lower expected value, because a factor cannot express that
an answer of low probability adds nothing.
With several labels, a label is answered if slope_c q_c + intercept_c is above 0. For the mean F1 of the labels this
means q_c > F_c / 2; for micro F1 it means one threshold for all labels. The threshold is stored as an offset of the
log-odds (offsets.py).
With grades, the parameters are cut points of the expected grade before calibration. The exact search of grade_cuts.py
finds them.

Letters: N rows, C classes or labels or grades, A attributes.
"""

from collections.abc import Callable

import numpy as np
from scipy.special import expit, logit

from comp.competition import scoring
from comp.competition.competition import Competition
from comp.decisions import calibration, grade_cuts
from comp.metrics.formulas import TINY
from comp.metrics.metric import Metric

CELLS = 2_000_000  # most probabilities in the fit of a rule


def some_groups(group: np.ndarray, most: int) -> np.ndarray:
    """Return which rows to use, bool (N,): all rows, or about `most` rows of random whole groups if there are more.

    group (N,): the group of each row.
    """
    if len(group) <= most:
        return np.ones(len(group), bool)
    names, number = np.unique(group, return_inverse=True)
    chosen = np.zeros(len(names), bool)
    chosen[np.random.default_rng(0).permutation(len(names))[: max(1, len(names) * most // len(group))]] = True
    return chosen[number]


# ---- the best expected value of a metric of counts

ROUNDS = 12  # after 10 rounds the value changes by less than 1e-4
NEW = 0.5  # share of the newest counts in the running mean; without it, the rounds may jump between two states


def maximise(
    metric: Metric, counts: Callable[[np.ndarray], np.ndarray], actual: np.ndarray, start: np.ndarray
) -> np.ndarray:
    """Return the slopes and intercepts (2, C) that had the best expected value of the metric in any round.

    The first round tries `start` (2, C), so the result is never worse than `start`. counts: a function of slopes and
    intercepts (2, C) that returns the expected right answers and the answers of each class (2, C). actual (C,): the
    expected number of rows of each class.
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
    """The slopes and intercepts (2, C) at these counts, scaled so that the largest slope is 1.

    One more answer of a class adds the intercept to the value of the metric if the answer is wrong, and slope plus
    intercept if the answer is right. The scale changes no answer. right, predicted, actual (C,): expected counts.
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
MARGIN = 1e-5  # the answer's probability exceeds all others by this share, which is more than float32 rounding


def fit_classes(probs: np.ndarray, labels: np.ndarray, groups: np.ndarray, competition: Competition) -> np.ndarray:
    """Fit the parameters (A + 4, C) to blended probs (N, C) and labels (N,).

    The first A + 2 rows are those of the calibration. The last two rows are slopes and intercepts.
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
    """The answers (N,) of the rule for probs (N, C) with parameters (A + 4, C)."""
    return best_answers(calibrated_classes(probs, parameters, competition), parameters[-2:])


def adjusted_classes(probs: np.ndarray, parameters: np.ndarray, competition: Competition) -> np.ndarray:
    """The calibrated probabilities (N, C) float32, changed so that their argmax gives the answers of `decide_classes`.

    The rows sum to 1.
    """
    chances = calibrated_classes(probs, parameters, competition)
    return lifted(chances, best_answers(chances, parameters[-2:]))


def calibrated_classes(probs: np.ndarray, parameters: np.ndarray, competition: Competition) -> np.ndarray:
    """The calibrated probabilities (N, C) float64 of probs (N, C), before `lifted` changes them."""
    parts = calibration.parts_of_classes(probs, competition.attribute_values)
    return calibration.classes(parts, parameters[:-2])


def best_answers(chances: np.ndarray, slopes: np.ndarray) -> np.ndarray:
    """The answers (N,) that add most to the expected value of the metric.

    chances (N, C): calibrated probabilities. slopes (2, C): slopes and intercepts.
    """
    return (chances * slopes[0] + slopes[1]).argmax(1)


def expected_counts(chances: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """The counts (2, C) of the expected right answers and of the answers of each class.

    chances (N, C): calibrated probabilities. answers (N,).
    """
    right = chances[np.arange(len(answers)), answers]
    return np.stack([np.bincount(answers, weights, chances.shape[1]) for weights in (right, np.ones(len(answers)))])


def lifted(probs: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """The probabilities (N, C) float32, changed as little as possible so that their argmax gives `answers` (N,).

    In each row, the classes that are more probable than the answer give probability to the answer until all these
    classes are equal. All other classes stay as they are.
    """
    changed, rows = probs.copy(), np.arange(len(probs))
    level = probs[rows, answers]
    lower = np.flatnonzero(level < probs.max(1))
    level[lower] = _level(probs[lower], answers[lower])
    changed[lower] = np.minimum(probs[lower], level[lower, None])
    changed[rows, answers] = level * (1 + MARGIN)
    return (changed / changed.sum(1, keepdims=True)).astype(np.float32)


def _level(probs: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """The probability (N,) that the answer and all more probable classes have after they are made equal."""
    rows = np.arange(len(probs))
    own, others = probs[rows, answers], probs.copy()
    others[rows, answers] = 0
    others = -np.sort(-others, axis=1)
    above = np.pad(others.cumsum(1)[:, :-1], ((0, 0), (1, 0)))  # the sum over the k most probable other classes
    levels = (own[:, None] + above) / np.arange(1, probs.shape[1] + 1)
    return levels[rows, (levels >= others).argmax(1)]


def named_classes(parameters: np.ndarray, competition: Competition) -> dict[str, float]:
    """The name and the value of each parameter. The name says the kind and the class of the parameter.

    A sharpness is shared by all classes, so it appears once and its name has no class.
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
    """Fit the offsets (C,) of the log-odds to blended probs (N, C) and labels (N, C).

    groups (N,): if there are many rows, the fit uses only random whole groups.
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
    """The offsets (C,) to add to the log-odds before calibration.

    The sum of log-odds and offset is above 0 where slope q + intercept is above 0 for the calibrated probability q.
    calibrated (2, C): from `calibration.of_labels`. slope, intercept (C,).
    """
    threshold = np.clip(-intercept / np.maximum(slope, SURE), SURE, 1 - SURE)
    return np.clip((calibrated[1] - logit(threshold)) / calibrated[0], -LARGEST_OFFSET, LARGEST_OFFSET)


def _answered(odds: np.ndarray, at_least_one: bool) -> np.ndarray:
    """Return which labels are answered, bool (N, C), by the plain decision of comp/competition/scoring.py."""
    answered = odds >= 0
    if at_least_one:
        empty = np.flatnonzero(~answered.any(1))
        answered[empty, odds[empty].argmax(1)] = True
    return answered


# ---- grades


def fit_grades(probs: np.ndarray, labels: np.ndarray, groups: np.ndarray, competition: Competition) -> np.ndarray:
    """Fit rising cut points (C - 1,) to blended probs (N, C) and labels (N,).

    groups (N,): if there are many rows, the fit uses only random whole groups.
    """
    rows = some_groups(groups, CELLS // competition.size)
    parts = calibration.parts_of_grades(probs[rows])
    chances = calibration.classes(parts, calibration.of_classes(parts, labels[rows], {}))
    return grade_cuts.rising(grade_cuts.best_cuts(competition.metric, scoring.expectation(probs[rows]), chances))
