"""Grades with a metric of their distance, such as quadratic kappa: cut points for the expected grade.

Rounding cuts at k + 0.5. Other cut points are found by an exact search: between two neighbouring expectations the score
does not change, so all its values can be compared. In the adjusted probabilities each row has two neighbouring grades,
and rounding their expectation gives the grade that the cut points give.

Letters: N rows, C grades, S quantities for each row from which the metric is computed.
"""

import numpy as np

from comp.competition import scoring
from comp.competition.competition import Competition
from comp.metrics.metric import Metric

REACH = 0.75  # largest distance of a cut point from k + 0.5
MARGIN = 0.02  # smallest distance between two cut points, and to the lowest and the highest grade
PASSES = 3
LEAST_GAIN = 1e-9  # smaller gains are rounding errors


def rounding(grades: int) -> np.ndarray:
    """The cut points (C - 1,) of rounding."""
    return np.arange(grades - 1) + 0.5


def halfway(probs: np.ndarray, labels: np.ndarray, groups: np.ndarray, competition: Competition) -> np.ndarray:
    """The rule `round`: the cut points (C - 1,) of rounding, whatever the rows are."""
    return rounding(competition.size)


def adjusted(probs: np.ndarray, cuts: np.ndarray, competition: Competition) -> np.ndarray:
    """Probabilities (N, C) float32. Their rounded expectation is the grade that the cut points (C - 1,) give."""
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
    """The cut points (C - 1,), moved where they are closer than MARGIN to each other or to the last grades."""
    grades = len(cuts) + 1
    gaps = MARGIN * np.arange(grades - 1)
    return np.maximum.accumulate(np.clip(cuts, MARGIN, grades - 1 - MARGIN * (grades - 1)) - gaps) + gaps


def best_cuts(metric: Metric, expected: np.ndarray, chances: np.ndarray) -> np.ndarray:
    """Cut points (C - 1,) with the best expected score; moving a single one does not improve it.

    expected (N,): the expected grade of each row, which is cut; chances (N, C): probabilities of the grades.
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
    """Cumulative sums (C, N + 1, S) over the rows of the metric's quantities, if all rows had the same answer."""
    grades = chances.shape[1]
    of_grades = [metric.rows(np.arange(grades), np.full(grades, grade)) for grade in range(grades)]
    quantities = [chances @ each for each in of_grades]
    return np.stack([np.concatenate([np.zeros((1, q.shape[1])), q.cumsum(0)]) for q in quantities])


def _best_cut(metric: Metric, expected: np.ndarray, sums: np.ndarray, at: np.ndarray, k: int):
    """The best cut between grades k and k + 1 with the other cuts fixed: score, position among the rows, cut point."""
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
