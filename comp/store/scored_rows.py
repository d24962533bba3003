"""The rows that are scored: photos, or prediction ids where several photos make one prediction."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from comp.competition import labels
from comp.competition.competition import Competition
from comp.errors import InputError, listed


@dataclass(frozen=True)
class ScoredRows:
    """What is scored, S rows: ids (S,) str, labels as the target has them, folds (S,) int, groups (S,) str.

    of: the prediction id of each photo (N,); None where every photo is a row of its own.
    """

    competition: Competition
    ids: np.ndarray
    labels: np.ndarray
    folds: np.ndarray
    groups: np.ndarray
    of: np.ndarray | None = None

    def combine(self, probs: np.ndarray) -> np.ndarray:
        """Probabilities (S, C) of the scored rows, from those of the photos (N, C)."""
        return probs if self.of is None else combine(self.of, probs, self.competition)[1]


def scored_rows(folds: pd.DataFrame, competition: Competition) -> ScoredRows:
    """The scored rows of a fold table, in the order in which their first photos stand in it.

    Raises InputError where photos of one prediction id have different labels, or are in different folds.
    """
    if not competition.combine:
        return _rows(folds, folds["image"], competition, None)
    for column in ("label", "fold"):
        _check_same(folds, column)
    return _rows(folds.drop_duplicates("id"), folds["id"].drop_duplicates(), competition, folds["id"].to_numpy())


def _rows(table: pd.DataFrame, ids: pd.Series, competition: Competition, of: np.ndarray | None) -> ScoredRows:
    truth = labels.to_array(table["label"], competition)
    return ScoredRows(competition, ids.to_numpy(), truth, table["fold"].to_numpy(), table["group"].to_numpy(), of)


def _check_same(folds: pd.DataFrame, column: str) -> None:
    values = folds.groupby("id", sort=False)[column].nunique(dropna=False)
    different = values.index[values > 1]
    if len(different):
        raise InputError(
            f"{len(different)} prediction id(s) whose photos differ in {column}:{listed(different)}",
            f"one {column} for all photos of a prediction id",
            "correct the training table, or the `id` in competition.toml, then make folds",
        )


def combine(ids, probs: np.ndarray, competition: Competition) -> tuple[np.ndarray, np.ndarray]:
    """Unique ids (S,) in the order of their first row, and one row of probabilities (S, C) float32 for each.

    ids (N,), probs (N, C). competition.combine is "mean", or "max": the largest value of each column; of two classes
    the largest probability of the positive one; of more classes the largest of each, scaled to the sum 1. Without
    `combine` both come back as they are.
    """
    if not competition.combine:
        return np.asarray(ids), probs
    rows = pd.DataFrame(probs, dtype=np.float64).groupby(pd.Series(np.asarray(ids)), sort=False)
    values = rows.mean() if competition.combine == "mean" else rows.max()
    made = values.to_numpy()
    if competition.combine == "max" and competition.sums_to_one:
        made = _distribution(made, competition)
    return values.index.to_numpy(), made.astype(np.float32)


def _distribution(largest: np.ndarray, competition: Competition) -> np.ndarray:
    if competition.target == "binary":
        return np.stack([1 - largest[:, 1], largest[:, 1]], axis=1)
    return largest / largest.sum(1, keepdims=True)
