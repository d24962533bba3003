"""Find the cut points that turn the expected grade of a row into a whole grade.

The cut points are for metrics that measure the distance between two grades, such as quadratic weighted kappa. Rounding
has the cut points 0.5, 1.5 and so on. An exact search finds better ones. If the rows are sorted by their expected
grades, the score changes only when a cut point passes a row, so all possible scores can be compared.

Cut points can also be applied to probabilities: `adjusted` returns probabilities whose rounded expectation is the grade
that the cut points give.

Letters in the shapes: N rows, C grades, S quantities that a metric computes for each row.
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
    """Return the cut points (C - 1,) of rounding: 0.5, 1.5 and so on. grades: the number C of grades."""
    return np.arange(grades - 1) + 0.5


def halfway(probs: np.ndarray, labels: np.ndarray, groups: np.ndarray, competition: Competition) -> np.ndarray:
    """Return the cut points (C - 1,) of rounding, which are 0.5, 1.5 and so on, as the parameters of the rule `round`.

    Only the number C of grades in the competition is used. The other arguments exist because all rules have them.
    """
    return rounding(competition.size)


def adjusted(probs: np.ndarray, cuts: np.ndarray, competition: Competition) -> np.ndarray:
    """Return probabilities (N, C) float32 whose rounded expectation is the grade that the cut points give for each row.

    probs (N, C): the blended probabilities of the C grades. cuts (C - 1,): the cut points of the expected grade.
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
    """Return the cut points (C - 1,), moved so that each is greater than the one before by at least MARGIN.

    The first and the last cut point also keep at least MARGIN from the lowest and the highest grade.
    """
    grades = len(cuts) + 1
    gaps = MARGIN * np.arange(grades - 1)
    return np.maximum.accumulate(np.clip(cuts, MARGIN, grades - 1 - MARGIN * (grades - 1)) - gaps) + gaps


def best_cuts(metric: Metric, expected: np.ndarray, chances: np.ndarray) -> np.ndarray:
    """Search for the cut points (C - 1,) with the best expected score, by moving one cut point at a time.

    expected (N,): the expected grade of each row, which the cut points turn into a grade. chances (N, C): the
    calibrated probabilities of the grades, from which the expected score is computed.
    """
    order, grades = np.argsort(expected, kind="stable"), chances.shape[1]
    expected = expected[order]
    sums = _sums_of_grades(metric, chances[order])
    cuts = rounding(grades)
    # grade k has the rows from at[k] to at[k + 1] - 1
    at = np.concatenate([[0], np.searchsorted(expected, cuts), [len(expected)]])
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
    """Return cumulative sums (C, N + 1, S), from which the score of any cut points can be computed.

    Entry [g, n] is the sum, over the first n rows, of the expected values of the S quantities of the metric
    (Metric.rows) if these rows get the grade g. chances (N, C): the calibrated probabilities of the grades.
    """
    grades = chances.shape[1]
    of_grades = [metric.rows(np.arange(grades), np.full(grades, grade)) for grade in range(grades)]
    quantities = [chances @ each for each in of_grades]
    return np.stack([np.concatenate([np.zeros((1, q.shape[1])), q.cumsum(0)]) for q in quantities])


def _best_cut(metric: Metric, expected: np.ndarray, sums: np.ndarray, at: np.ndarray, k: int):
    """Find the best cut point between the grades k and k + 1, while all other cut points stay fixed.

    Return the expected score, the number of rows below the cut point, and the cut point. If there is no possible cut
    point, the score is -inf. expected (N,): the expected grades of the rows, sorted. sums: from `_sums_of_grades`. at
    (C + 1,): the rows from at[g] to at[g + 1] - 1 now have the grade g.
    """
    low, high = k + 0.5 - REACH, k + 0.5 + REACH
    first, last = np.searchsorted(expected, [low, high])
    places = np.arange(max(first, at[k]), min(last, at[k + 2]) + 1)
    left = np.append(-np.inf, expected)[places].clip(low, high)
    right = np.append(expected, np.inf)[places].clip(low, high)
    # no cut point is possible between two equal expected grades
    places, left, right = (part[right > left] for part in (places, left, right))
    if not len(places):
        return -np.inf, 0, 0.0
    others = sum(sums[g, at[g + 1]] - sums[g, at[g]] for g in range(len(sums)) if g not in (k, k + 1))
    own = sums[k, places] - sums[k, at[k]] + sums[k + 1, at[k + 2]] - sums[k + 1, places]
    scores = metric.shown(metric.of_means((others + own) / len(expected)))
    best = np.flatnonzero(scores >= scores.max() - LEAST_GAIN)
    best = best[(right - left)[best].argmax()]
    return scores[best], places[best], (left[best] + right[best]) / 2
