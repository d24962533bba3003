"""The rows that are scored: photos, or prediction ids if several photos make one prediction."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from comp.competition import combining, labels
from comp.competition.competition import Competition
from comp.errors import InputError, listed


@dataclass(frozen=True)
class ScoredRows:
    """The S rows that are scored: ids (S,) str, labels as the target has them, folds (S,) int, groups (S,) str.

    photo_ids: the prediction id of each photo (N,); None if every photo is a row of its own.
    """

    competition: Competition
    ids: np.ndarray
    labels: np.ndarray
    folds: np.ndarray
    groups: np.ndarray
    photo_ids: np.ndarray | None = None

    def combine(self, probs: np.ndarray) -> np.ndarray:
        """Probabilities (S, C) of the scored rows, from those of the photos (N, C)."""
        return probs if self.photo_ids is None else combining.by_id(self.competition, self.photo_ids, probs)[1]


def scored_rows(folds: pd.DataFrame, competition: Competition) -> ScoredRows:
    """The scored rows of a fold table, in the order of their first photos.

    Raises InputError if photos of one prediction id have different labels, or are in different folds.
    """
    if not competition.combine:
        return _rows(folds, folds["image"], competition, None)
    for column in ("label", "fold"):
        _check_same(folds, column)
    return _rows(folds.drop_duplicates("id"), folds["id"].drop_duplicates(), competition, folds["id"].to_numpy())


def _rows(table: pd.DataFrame, ids: pd.Series, competition: Competition, photo_ids: np.ndarray | None) -> ScoredRows:
    truth = labels.to_array(table["label"], competition)
    folds, groups = table["fold"].to_numpy(), table["group"].to_numpy()
    return ScoredRows(competition, ids.to_numpy(), truth, folds, groups, photo_ids)


def _check_same(folds: pd.DataFrame, column: str) -> None:
    values = folds.groupby("id", sort=False)[column].nunique(dropna=False)
    different = values.index[values > 1]
    if len(different):
        raise InputError(
            f"{len(different)} prediction id(s) whose photos differ in {column}:{listed(different)}",
            f"one {column} for all photos of a prediction id",
            "correct the training table, or the `id` in competition.toml, then make folds",
        )
