"""Auxiliary targets: more columns of the training table that a network learns in addition to its target.

Only training needs them: the test table may lack these columns. Letters: N rows, A columns of targets.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from comp.competition.recipe_text import kept_column, named_numbers, positive_number
from comp.errors import InputError

MOST_VALUES = 1000  # of a category; a column with more values holds ids or free text


@dataclass(frozen=True)
class Auxiliary:
    """One column as training targets.

    values (N, A) float32. A number has A = 2: the standardised number, 0 where it is missing, and 1 where it is known.
    A category has A = the number of its values: 1 for the row's value, all 0 where it is missing. The targets of two
    rows can therefore be mixed linearly.
    """

    name: str
    weight: float
    is_number: bool
    values: np.ndarray

    @property
    def outputs(self) -> int:
        """How many outputs a head for this column has."""
        return 1 if self.is_number else self.values.shape[1]


def auxiliary_targets(table: pd.DataFrame, text: str) -> list[Auxiliary]:
    """The columns of "height:0.3;diagnosis:0.5", each with its weight in the loss. table: training rows (N).

    A column of numbers is a number; all others are categories. Raises InputError for an unknown or constant column, a
    category with more than 1,000 values, and a weight that is not above 0.
    """
    return [_auxiliary(table, name, weight) for name, weight in named_numbers("auxiliary", text).items()]


def _auxiliary(table: pd.DataFrame, name: str, text: str) -> Auxiliary:
    weight = positive_number("auxiliary", name, text, f"a weight above 0, such as {name}:0.3")
    column = kept_column(table, name)
    is_number = pd.api.types.is_numeric_dtype(column)
    if column.nunique() < 2 or (not is_number and column.nunique() > MOST_VALUES):
        raise InputError(
            f"auxiliary={name}: {column.nunique()} different values in {len(table)} training rows",
            f"numbers, or a category of 2 to {MOST_VALUES} values",
            "leave it out of auxiliary in SET",
        )
    values = _standardised(column) if is_number else np.array(pd.get_dummies(column), np.float32)
    return Auxiliary(name, weight, is_number, values)


def _standardised(column: pd.Series) -> np.ndarray:
    known = column.notna()
    scaled = (column - column.mean()) / column.std(ddof=0)
    return np.stack([scaled.fillna(0), known], 1).astype(np.float32)
