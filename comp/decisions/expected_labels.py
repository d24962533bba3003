"""The rule `expected` for several labels: thresholds with the best expected value of calibrated probabilities.

Only the calibration is fitted to labels, with a ridge; see calibration.py and expected_value.py. A label is answered if
slope_c q_c + intercept_c is above 0, where q is its calibrated probability. For the mean F1 of labels that is
q_c > F_c / 2, for micro F1 it is one threshold for all. It becomes an offset of the log-odds (see label_thresholds.py).

Letters: N rows, T other rows, C labels.
"""

import numpy as np
from scipy.special import expit, logit

from comp.competition.competition import Competition
from comp.decisions import calibration, expected_value
from comp.decisions.open_rows import some_groups

LARGEST = 8.0  # largest offset, up or down
LEAST_SHARPNESS = 0.05  # at most: labels whose probabilities say nothing
SURE = 1e-6  # smallest threshold for a calibrated probability


def fit(probs: np.ndarray, labels: np.ndarray, groups: np.ndarray, competition: Competition, on=None) -> np.ndarray:
    """Offsets (C,) for blended probs (N, C). on (T, C): rows whose expected value counts; None: these rows."""
    rows = some_groups(groups, expected_value.CELLS // competition.size)
    calibrated = calibration.of_labels(probs[rows], labels[rows])
    calibrated[0] = np.maximum(calibrated[0], LEAST_SHARPNESS)
    odds = calibration.log_odds(probs[rows] if on is None else on)
    chances = expit(calibrated[0] * odds + calibrated[1])

    def counts(found):
        answered = _answered(odds + _offsets(calibrated, *found), competition.at_least_one)
        return np.stack([np.where(answered, chances, 0).sum(0), np.count_nonzero(answered, axis=0)])

    half = np.stack([np.ones(competition.size), -expit(calibrated[1])])  # 0.5 for the probabilities as they are
    return _offsets(calibrated, *expected_value.maximise(competition.metric, counts, chances.sum(0), half))


def _offsets(calibrated: np.ndarray, slope: np.ndarray, intercept: np.ndarray) -> np.ndarray:
    """Offsets (C,) of the log-odds as they are: above 0 where slope q + intercept is above 0."""
    threshold = np.clip(-intercept / np.maximum(slope, SURE), SURE, 1 - SURE)
    return np.clip((calibrated[1] - logit(threshold)) / calibrated[0], -LARGEST, LARGEST)


def _answered(odds: np.ndarray, at_least_one: bool) -> np.ndarray:
    """Which labels (N, C) are answered, as in competition/scoring.py."""
    answered = odds >= 0
    if at_least_one:
        empty = np.flatnonzero(~answered.any(1))
        answered[empty, odds[empty].argmax(1)] = True
    return answered
