"""The answers with the best expected value of a metric of counts, given calibrated probabilities. It needs no labels.

The value of the expected counts is maximised: right_c is the sum of p_ic over the rows with answer c, predicted_c their
number, actual_c the sum of p_ic over all rows. A further row with answer c adds slope_c p_ic + intercept_c to the
value, so the best answers are those that add most. For F1 that is 2 (p_ic - F_c / 2) / (predicted_c + actual_c).
Slopes follow from counts and counts from slopes: they are found in turns. Plug-in rules: Nan et al. 2012, Dembczynski
et al. 2013, Lipton et al. 2014 (the threshold F / 2); several classes: Narasimhan et al. 2015.

Letters: C classes or labels.

The rule `expected` for one class per row: calibrated probabilities, and the answers with the best expected value.

The answer is argmax_c (slope_c q_c + intercept_c), where q are the calibrated probabilities. Only the calibration is
fitted to labels, with a ridge; see calibration.py and expected_value.py. A factor for each class alone, as in
class_offsets.py, has a lower expected value: it cannot express that an answer of low probability adds nothing.

Parameters (A + 4, C): of the calibration, slope, intercept. Letters: N rows, T other rows, C classes, A attributes.

The rule `expected` for grades: cut points with the best expected value of calibrated probabilities.

The calibrated probabilities of the grades take the place of the labels in the exact search of grade_cuts.py. Only the
calibration is fitted to labels, with a ridge. The cut points are of the expected grade before calibration.

Letters: N rows, T other rows, C grades.

The rule `expected` for several labels: thresholds with the best expected value of calibrated probabilities.

Only the calibration is fitted to labels, with a ridge; see calibration.py and expected_value.py. A label is answered if
slope_c q_c + intercept_c is above 0, where q is its calibrated probability. For the mean F1 of labels that is
q_c > F_c / 2, for micro F1 it is one threshold for all. It becomes an offset of the log-odds (see label_thresholds.py).

Letters: N rows, T other rows, C labels.
"""

from collections.abc import Callable

import numpy as np
from scipy.special import expit, logit

from comp.competition import scoring
from comp.competition.competition import Competition
from comp.decisions import calibration, grade_cuts
from comp.decisions.line_search import some_groups
from comp.metrics.formulas import TINY
from comp.metrics.metric import Metric

ROUNDS = 12  # after 10 the value changes by less than 1e-4
NEW = 0.5  # share of the newest counts in the running mean: without a mean the rounds may jump between two states
CELLS = 2_000_000  # probabilities that a rule is fitted to, at most


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
    """Slopes and intercepts (2, C): what one more answer adds to the value, wrong: intercept, right: their sum.

    Scaled so that the largest slope is 1, which changes no answer.
    """
    top, bottom = (np.asarray(part, np.float64) for part in metric.terms(right, predicted, actual))

    def value(more: int) -> np.ndarray:
        tops, bottoms = metric.terms(right + more, predicted + 1, actual)
        return (top.sum() + tops - top) / np.maximum(bottom.sum() + bottoms - bottom, TINY)

    wrong = value(0)
    found = metric.shown(np.stack([value(1) - wrong, wrong - top.sum() / max(bottom.sum(), TINY)]))
    return found / max(found[0].max(), TINY)


NAMES = ("bias", "slope", "intercept")
MARGIN = 1e-5  # the answer's probability is larger than any other by this share, more than float32 rounds


def fit_classes(
    probs: np.ndarray, labels: np.ndarray, groups: np.ndarray, competition: Competition, on=None
) -> np.ndarray:
    """Parameters (A + 4, C) for blended probs (N, C). on (T, C): rows whose expected value counts; None: these rows."""
    rows, attributes = some_groups(groups, CELLS // competition.size), competition.attribute_values
    parts = calibration.parts_of_classes(probs[rows], attributes)
    calibrated = calibration.of_classes(parts, labels[rows], attributes)
    parts = parts if on is None else calibration.parts_of_classes(on, attributes)
    chances = calibration.classes(parts, calibrated)
    plain = np.stack([np.exp(-calibrated[-1]), np.zeros(competition.size)])
    counts = lambda found: _expected_counts(chances, _best_answers(chances, found))  # noqa: E731
    gains = maximise(competition.metric, counts, chances.sum(0), plain / plain.max())
    return np.concatenate([calibrated, gains])


def decide_classes(probs: np.ndarray, parameters: np.ndarray, competition: Competition) -> np.ndarray:
    """Answers (N,) for probs (N, C) with parameters (A + 4, C)."""
    return _best_answers(_calibrated(probs, parameters, competition), parameters[-2:])


def adjusted_classes(probs: np.ndarray, parameters: np.ndarray, competition: Competition) -> np.ndarray:
    """Calibrated probabilities (N, C) float32 with the answers of `decide` as argmax, rows sum to 1."""
    chances = _calibrated(probs, parameters, competition)
    return lifted(chances, _best_answers(chances, parameters[-2:]))


def lifted(probs: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """Probabilities (N, C) float32 with `answers` (N,) as argmax. They are changed as little as possible.

    The classes above the answer give it as much as makes them all equal; all other classes stay as they are.
    """
    made, rows = probs.copy(), np.arange(len(probs))
    own = probs[rows, answers]
    lower = np.flatnonzero(own < probs.max(1))
    level = own.copy()
    level[lower] = _level(probs[lower], answers[lower])
    made[lower] = np.minimum(probs[lower], level[lower, None])
    made[rows, answers] = level * (1 + MARGIN)
    return (made / made.sum(1, keepdims=True)).astype(np.float32)


def _level(probs: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """(N,): the probability of the answer and all classes above it, once these have given it what makes them equal."""
    rows = np.arange(len(probs))
    own, others = probs[rows, answers], probs.copy()
    others[rows, answers] = 0
    others = -np.sort(-others, axis=1)
    above = np.pad(others.cumsum(1)[:, :-1], ((0, 0), (1, 0)))  # the sum of the k largest other classes
    levels = (own[:, None] + above) / np.arange(1, probs.shape[1] + 1)
    return levels[rows, (levels >= others).argmax(1)]


def named_classes(parameters: np.ndarray, competition: Competition) -> dict[str, float]:
    """Each parameter by what it is and of what; the sharpness, which all classes share, once."""
    parts = ("sharpness", *(f"sharpness {name}" for name in competition.attributes))
    sharpness = dict(zip(parts, parameters[:-3, 0], strict=True))
    rest = zip(NAMES, parameters[-3:], strict=True)
    of_classes = {f"{part} {c}": v for part, row in rest for c, v in zip(competition.classes, row, strict=True)}
    return {name: float(value) for name, value in (sharpness | of_classes).items()}


def _calibrated(probs: np.ndarray, parameters: np.ndarray, competition: Competition) -> np.ndarray:
    parts = calibration.parts_of_classes(probs, competition.attribute_values)
    return calibration.classes(parts, parameters[:-2])


def _best_answers(chances: np.ndarray, gains: np.ndarray) -> np.ndarray:
    return (chances * gains[0] + gains[1]).argmax(1)


def _expected_counts(chances: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """Expected right answers and answers (2, C)."""
    right = chances[np.arange(len(answers)), answers]
    return np.stack([np.bincount(answers, weights, chances.shape[1]) for weights in (right, np.ones(len(answers)))])


def fit_grades(
    probs: np.ndarray, labels: np.ndarray, groups: np.ndarray, competition: Competition, on=None
) -> np.ndarray:
    """Rising cut points (C - 1,) for blended probs (N, C). on (T, C): rows whose expected value counts; None: these."""
    rows = some_groups(groups, CELLS // competition.size)
    calibrated = calibration.of_classes(calibration.parts_of_grades(probs[rows]), labels[rows], {})
    probs = probs[rows] if on is None else on
    chances = calibration.classes(calibration.parts_of_grades(probs), calibrated)
    cuts = grade_cuts.best_cuts(competition.metric, scoring.expectation(probs), chances, competition.size)
    return grade_cuts.rising(cuts)


LARGEST_OFFSET = 8.0  # largest offset, up or down
LEAST_SHARPNESS = 0.05  # at most: labels whose probabilities say nothing
SURE = 1e-6  # smallest threshold for a calibrated probability


def fit_labels(
    probs: np.ndarray, labels: np.ndarray, groups: np.ndarray, competition: Competition, on=None
) -> np.ndarray:
    """Offsets (C,) for blended probs (N, C). on (T, C): rows whose expected value counts; None: these rows."""
    rows = some_groups(groups, CELLS // competition.size)
    calibrated = calibration.of_labels(probs[rows], labels[rows])
    calibrated[0] = np.maximum(calibrated[0], LEAST_SHARPNESS)
    odds = calibration.log_odds(probs[rows] if on is None else on)
    chances = expit(calibrated[0] * odds + calibrated[1])

    def counts(found):
        answered = _answered(odds + _offsets(calibrated, *found), competition.at_least_one)
        return np.stack([np.where(answered, chances, 0).sum(0), np.count_nonzero(answered, axis=0)])

    half = np.stack([np.ones(competition.size), -expit(calibrated[1])])  # 0.5 for the probabilities as they are
    return _offsets(calibrated, *maximise(competition.metric, counts, chances.sum(0), half))


def _offsets(calibrated: np.ndarray, slope: np.ndarray, intercept: np.ndarray) -> np.ndarray:
    """Offsets (C,) of the log-odds as they are: above 0 where slope q + intercept is above 0."""
    threshold = np.clip(-intercept / np.maximum(slope, SURE), SURE, 1 - SURE)
    return np.clip((calibrated[1] - logit(threshold)) / calibrated[0], -LARGEST_OFFSET, LARGEST_OFFSET)


def _answered(odds: np.ndarray, at_least_one: bool) -> np.ndarray:
    """Which labels (N, C) are answered, as in competition/scoring.py."""
    answered = odds >= 0
    if at_least_one:
        empty = np.flatnonzero(~answered.any(1))
        answered[empty, odds[empty].argmax(1)] = True
    return answered
