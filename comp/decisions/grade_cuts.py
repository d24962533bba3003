"""Cut points that turn the expected grade into a grade, for metrics of the distance such as quadratic kappa.

Rounding has cut points at k + 0.5. Better cut points are found by an exact search. The score does not change while a
cut point moves between two neighbouring expected grades of rows, so all possible scores can be compared. In the
adjusted probabilities, only two neighbouring grades of each row are above 0, and their rounded expectation is the grade
that the cut points give.

Letters: N rows, C grades, S quantities for each row from which the metric is computed.
"""

import numpy as np

from comp.competition import scoring
from comp.competition.competition import Competition
from comp.metrics.metric import Metric

REACH = 0.75  # largest distance of a cut point from k + 0.5
MARGIN = 0.02  # smallest distance between two cut points, and from a cut point to the lowest or highest grade
PASSES = 3
LEAST_GAIN = 1e-9  # smaller gains are rounding errors


def rounding(grades: int) -> np.ndarray:
    """The cut points (C - 1,) that are equal to rounding. grades: C."""
    return np.arange(grades - 1) + 0.5


def halfway(probs: np.ndarray, labels: np.ndarray, groups: np.ndarray, competition: Competition) -> np.ndarray:
    """Return the cut points (C - 1,) of the rule `round`, which are those of rounding for any rows."""
    return rounding(competition.size)


def adjusted(probs: np.ndarray, cuts: np.ndarray, competition: Competition) -> np.ndarray:
    """The probabilities (N, C) float32, changed so that their rounded expectation is the grade of the cut points.

    cuts (C - 1,).
    """
    grades = probs.shape[1]
    if np.array_equal(cuts, rounding(grades)):
        return probs
    expected = scoring.expectation(probs)
    moved = np.interp(expected, [0, *cuts, grades - 1], [0, *rounding(grades), grades - 1])
    answer = np.searchsorted(cuts, expected, side="right")
    # rounding to float32 must not move a value across a cut point
    moved = np.clip(moved, answer - 0.499, answer + 0.499)
    return scoring.two_points(moved, grades)


def rising(cuts: np.ndarray) -> np.ndarray:
    """The cut points (C - 1,), moved apart where two of them are closer than MARGIN.

    They also keep a distance of MARGIN from the lowest and the highest grade.
    """
    grades = len(cuts) + 1
    gaps = MARGIN * np.arange(grades - 1)
    return np.maximum.accumulate(np.clip(cuts, MARGIN, grades - 1 - MARGIN * (grades - 1)) - gaps) + gaps


def best_cuts(metric: Metric, expected: np.ndarray, chances: np.ndarray) -> np.ndarray:
    """The cut points (C - 1,) with the best expected score that the search finds by moving one cut point at a time.

    expected (N,): the expected grade of each row, which the cut points turn into a grade. chances (N, C): the
    calibrated probabilities of the grades.
    """
    order, grades = np.argsort(expected, kind="stable"), chances.shape[1]
    expected = expected[order]
    sums = _sums_of_grades(metric, chances[order])
    cuts = rounding(grades)
    at = np.concatenate([[0], np.searchsorted(expected, cuts), [len(expected)]])  # grade k has the rows at[k]:at[k + 1]
    value = -np.inf
    for _ in range(PASSES):
        before = value
        for k in range(grades - 1):
            reached, place, cut = _best_cut(metric, expected, sums, at, k)
            if reached > value + LEAST_GAIN:
                value, at[k + 1], cuts[k] = reached, place, cut
        if value <= before:
            break
    return cuts


def _sums_of_grades(metric: Metric, chances: np.ndarray) -> np.ndarray:
    """The sums (C, N + 1, S) of the metric's quantities over the first 0 … N rows, if all rows had the same answer.

    The first axis is the answer. chances (N, C).
    """
    grades = chances.shape[1]
    of_grades = [metric.rows(np.arange(grades), np.full(grades, grade)) for grade in range(grades)]
    quantities = [chances @ each for each in of_grades]
    return np.stack([np.concatenate([np.zeros((1, q.shape[1])), q.cumsum(0)]) for q in quantities])


def _best_cut(metric: Metric, expected: np.ndarray, sums: np.ndarray, at: np.ndarray, k: int):
    """Find the best cut point between grades k and k + 1 while all other cut points stay fixed.

    Returns the score, the position of the cut among the sorted rows, and the cut point. The score is -inf if no cut
    point is possible. expected (N,): sorted. at (C + 1,): grade g has the rows at[g] to at[g + 1].
    """
    low, high = k + 0.5 - REACH, k + 0.5 + REACH
    first, last = np.searchsorted(expected, [low, high])
    places = np.arange(max(first, at[k]), min(last, at[k + 2]) + 1)
    left = np.append(-np.inf, expected)[places].clip(low, high)
    right = np.append(expected, np.inf)[places].clip(low, high)
    # no cut is possible between equal expectations
    places, left, right = (part[right > left] for part in (places, left, right))
    if not len(places):
        return -np.inf, 0, 0.0
    others = sum(sums[g, at[g + 1]] - sums[g, at[g]] for g in range(len(sums)) if g not in (k, k + 1))
    own = sums[k, places] - sums[k, at[k]] + sums[k + 1, at[k + 2]] - sums[k + 1, places]
    scores = metric.shown(metric.of_means((others + own) / len(expected)))
    best = np.flatnonzero(scores >= scores.max() - LEAST_GAIN)
    best = best[(right - left)[best].argmax()]
    return scores[best], places[best], (left[best] + right[best]) / 2
