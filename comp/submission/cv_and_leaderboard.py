"""How well cross-validated scores agree with those of the leaderboard."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

FEWEST = 3  # submissions with both scores: with two every correlation is 1 or -1
FEW = 8  # with fewer, the 95 % interval of a correlation of 0.7 reaches below 0


@dataclass(frozen=True)
class Agreement:
    """Of `count` submissions: correlations, the 95 % interval of Pearson's (None below four), and LB minus CV.

    gap, spread: mean and standard deviation of LB minus CV. Correlations are None where one of the scores is the same
    for all.
    """

    count: int
    pearson: float | None
    spearman: float | None
    interval: tuple[float, float] | None
    gap: float
    spread: float


def agreement(pairs: Sequence[tuple[float, float]]) -> Agreement | None:
    """The agreement of (cross-validated, leaderboard) scores; None for fewer than FEWEST pairs."""
    if len(pairs) < FEWEST:
        return None
    cross_validated, leaderboard = np.array(pairs, np.float64).T
    pearson, spearman = _correlations(cross_validated, leaderboard)
    differences = leaderboard - cross_validated
    return Agreement(len(pairs), pearson, spearman, _interval(pearson, len(pairs)), float(differences.mean()),
                     float(differences.std(ddof=1)))  # fmt: skip


def _correlations(first: np.ndarray, second: np.ndarray) -> tuple[float, float] | tuple[None, None]:
    """Pearson's and Spearman's correlation."""
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return None, None
    import pandas as pd

    ranks = [pd.Series(one).rank() for one in (first, second)]
    return float(np.corrcoef(first, second)[0, 1]), float(np.corrcoef(*ranks)[0, 1])


def _interval(pearson: float | None, count: int) -> tuple[float, float] | None:
    """The 95 % interval of a correlation by Fisher's transformation (Fisher 1915)."""
    if pearson is None or count <= FEWEST:
        return None
    centre, error = np.arctanh(np.clip(pearson, -1 + 1e-9, 1 - 1e-9)), 1.96 / np.sqrt(count - 3)
    return float(np.tanh(centre - error)), float(np.tanh(centre + error))
