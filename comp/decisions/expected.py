"""The rule `expected`: calibrated probabilities, and the answers with the best expected value of the metric.

Only the calibration is fitted to labels, with a ridge (calibration.py). The answers then need no labels: they maximise
the metric of the expected counts, in which right_c is the sum of p_ic over the rows with answer c, predicted_c their
number, and actual_c the sum of p_ic over all rows. A further row with answer c adds slope_c p_ic + intercept_c to the
value, so the best answers are those that add most. For F1 that is 2 (p_ic - F_c / 2) / (predicted_c + actual_c). Slopes
follow from counts and counts from slopes: they are found in turns. Such plug-in rules: Nan et al. 2012, Dembczynski et
al. 2013, Lipton et al. 2014 (the threshold F / 2); several classes: Narasimhan et al. 2015.

One class for each row: the answer is argmax_c (slope_c q_c + intercept_c), where q are the calibrated probabilities. A
factor for each class has a lower expected value: it cannot express that an answer of low probability adds nothing.
Several labels: a label is answered if slope_c q_c + intercept_c is above 0. For the mean F1 of labels that is
q_c > F_c / 2, for micro F1 it is one threshold for all. It is stored as an offset of the log-odds (offsets.py).
Grades: cut points of the expected grade before calibration, found by the exact search of grade_cuts.py.

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

CELLS = 2_000_000  # probabilities that a rule is fitted to, at most


def some_groups(group: np.ndarray, most: int) -> np.ndarray:
    """Rows (bool (N,)): all, or those of random whole groups (N,) with about `most` rows if there are more."""
    if len(group) <= most:
        return np.ones(len(group), bool)
    names, number = np.unique(group, return_inverse=True)
    chosen = np.zeros(len(names), bool)
    chosen[np.random.default_rng(0).permutation(len(names))[: max(1, len(names) * most // len(group))]] = True
    return chosen[number]


# ---- the best expected value of a metric of counts

ROUNDS = 12  # after 10 the value changes by less than 1e-4
NEW = 0.5  # share of the newest counts in the running mean: without a mean the rounds may jump between two states


def maximise(
    metric: Metric, counts: Callable[[np.ndarray], np.ndarray], actual: np.ndarray, start: np.ndarray
) -> np.ndarray:
    """Slopes and intercepts (2, C) with the best expected value of all rounds; never worse than `start`.

    counts: from slopes and intercepts to expected right answers and answers (2, C); actual (C,): expected labels.
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
    """Slopes and intercepts (2, C). One more answer adds the intercept if it is wrong, and the sum of both if right.

    They are scaled so that the largest slope is 1, which changes no answer.
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
MARGIN = 1e-5  # the answer's probability is larger than any other by this share, more than float32 rounds


def fit_classes(probs: np.ndarray, labels: np.ndarray, groups: np.ndarray, competition: Competition) -> np.ndarray:
    """Parameters (A + 4, C) for blended probs (N, C): A + 2 rows of the calibration, slopes, intercepts."""
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
    """Answers (N,) for probs (N, C) with parameters (A + 4, C)."""
    return best_answers(calibrated_classes(probs, parameters, competition), parameters[-2:])


def adjusted_classes(probs: np.ndarray, parameters: np.ndarray, competition: Competition) -> np.ndarray:
    """Calibrated probabilities (N, C) float32 with the answers of `decide_classes` as argmax, rows sum to 1."""
    chances = calibrated_classes(probs, parameters, competition)
    return lifted(chances, best_answers(chances, parameters[-2:]))


def calibrated_classes(probs: np.ndarray, parameters: np.ndarray, competition: Competition) -> np.ndarray:
    """Calibrated probabilities (N, C) float64 of probs (N, C), before any answer is lifted."""
    parts = calibration.parts_of_classes(probs, competition.attribute_values)
    return calibration.classes(parts, parameters[:-2])


def best_answers(chances: np.ndarray, slopes: np.ndarray) -> np.ndarray:
    """Answers (N,) that add most to the expected value; chances (N, C), slopes and intercepts (2, C)."""
    return (chances * slopes[0] + slopes[1]).argmax(1)


def expected_counts(chances: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """Expected right answers and answers (2, C) of chances (N, C) and answers (N,)."""
    right = chances[np.arange(len(answers)), answers]
    return np.stack([np.bincount(answers, weights, chances.shape[1]) for weights in (right, np.ones(len(answers)))])


def lifted(probs: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """Probabilities (N, C) float32 with `answers` (N,) as argmax. They are changed as little as possible.

    The classes above the answer give it as much as makes them all equal; all other classes stay as they are.
    """
    changed, rows = probs.copy(), np.arange(len(probs))
    level = probs[rows, answers]
    lower = np.flatnonzero(level < probs.max(1))
    level[lower] = _level(probs[lower], answers[lower])
    changed[lower] = np.minimum(probs[lower], level[lower, None])
    changed[rows, answers] = level * (1 + MARGIN)
    return (changed / changed.sum(1, keepdims=True)).astype(np.float32)


def _level(probs: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """(N,): the probability of the answer and of all classes above it, once these are made equal."""
    rows = np.arange(len(probs))
    own, others = probs[rows, answers], probs.copy()
    others[rows, answers] = 0
    others = -np.sort(-others, axis=1)
    above = np.pad(others.cumsum(1)[:, :-1], ((0, 0), (1, 0)))  # the sum of the k largest other classes
    levels = (own[:, None] + above) / np.arange(1, probs.shape[1] + 1)
    return levels[rows, (levels >= others).argmax(1)]


def named_classes(parameters: np.ndarray, competition: Competition) -> dict[str, float]:
    """Each parameter by its kind and its class; the sharpness, which all classes share, once."""
    parts = ("sharpness", *(f"sharpness {name}" for name in competition.attributes))
    sharpness = dict(zip(parts, parameters[:-3, 0], strict=True))
    rest = zip(NAMES, parameters[-3:], strict=True)
    of_classes = {f"{part} {c}": v for part, row in rest for c, v in zip(competition.classes, row, strict=True)}
    return {name: float(value) for name, value in (sharpness | of_classes).items()}


# ---- several labels

LARGEST_OFFSET = 8.0  # largest offset, up or down
LEAST_SHARPNESS = 0.05  # of a label whose probabilities say nothing
SURE = 1e-6  # smallest threshold for a calibrated probability


def fit_labels(probs: np.ndarray, labels: np.ndarray, groups: np.ndarray, competition: Competition) -> np.ndarray:
    """Offsets (C,) of the log-odds for blended probs (N, C)."""
    rows = some_groups(groups, CELLS // competition.size)
    calibrated = calibration.of_labels(probs[rows], labels[rows])
    calibrated[0] = np.maximum(calibrated[0], LEAST_SHARPNESS)
    odds = calibration.log_odds(probs[rows])
    chances = expit(calibrated[0] * odds + calibrated[1])

    def counts(slopes: np.ndarray) -> np.ndarray:
        answered = _answered(odds + _offsets(calibrated, *slopes), competition.at_least_one)
        return np.stack([np.where(answered, chances, 0).sum(0), np.count_nonzero(answered, axis=0)])

    half = np.stack([np.ones(competition.size), -expit(calibrated[1])])  # 0.5 for the probabilities as they are
    return _offsets(calibrated, *maximise(competition.metric, counts, chances.sum(0), half))


def _offsets(calibrated: np.ndarray, slope: np.ndarray, intercept: np.ndarray) -> np.ndarray:
    """Offsets (C,) of the log-odds as they are: above 0 where slope q + intercept is above 0."""
    threshold = np.clip(-intercept / np.maximum(slope, SURE), SURE, 1 - SURE)
    return np.clip((calibrated[1] - logit(threshold)) / calibrated[0], -LARGEST_OFFSET, LARGEST_OFFSET)


def _answered(odds: np.ndarray, at_least_one: bool) -> np.ndarray:
    """Which labels (N, C) are answered, as in comp/competition/scoring.py."""
    answered = odds >= 0
    if at_least_one:
        empty = np.flatnonzero(~answered.any(1))
        answered[empty, odds[empty].argmax(1)] = True
    return answered


# ---- grades


def fit_grades(probs: np.ndarray, labels: np.ndarray, groups: np.ndarray, competition: Competition) -> np.ndarray:
    """Rising cut points (C - 1,) for blended probs (N, C)."""
    rows = some_groups(groups, CELLS // competition.size)
    parts = calibration.parts_of_grades(probs[rows])
    chances = calibration.classes(parts, calibration.of_classes(parts, labels[rows], {}))
    return grade_cuts.rising(grade_cuts.best_cuts(competition.metric, scoring.expectation(probs[rows]), chances))
