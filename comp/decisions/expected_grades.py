"""The rule `expected` for grades: cut points with the best expected value of calibrated probabilities.

The calibrated probabilities of the grades take the place of the labels in the exact search of grade_cuts.py. Only the
calibration is fitted to labels, with a ridge. The cut points are of the expected grade before calibration.

Letters: N rows, T other rows, C grades.
"""

import numpy as np

from comp.competition import scoring
from comp.competition.competition import Competition
from comp.decisions import calibration, expected_value, grade_cuts
from comp.decisions.open_rows import some_groups


def fit(probs: np.ndarray, labels: np.ndarray, groups: np.ndarray, competition: Competition, on=None) -> np.ndarray:
    """Rising cut points (C - 1,) for blended probs (N, C). on (T, C): rows whose expected value counts; None: these."""
    rows = some_groups(groups, expected_value.CELLS // competition.size)
    calibrated = calibration.of_classes(calibration.parts_of_grades(probs[rows]), labels[rows], {})
    probs = probs[rows] if on is None else on
    chances = calibration.classes(calibration.parts_of_grades(probs), calibrated)
    cuts = grade_cuts.best_cuts(competition.metric, scoring.expectation(probs), chances, competition.size)
    return grade_cuts.rising(cuts)
