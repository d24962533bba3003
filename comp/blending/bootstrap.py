"""The uncertainty of scores, by bootstrap over groups: rows of one group are not independent (Efron 1979).

Letters: P predictions, G groups, R rounds.
"""

from collections.abc import Iterator

import numpy as np

from comp.blending.group_sums import AllRows, GroupSums

ROUNDS = 1000
ROUNDS_OF_ROWS = 100  # at most, for metrics that must be computed from all rows in each round
SEED = 0
DRAWN = 20_000_000  # draws of groups held in memory at once
MOST_DRAWS = 200_000_000  # in total: with many groups, fewer rounds are enough
FEWEST_ROUNDS = 100


def scores(predictions: list[GroupSums] | list[AllRows], groups: int, rounds: int = ROUNDS) -> np.ndarray:
    """The score (P, R) of each prediction on groups drawn with replacement, the same draws for all; higher is better.

    groups: G; each group must have a row.
    """
    if isinstance(predictions[0], AllRows):
        rounds = min(rounds, ROUNDS_OF_ROWS)
    rounds = min(rounds, max(FEWEST_ROUNDS, MOST_DRAWS // groups))
    return np.concatenate([[one.drawn(draws) for one in predictions] for draws in _draws(groups, rounds)], axis=1)


def _draws(groups: int, rounds: int) -> Iterator[np.ndarray]:
    """How often each group is drawn, (rounds, G) in blocks of float32: numpy multiplies whole numbers slowly."""
    rng, block = np.random.default_rng(SEED), max(1, DRAWN // groups)
    for first in range(0, rounds, block):
        size = min(block, rounds - first)
        yield rng.multinomial(groups, np.full(groups, 1 / groups), size=size).astype(np.float32)
