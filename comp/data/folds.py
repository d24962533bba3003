"""Grouped, stratified fold assignment and the leak audit."""

import warnings

import numpy as np
import pandas as pd

from comp.errors import InputError, listed


def assign(table: pd.DataFrame, folds: int = 5, seed: int = 0) -> pd.DataFrame:
    """`table` (image, group, label, …) with a column `fold` 0 … K-1, sorted by image.

    No group is on two sides, and classes are spread evenly (scikit-learn's StratifiedGroupKFold, shuffled by seed).
    Rows are sorted first: the assignment does not depend on the order in which a disk lists its files.
    """
    from sklearn.model_selection import StratifiedGroupKFold  # a second to import: not for --help

    groups = table["group"].nunique()
    if folds < 2 or groups < folds:
        raise InputError(f"{folds} folds of {groups} group(s)", f"2 to {groups} folds", "make folds FOLDS=2 for a try")
    table = table.sort_values("image", ignore_index=True)
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    fold = np.full(len(table), -1)
    with warnings.catch_warnings():
        # it warns of a class with fewer rows than folds; make_folds says so by the classes' names
        warnings.filterwarnings("ignore", "The least populated class")
        for k, (_, held_out) in enumerate(splitter.split(table, table["label"], table["group"])):
            fold[held_out] = k
    table = table.assign(fold=fold)
    first = ["image", "group", "label", "fold"]
    return table[first + [column for column in table if column not in first]]


def audit(table: pd.DataFrame, digests: dict[str, str] | None = None) -> None:
    """Raise InputError where a group is on two sides, or one photo (by name or by bytes) lies in two folds.

    digests: image to a hash of its bytes; same bytes under two names in one fold are harmless and pass.
    """
    problems = [f"group {name} is in folds {where}" for name, where in _in_two_folds(table, table["group"])]
    problems += [f"photo {name} is in folds {where}" for name, where in _in_two_folds(table, table["image"])]
    if digests:
        bytes_of = table["image"].map(digests)
        for digest, where in _in_two_folds(table, bytes_of):
            names = table["image"][bytes_of == digest].tolist()
            problems.append(f"the same bytes in folds {where}: {', '.join(names)}")
    if problems:
        raise InputError(
            f"{len(problems)} leak(s) between folds:{listed(problems)}",
            "each person and each photo in one fold; otherwise the score is of memory, not of skill",
            "delete the doubled photos (or their row in the training table), then: make folds",
        )


def class_counts(table: pd.DataFrame, classes: int) -> np.ndarray:
    """Rows by class and fold, (C, K)."""
    counts = np.zeros((classes, int(table["fold"].max()) + 1), int)
    np.add.at(counts, (table["label"], table["fold"]), 1)
    return counts


def _in_two_folds(table: pd.DataFrame, key: pd.Series) -> list[tuple[str, str]]:
    folds = table.groupby(key.to_numpy())["fold"].unique()
    return [(name, " and ".join(map(str, sorted(where)))) for name, where in folds.items() if len(where) > 1]
