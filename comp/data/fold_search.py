"""Among splits with different seeds, find the one with the most similar folds. No torch."""

from collections.abc import Callable

import joblib
import numpy as np
from scipy import sparse

from comp.data.fold_split import split

CHUNK = 10  # seeds per task
WORTH_PROCESSES = 500_000  # rows times seeds; below, starting processes takes longer than the search


def best_seed(
    strata: np.ndarray, group: np.ndarray, folds: int, seed: int, search: int, progress: Callable[[int], None]
) -> int:
    """The seed in seed … seed + search - 1 with the lowest `imbalance`; among equal ones the first.

    strata, group: as for `fold_split.split`. progress is called with the number of seeds just tried.
    """
    seeds = [range(i, min(i + CHUNK, seed + search)) for i in range(seed, seed + search, CHUNK)]
    tasks = (joblib.delayed(_scores)(strata, group, folds, part) for part in seeds)
    scores: list[float] = []
    jobs = -1 if len(strata) * search > WORTH_PROCESSES else 1
    for part in joblib.Parallel(n_jobs=jobs, return_as="generator")(tasks):
        scores += part
        progress(len(part))
    return seed + int(np.argmin(scores))


def imbalance(strata: np.ndarray, fold: np.ndarray, folds: int) -> float:
    """How unevenly classes are spread: the mean over classes of Pearson's chi-square against equal parts, 0 is even.

    The number of rows per fold counts as one more class.
    """
    counts = np.vstack([class_counts(strata, fold, folds), np.bincount(fold, minlength=folds)])
    counts = counts[counts.sum(1) > 0]
    expected = counts.sum(1, keepdims=True) / folds
    return float(((counts - expected) ** 2 / expected).sum(1).mean())


def class_counts(strata: np.ndarray, fold: np.ndarray, folds: int, classes: int = 0) -> np.ndarray:
    """Rows by class and fold, or positive rows by label and fold: (C, K) int; C is at least `classes`."""
    if strata.ndim == 2:
        member = sparse.csr_matrix((np.ones(len(fold), int), (fold, np.arange(len(fold)))), shape=(folds, len(fold)))
        return (member @ strata.astype(np.int64)).T
    counts = np.zeros((max(classes, int(strata.max()) + 1), folds), int)
    np.add.at(counts, (strata, fold), 1)
    return counts


def _scores(strata: np.ndarray, group: np.ndarray, folds: int, seeds: range) -> list[float]:
    return [imbalance(strata, split(strata, group, folds, seed), folds) for seed in seeds]
