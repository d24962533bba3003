"""Greedy selection of models with replacement (Caruana et al. 2004), for any metric."""

import numpy as np

from comp.blending.combine import on_simplex
from comp.blending.problem import Problem

SUBSAMPLES, ROUNDS = 8, 25  # 50 rounds had a lower score on other rows
SEED = 0  # blending is deterministic


def greedy(problem: Problem) -> np.ndarray:
    """Weights (M,): the mean of the selections on subsamples of the groups.

    Caruana et al. also subsample the models. With 30 useful models that scored worse on other rows in `make bench`'s
    simulation (0.890 against 0.899), so only the groups are subsampled.
    """
    select = lambda part: _select(part, part.parts, ROUNDS)  # noqa: E731
    return on_simplex(problem.mean_of_subsamples(select, SUBSAMPLES, np.random.default_rng(SEED)))


def _select(problem: Problem, parts: np.ndarray, rounds: int) -> np.ndarray:
    """Weights (M,): start with the best few models by their own scores, then add the model that helps most."""
    order = sorted(range(len(parts)), key=lambda i: -problem.score_of(parts[i]))
    counts, total, history = np.zeros(len(parts)), 0.0, []

    def add(i):
        nonlocal total
        counts[i] += 1
        total = total + parts[i]
        history.append((problem.score_of(total / counts.sum()), counts.copy()))

    for i in order:
        add(i)
    _, counts = max(history, key=lambda step: step[0])  # among equal scores the one with the fewest models
    total = np.tensordot(counts.astype(np.float32), parts, axes=1)
    for _ in range(rounds - int(counts.sum())):
        add(int(np.argmax([problem.score_of((total + one) / (counts.sum() + 1)) for one in parts])))
    _, counts = max(history, key=lambda step: step[0])
    return counts / counts.sum()
