"""Split rows into folds for one seed, with a method that suits the labels and groups. No torch."""

import warnings

import numpy as np
from scipy import sparse

from comp.data import iterative_split

MOST_CELLS = 20_000_000  # groups times classes, at most, for a table of both: 160 MB


def split(strata: np.ndarray, group: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """The fold of each row, (N,) int. Each group is in one fold.

    strata: (N,) class numbers, or (N, C) of 0 and 1 for several labels; group: (N,) int from 0.

    | labels                                                       | method                            |
    |--------------------------------------------------------------|-----------------------------------|
    | one, each row its own group                                  | scikit-learn's StratifiedKFold    |
    | one, with groups                                             | as StratifiedGroupKFold           |
    | several; or all classes have fewer rows than folds;          | iterative stratification          |
    | or more than MOST_CELLS groups times classes                 |                                   |
    """
    if strata.ndim == 2:
        return _iterative(sparse.csr_matrix(strata), group, folds, seed)
    strata = np.unique(strata, return_inverse=True)[1]
    groups, classes = group.max() + 1, strata.max() + 1
    alone = groups == len(group)
    if np.bincount(strata).max() < folds or (not alone and groups * classes > MOST_CELLS):
        rows = np.arange(len(strata))
        return _iterative(sparse.csr_matrix((np.ones(len(rows), int), (rows, strata))), group, folds, seed)
    return _stratified(strata, folds, seed) if alone else stratified_group(strata, group, folds, seed)


def stratified_group(strata: np.ndarray, group: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """Exactly the folds of scikit-learn's StratifiedGroupKFold(folds, shuffle=True, random_state=seed); see `split`.

    scikit-learn tries the folds for a group one after the other. Here they are tried at once, ten times as fast, so
    that a thousand seeds can be compared.
    """
    total = np.bincount(strata)
    counts = np.zeros((group.max() + 1, len(total)))
    np.add.at(counts, (group, strata), 1)
    order = np.arange(len(counts))
    np.random.RandomState(seed).shuffle(order)
    order = order[np.argsort(-np.std(counts[order], axis=1), kind="stable")]
    fold, held, own = np.empty(len(counts), int), np.zeros((folds, len(total))), np.eye(folds)[:, :, None]
    for i in order:
        uneven = _mean_deviation((held + own * counts[i]) / total)
        fold[i] = _first_best(uneven.tolist(), held.sum(1).tolist())
        held[fold[i]] += counts[i]
    return fold[group]


def _mean_deviation(shares: np.ndarray) -> np.ndarray:
    """Mean over classes of the standard deviation over folds, for each trial; shares: (trial, K, C)."""
    # the same steps as np.std and np.mean, without their overhead
    folds, classes = shares.shape[1:]
    shares -= np.add.reduce(shares, axis=1, keepdims=True) / folds
    shares *= shares
    return np.add.reduce(np.sqrt(np.add.reduce(shares, axis=1) / folds), axis=1) / classes


def _first_best(uneven: list[float], rows: list[float]) -> int:
    """The trial with the least uneven folds; among nearly equal ones, the one where the fold has the fewest rows."""
    best, lowest, fewest = 0, float("inf"), float("inf")
    for k, (value, size) in enumerate(zip(uneven, rows, strict=True)):
        near = abs(value - lowest) <= 1e-8 + 1e-5 * lowest and lowest < float("inf")  # np.isclose
        if value < lowest or (near and size < fewest):
            best, lowest, fewest = k, value, size
    return best


def _stratified(strata: np.ndarray, folds: int, seed: int) -> np.ndarray:
    from sklearn.model_selection import StratifiedKFold  # a second to import: not for --help

    fold, splitter = np.empty(len(strata), int), StratifiedKFold(folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # make_folds has its own warning for small classes, with their names
        warnings.filterwarnings("ignore", "The least populated class")
        for k, (_, held_out) in enumerate(splitter.split(strata, strata)):
            fold[held_out] = k
    return fold


def _iterative(labels: sparse.csr_matrix, group: np.ndarray, folds: int, seed: int) -> np.ndarray:
    rows, one = np.bincount(group), np.ones(len(group), int)
    member = sparse.csr_matrix((one, (group, np.arange(len(group)))), shape=(len(rows), len(group)))
    return iterative_split.split(member @ labels.astype(np.int64), rows, folds, seed)[group]
