"""How sure a score is: the bootstrap over persons, whose photos are not independent (Efron 1979; clusters are drawn).

Letters: N rows, C classes, P predictions, G persons, R rounds.
"""

from collections.abc import Iterator

import numpy as np

from comp.competition import metrics

ROUNDS = 1000
ROUNDS_OF_PROBABILITIES = 100  # at most, for metrics of probabilities: each of theirs sorts or takes logarithms anew
SEED = 0
DRAWN = 20_000_000  # draws of persons held in memory at once


def scores(
    metric: str, labels: np.ndarray, group: np.ndarray, made: list[np.ndarray], rounds: int = ROUNDS, classes: int = 0
) -> np.ndarray:
    """The metric (P, R) of each of `made` on persons drawn with replacement, the same ones for all.

    made: probabilities (N, C), or answers (N,) with `classes` given. group (N,): the persons' numbers from 0.
    """
    count = int(group.max()) + 1
    if metric not in metrics.ARGMAX:
        draws = np.concatenate(list(_draws(count, min(rounds, ROUNDS_OF_PROBABILITIES))))
        return np.array([[_weighted(metric, labels, one, draw.astype(int)[group]) for draw in draws] for one in made])
    tables = [_counts_by_person(labels, group, one, classes, count) for one in made]
    parts = [
        [metrics.ARGMAX[metric](*(draws @ table for table in three)) for three in tables]
        for draws in _draws(count, rounds)
    ]
    return np.concatenate(parts, axis=1)


def _draws(persons: int, rounds: int) -> Iterator[np.ndarray]:
    """How often each person is drawn, (rounds, G) in blocks of float32: numpy multiplies whole numbers slowly."""
    rng, block = np.random.default_rng(SEED), max(1, DRAWN // persons)
    for first in range(0, rounds, block):
        size = min(block, rounds - first)
        yield rng.multinomial(persons, np.full(persons, 1 / persons), size=size).astype(np.float32)


def _counts_by_person(labels, group, made, classes: int, persons: int) -> list[np.ndarray]:
    """Right answers, predictions and labels of each class, (G, C) each."""
    answers, size = (made, classes) if made.ndim == 1 else (made.argmax(1), made.shape[1])
    cells = ((answers == labels, labels), (slice(None), answers), (slice(None), labels))
    counted = [np.bincount(group[rows] * size + values[rows], minlength=persons * size) for rows, values in cells]
    return [cell.reshape(persons, size).astype(np.float32) for cell in counted]


def _weighted(metric: str, labels: np.ndarray, probs: np.ndarray, times: np.ndarray) -> float:
    """A metric of probabilities with each row as often as it was drawn."""
    rows = np.repeat(np.arange(len(labels)), times)
    return metrics.score(metric, labels[rows], probs[rows])
