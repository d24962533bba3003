"""Assign whole groups to folds and spread each label evenly, for any number of labels per row.

Iterative stratification (Sechidis, Tsoumakas & Vlahavas 2011, "On the stratification of multi-label data"): take the
label with the fewest rows left, and give each of its rows to the fold that needs this label most. Here whole groups are
assigned, and they count with all labels of their rows.
"""

import numpy as np
from scipy import sparse


def split(counts, rows: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """The fold 0 … folds - 1 of each group, (G,) int.

    counts: (G, C) array or sparse matrix, how many rows a group has of each label; rows: (G,) how many rows it has.
    Ties go to the fold that needs the most rows, then to a random one, drawn by seed.
    """
    rng = np.random.default_rng(seed)
    order = np.lexsort((rng.permutation(len(rows)), -rows))  # large groups first
    deal = _Deal(sparse.csr_matrix(counts)[order].astype(np.int64), rows[order].astype(np.int64), folds, rng)
    members = deal.counts.tocsc()
    while (label := deal.rarest_label()) is not None:
        here = slice(members.indptr[label], members.indptr[label + 1])
        for group in members.indices[here][np.argsort(-members.data[here], kind="stable")]:
            if deal.fold[group] < 0:
                deal.give(group, deal.owed[label])
    for group in np.flatnonzero(deal.fold < 0):  # groups without any label
        deal.give(group, deal.owed_rows)
    fold = np.empty_like(deal.fold)
    fold[order] = deal.fold
    return fold


class _Deal:
    """How many rows each fold still needs, in units of 1 / folds rows: whole numbers give exact ties.

    owed: (C, K) rows by label; owed_rows: (K,) all rows; left: (C,) rows that have no fold yet; fold: (G,), -1: none.
    """

    def __init__(self, counts: sparse.csr_matrix, rows: np.ndarray, folds: int, rng: np.random.Generator):
        self.counts, self.rows, self.folds, self.rng = counts, rows, folds, rng
        self.left = np.asarray(counts.sum(0)).ravel()
        self.owed = np.repeat(self.left[:, None], folds, axis=1)
        self.owed_rows = np.full(folds, rows.sum())
        self.fold = np.full(len(rows), -1)

    def rarest_label(self) -> int | None:
        """The label with the fewest rows left; None if no rows are left."""
        left = np.where(self.left > 0, self.left, np.iinfo(np.int64).max)
        return int(left.argmin()) if (self.left > 0).any() else None

    def give(self, group: int, wanted: np.ndarray) -> None:
        """Give a group to the fold with the largest `wanted` (K,), and subtract its rows from what that fold needs."""
        best = np.flatnonzero(wanted == wanted.max())
        best = best[self.owed_rows[best] == self.owed_rows[best].max()]
        k = best[0] if len(best) == 1 else self.rng.choice(best)
        here = slice(self.counts.indptr[group], self.counts.indptr[group + 1])
        labels, amounts = self.counts.indices[here], self.counts.data[here]
        self.owed[labels, k] -= self.folds * amounts
        self.left[labels] -= amounts
        self.owed_rows[k] -= self.folds * self.rows[group]
        self.fold[group] = k
