"""How much each candidate counts in the blend: its chance of being the best one on other rows.

Picking the candidate with the best score loses: many of them differ by less than their noise, so the highest score is
luck as much as merit. So none is picked. Each candidate counts by its chance of being the best one on new rows, and
the blend is the mean of their weights and of their decisions (mixed.py). A candidate that is clearly better than the
others gets everything; candidates that cannot be told apart share.

The chance comes from a bootstrap over groups. Its noise is doubled (SPREAD), because there is more than the bootstrap
sees: the rows to predict are another sample, and weights and rules are fitted again to more rows. The best single run
is itself picked by its score, so it counts only if it beats the equal mean with a probability of 0.9.

In 237 simulated pools of `make bench BENCH=choosing` a factor of 2 had the least regret, though 1 to 3 were nearly as
good. Picking the candidate with the best score had a fifth more, and its worst tenth of the pools a third more.

Letters: N rows, P candidates, K folds, R rounds.
"""

from collections.abc import Iterable

import numpy as np

from comp.blending import bootstrap, group_sums
from comp.blending.candidates import Candidate
from comp.blending.group_sums import AllRows, GroupSums

ROUNDS = 200  # of the bootstrap
SURE = 0.9  # the probability with which the best single run must beat the equal mean
SPREAD = 2.0  # the noise of a score on new rows, relative to what the bootstrap shows

Scored = list[GroupSums] | list[AllRows]  # one per candidate (P,), for the same rows


def shares(by_fold: list[Scored], groups: np.ndarray, candidates: Iterable[Candidate]) -> np.ndarray:
    """The chance (P,) of each candidate to be the best one on new rows; they sum to 1. Of equal ones the first counts.

    by_fold: for each fold the predictions of all candidates; groups: the numbers of the groups in these folds, sorted.
    The same groups are drawn for all candidates, because these err on the same rows. If the metric needs the rows,
    such as AUC, the folds are drawn instead.
    """
    together = over_folds(by_fold)
    scores = np.array([one.score() for one in together])
    if group_sums.sums_are_enough(together[0].metric):
        drawn = bootstrap.scores([one.of_groups(groups) for one in together], len(groups), ROUNDS)
    else:
        drawn = _of_drawn_folds(np.array([[one.score() for one in fold] for fold in by_fold]))
    counts = _count(drawn, [candidate.method for candidate in candidates])
    best = np.where(counts[:, None], on_new_rows(scores, drawn), -np.inf).argmax(0)
    return np.bincount(best, minlength=len(scores)) / len(best)


def on_new_rows(scores: np.ndarray, drawn: np.ndarray, spread: float = SPREAD) -> np.ndarray:
    """Possible scores (P, R) on new rows: scores (P,), and `spread` times the noise of the drawn scores (P, R)."""
    return scores[:, None] + spread * (drawn - drawn.mean(1, keepdims=True))


def over_folds(by_fold: list[Scored]) -> Scored:
    """The predictions of each candidate (P,) for the rows of all folds together."""
    return [sum(parts[1:], start=parts[0]) for parts in zip(*by_fold, strict=True)]


def _count(drawn: np.ndarray, methods: list[str]) -> np.ndarray:
    """Whether each candidate (P,) may count: the best single run only if it beats the equal mean in enough draws."""
    if not {"best", "equal"} <= set(methods):
        return np.ones(len(methods), bool)
    wins = drawn[methods.index("best")] > drawn[methods.index("equal")]
    return np.array([method != "best" or wins.mean() >= SURE for method in methods])


def _of_drawn_folds(scores: np.ndarray) -> np.ndarray:
    """The mean score (P, R) over folds drawn with replacement; scores: (K, P)."""
    folds = len(scores)
    counts = np.random.default_rng(bootstrap.SEED).multinomial(folds, np.full(folds, 1 / folds), size=ROUNDS)
    return (counts @ scores / folds).T
