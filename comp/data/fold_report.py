"""What a fold table looks like in numbers, and which labels its folds cannot share evenly. No torch."""

import numpy as np
import pandas as pd

from comp.competition.competition import Competition
from comp.data.fold_search import class_counts
from comp.data.folds import strata_of

MOST_CLASSES = 40  # rows of the table; of more classes a summary is shown
MOST_OF_A_CLASS = 0.5  # share of a class in one group, from which its folds cannot be alike
FEW = 10  # rows of a class, below which one group soon holds most of them
KINDS = {"regression": ("ranges", "range"), "multilabel": ("labels", "label")}


def counts_by_fold(table: pd.DataFrame, competition: Competition) -> np.ndarray:
    """Rows by class and fold, (C, K) int; positives of each of several labels; rows by range of a number."""
    folds = int(table["fold"].max()) + 1
    classes = 0 if competition.target == "regression" else competition.size
    return class_counts(strata_of(table, competition, folds), table["fold"].to_numpy(), folds, classes)


def labels_by_fold(table: pd.DataFrame, competition: Competition) -> tuple[str, list[str], list[list]]:
    """What is counted, the heads of the columns, and the rows: labels by fold, then photos and groups by fold.

    Of a number: rows by decile, and its mean; of more than MOST_CLASSES classes: a summary.
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
    """A line for each class that some fold, or every fold, has no photo of."""
    counts, lines = counts_by_fold(table, competition), []
    for name, row in zip(_names(counts, competition), counts, strict=True):
        without = np.flatnonzero(row == 0)
        if row.sum() == 0:
            lines.append(f"no photo of {name} at all: no model can learn it")
        elif len(without) == len(row) - 1:
            lines.append(f"{name} is in one fold only: that fold's model never sees it; use fewer FOLDS")
        elif len(without):
            folds_of = ", ".join(map(str, without))
            lines.append(f"fold {folds_of} has no photo of {name}: its score says nothing of it; use fewer FOLDS")
    return lines


def crowded_labels(table: pd.DataFrame, competition: Competition) -> list[str]:
    """A line for each class of at least FEW photos of which one group holds more than MOST_OF_A_CLASS."""
    folds = int(table["fold"].max()) + 1
    strata = strata_of(table, competition, folds)
    row, kind = np.nonzero(strata) if strata.ndim == 2 else (np.arange(len(strata)), strata)
    pairs = pd.DataFrame({"kind": kind, "group": table["group"].to_numpy()[row]}).value_counts(sort=False)
    share, total = pairs / pairs.groupby("kind").transform("sum"), pairs.groupby("kind").transform("sum")
    names = _names(counts_by_fold(table, competition), competition)
    return [
        f"{part:.0%} of the photos of {names[kind]} are of group {group}: the folds cannot have equal parts of it"
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
    """Of many classes: how many have photos in each fold and how many have none, and their sizes."""
    sums = np.column_stack([counts, counts.sum(1)])
    figures = {f"{plural} with photos": (sums > 0).sum(0), f"{plural} without": (sums == 0).sum(0),
               "photos of the smallest": sums.min(0), "photos of the largest": sums.max(0)}  # fmt: skip
    return [[name, *figure] for name, figure in figures.items()]
