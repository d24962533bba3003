"""Find columns by which the test set was probably split off: folds should be split by them too."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

BY_CHANCE = 1e-3  # largest probability that random test rows would share no value with train


@dataclass(frozen=True)
class Suggestion:
    """A column without a value that occurs in both tables: its name, and how many values each table has."""

    column: str
    train_values: int
    test_values: int


def suggest_groups(train: pd.DataFrame, test: pd.DataFrame, ignore: Sequence[str] = ()) -> list[Suggestion]:
    """Columns of both tables that have no common value, those with the fewest values first.

    train, test: the tables of the competition, one row per photo; ignore: columns to skip (ids, labels). A suggested
    column has at least two values in train, repeats them, and would hardly have no common value (BY_CHANCE) if the test
    rows had been drawn at random. Empty fields do not count.
    """
    shared = [column for column in train if column in test and column not in ignore]
    found = [_suggested(str(column), _values(train[column]), _values(test[column])) for column in shared]
    return sorted(filter(None, found), key=lambda suggestion: suggestion.train_values)


def _values(column: pd.Series) -> pd.Series:
    """How many rows each value has. They are compared as text: 7 may be a number in one table only."""
    if pd.api.types.is_float_dtype(column) and (column.dropna() % 1 == 0).all():
        column = column.astype("Int64")  # whole numbers beside empty fields
    text = column.dropna().astype(str)
    return text[text != ""].value_counts()


def _suggested(name: str, train: pd.Series, test: pd.Series) -> Suggestion | None:
    if len(train) < 2 or len(test) == 0 or train.index.isin(test.index).any():
        return None
    counts = np.concatenate([train.to_numpy(), test.to_numpy()]).astype(float)
    share = test.sum() / counts.sum()
    # the probability that all rows with the same value are on one side, for all values
    chance = np.log(share**counts + (1 - share) ** counts).sum() if 0 < share < 1 else 0.0
    unrepeated = train.max() == 1
    if unrepeated or chance > np.log(BY_CHANCE):
        return None
    return Suggestion(name, len(train), len(test))
