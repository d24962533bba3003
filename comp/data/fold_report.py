"""Counts of labels by fold, and warnings for labels that the folds cannot share evenly. No torch."""

import numpy as np
import pandas as pd

from comp.competition.competition import Competition
from comp.data.fold_search import class_counts
from comp.data.folds import strata_of
from comp.store.fold_table import fold_count

MOST_CLASSES = 40  # with more classes, the table is a summary
MOST_OF_A_CLASS = 0.5  # if one group has a larger share of a class, the folds cannot be alike
FEW = 10  # rows; in smaller classes one group often holds most of them
KINDS = {"regression": ("ranges", "range"), "multilabel": ("labels", "label")}


def counts_by_fold(table: pd.DataFrame, competition: Competition) -> np.ndarray:
    """(C, K) int: rows by class, positive rows by label, or rows by range of a number, in each fold."""
    folds = fold_count(table)
    classes = 0 if competition.target == "regression" else competition.size
    return class_counts(strata_of(table, competition, folds), table["fold"].to_numpy(), folds, classes)


def labels_by_fold(table: pd.DataFrame, competition: Competition) -> tuple[str, list[str], list[list]]:
    """A table: what is counted, the column headers, and the rows (labels, photos and groups by fold).

    Regression: rows by decile, and the mean. More than MOST_CLASSES classes: a summary.
    """
    counts = counts_by_fold(table, competition)
    plural, singular = KINDS.get(competition.target, ("classes", "class"))
    rows = _summary(counts, plural) if len(counts) > MOST_CLASSES else _rows(counts, competition)
    if competition.target == "regression":
        values = table["label"].astype(float)
        rows.append(["mean", *values.groupby(table["fold"]).mean(), values.mean()])
    photos, groups = table["fold"].value_counts().sort_index(), table.groupby("fold")["group"].nunique()
    rows += [["photos", *photos, photos.sum()], ["groups", *groups, groups.sum()]]
    return plural, [singular, *[f"fold {k}" for k in range(counts.shape[1])], "all"], rows


def missing_labels(table: pd.DataFrame, competition: Competition) -> list[str]:
    """A line for each class that is missing in some folds or in all."""
    counts, lines = counts_by_fold(table, competition), []
    for name, row in zip(_names(counts, competition), counts, strict=True):
        without = np.flatnonzero(row == 0)
        if row.sum() == 0:
            lines.append(f"no photo of {name} at all: no model can learn it")
        elif len(without) == len(row) - 1:
            lines.append(f"{name} is in one fold only: that fold's model never sees it; use fewer FOLDS")
        elif len(without):
            folds_of = ", ".join(map(str, without))
            lines.append(f"fold {folds_of} has no photo of {name}: its score ignores that class; use fewer FOLDS")
    return lines


def crowded_labels(table: pd.DataFrame, competition: Competition) -> list[str]:
    """A line for each class of at least FEW photos if one group has more than MOST_OF_A_CLASS of them."""
    folds = fold_count(table)
    strata = strata_of(table, competition, folds)
    row, kind = np.nonzero(strata) if strata.ndim == 2 else (np.arange(len(strata)), strata)
    pairs = pd.DataFrame({"kind": kind, "group": table["group"].to_numpy()[row]}).value_counts(sort=False)
    share, total = pairs / pairs.groupby("kind").transform("sum"), pairs.groupby("kind").transform("sum")
    names = _names(counts_by_fold(table, competition), competition)
    return [
        f"{part:.0%} of the photos of {names[kind]} are in group {group}: folds cannot share it evenly"
        for (kind, group), part in share[(share > MOST_OF_A_CLASS) & (total >= FEW)].items()
    ]


def _names(counts: np.ndarray, competition: Competition) -> list[str]:
    if competition.target == "regression":
        return [f"range {c + 1}" for c in range(len(counts))]
    return list(competition.classes)


def _rows(counts: np.ndarray, competition: Competition) -> list[list]:
    names = _names(counts, competition)
    numbered = names if competition.target == "regression" else [f"{c:2d} {name}" for c, name in enumerate(names)]
    return [[name, *row, row.sum()] for name, row in zip(numbered, counts, strict=True)]


def _summary(counts: np.ndarray, plural: str) -> list[list]:
    """For many classes: how many have photos in each fold, how many have none, and the smallest and largest."""
    sums = np.column_stack([counts, counts.sum(1)])
    figures = {f"{plural} with photos": (sums > 0).sum(0), f"{plural} without": (sums == 0).sum(0),
               "photos of the smallest": sums.min(0), "photos of the largest": sums.max(0)}  # fmt: skip
    return [[name, *figure] for name, figure in figures.items()]
