"""Assign folds for all targets: groups stay together, labels are spread evenly. No torch."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from comp.competition import labels
from comp.competition.competition import Competition
from comp.data.fold_search import best_seed
from comp.data.fold_split import split
from comp.data.near_duplicates import merged_groups
from comp.errors import InputError

USUAL = 5  # folds
SEEDS = 2**32  # that numpy's generators take


def assign(
    table: pd.DataFrame,
    competition: Competition,
    folds: int = 5,
    seed: int = 0,
    search: int = 1,
    progress: Callable[[int], None] = lambda count: None,
) -> pd.DataFrame:
    """`table` (image, group, label, …) with a new column `fold` 0 … K-1, sorted by image.

    Each group is in one fold, no fold is empty, and labels are spread evenly (`fold_split.split`, shuffled by seed):
    classes, each of several labels, or the deciles of a number. search: how many seeds to try, from `seed` on; the most
    even folds are kept. progress is called with the number of seeds just tried.
    Rows are sorted first, so that the result does not depend on the order of files on a disk.
    Raises InputError for fewer than 2 folds, for more folds than groups, and for seeds that do not exist.
    """
    table = with_groups(table).sort_values("image", ignore_index=True)
    _check(folds, table["group"].nunique(), seed, search)
    strata, group = strata_of(table, competition, folds), np.unique(table["group"], return_inverse=True)[1]
    if search > 1:
        seed = best_seed(strata, group, folds, seed, search, progress)
    fold = without_empty(split(strata, group, folds, seed), group, folds)
    first = ["image", "group", "label", "fold"]
    table = table.assign(fold=fold)
    return table[first + [column for column in table if column not in first]]


def with_groups(table: pd.DataFrame) -> pd.DataFrame:
    """`table` with text in its column `group`: a row without a group is a group of its own, named by its image.

    Photos of one prediction id (column `id`, if there is one) are scored together, so their groups become one.
    """
    group = table["group"] if "group" in table else pd.Series(None, table.index, object)
    none = group.isna() | (group.astype(str) == "")
    table = table.assign(group=group.astype(str).where(~none, table["image"]))
    if "id" not in table:
        return table
    places = pd.Series(np.arange(len(table))).groupby(table["id"].to_numpy())
    pairs = [(int(rows.iloc[0]), int(row)) for _, rows in places for row in rows.iloc[1:]]
    return table.assign(group=merged_groups(table["group"].tolist(), pairs))


def strata_of(table: pd.DataFrame, competition: Competition, folds: int) -> np.ndarray:
    """What to spread evenly: class numbers (N,) int, or several labels (N, C) uint8 of 0 and 1."""
    values = labels.to_array(table["label"], competition)
    # fewer than ten ranges of a number if a range would have fewer rows than there are folds
    return values if values.ndim == 2 else labels.strata(values, max(1, min(10, len(values) // folds)))


def without_empty(fold: np.ndarray, group: np.ndarray, folds: int) -> np.ndarray:
    """`fold` (N,) without empty folds: each empty one gets the smallest group of the fold with the most groups.

    Stratification can leave a fold empty if there are few groups of unequal size.
    """
    of_group, rows = fold[np.unique(group, return_index=True)[1]], np.bincount(group)
    for k in np.setdiff1d(np.arange(folds), of_group):
        members = np.flatnonzero(of_group == np.bincount(of_group, minlength=folds).argmax())
        of_group[members[rows[members].argmin()]] = k
    return of_group[group]


def _check(folds: int, groups: int, seed: int, search: int) -> None:
    found = f"{folds} folds of {groups} group(s)"
    if groups < 2:
        expected = "at least 2 groups: photos of one group, and near-identical photos, stay in one fold"
        raise InputError(found, expected, "a finer `group` in competition.toml, or none")
    if not 2 <= folds <= groups:
        raise InputError(found, f"2 to {groups} folds", f"make folds FOLDS={min(USUAL, groups)}")
    if search < 1 or not 0 <= seed <= SEEDS - search:
        raise InputError(f"SEED={seed} SEARCH={search}", f"SEARCH of at least 1, and seeds from 0 to {SEEDS - 1}",
                         "make folds SEED=0 SEARCH=1")  # fmt: skip
