"""Columns by which the test set was probably split from the training set: folds should be split by them too."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

BY_CHANCE = 1e-3  # probability of values that never occur on both sides, had rows been drawn one by one


@dataclass(frozen=True)
class Suggestion:
    """A column whose values never occur in both tables: its name, and how many values each table has."""

    column: str
    train_values: int
    test_values: int


def suggest_groups(train: pd.DataFrame, test: pd.DataFrame, ignore: Sequence[str] = ()) -> list[Suggestion]:
    """Columns that train and test share and that tell them apart, those with the fewest values first.

    train, test: the tables as the competition gives them, a row a photo; ignore: columns that say nothing here (ids,
    labels). Such a column has at least two values in train, repeats them, and would hardly be without a common value
    (BY_CHANCE) if the test rows had been drawn one by one. Empty fields do not count.
    """
    shared = [column for column in train if column in test and column not in ignore]
    found = [_suggested(str(column), _values(train[column]), _values(test[column])) for column in shared]
    return sorted((made for made in found if made), key=lambda made: made.train_values)


def _values(column: pd.Series) -> pd.Series:
    """How many rows each value has; values as text: one table may read 7 as a number, the other as a word."""
    if pd.api.types.is_float_dtype(column) and (column.dropna() % 1 == 0).all():
        column = column.astype("Int64")  # whole numbers beside empty fields
    text = column.dropna().astype(str)
    return text[text != ""].value_counts()


def _suggested(name: str, train: pd.Series, test: pd.Series) -> Suggestion | None:
    if len(train) < 2 or len(test) == 0 or train.index.isin(test.index).any():
        return None
    counts = np.concatenate([train.to_numpy(), test.to_numpy()]).astype(float)
    share = test.sum() / counts.sum()
    # of m rows with one value, all are on one side with this probability
    chance = np.log(share**counts + (1 - share) ** counts).sum() if 0 < share < 1 else 0.0
    unrepeated = train.max() == 1
    if unrepeated or chance > np.log(BY_CHANCE):
        return None
    return Suggestion(name, len(train), len(test))
