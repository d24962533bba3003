"""Choose the simplest candidate that is not clearly worse than the best one.

Letters: N rows, P candidates, K folds.
"""

import numpy as np

from comp.blending import bootstrap, group_sums
from comp.blending.group_sums import AllRows, GroupSums

ROUNDS = 200  # of the bootstrap, for a standard error

Scored = list[GroupSums] | list[AllRows]  # one per candidate (P,), for the same rows


def choose(by_fold: list[Scored], groups: np.ndarray) -> int:
    """Position of the first candidate within one standard error of the best; the simplest candidates come first.

    by_fold: for each fold the predictions of all candidates; groups: the numbers of the groups in these folds, sorted.
    The standard error is of the difference to the best score. It is smaller than the error of each score, because the
    candidates err on the same rows. It comes from a bootstrap over groups, or from the folds if the metric needs rows.
    """
    together = over_folds(by_fold)
    scores = np.array([one.score() for one in together])
    best = int(np.argmax(scores))
    if group_sums.sums_are_enough(together[0].metric):
        drawn = bootstrap.scores([one.of_groups(groups) for one in together], len(groups), ROUNDS)
        error = (drawn[best] - drawn).std(1)
    else:
        of_folds = np.array([[one.score() for one in fold] for fold in by_fold]).T
        error = (of_folds[best] - of_folds).std(1) / np.sqrt(len(by_fold))
    return int(np.flatnonzero(scores[best] - scores <= error)[0])


def over_folds(by_fold: list[Scored]) -> Scored:
    """The predictions of each candidate (P,) for the rows of all folds together."""
    return [sum(parts[1:], start=parts[0]) for parts in zip(*by_fold, strict=True)]
