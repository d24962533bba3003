"""Turn columns of the training table into auxiliary targets, which a network learns in addition to its target.

The test table may lack these columns, because only training needs them.

Letters: N rows, A targets for each row.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from comp.competition.recipe_text import kept_column, named_numbers, positive_number
from comp.errors import InputError

MOST_VALUES = 1000  # the most different values of a category; a column with more values holds ids or free text


@dataclass(frozen=True)
class Auxiliary:
    """A column of the training table, turned into targets that a network learns in addition to its target.

    name: the name of the column; weight: the weight of the column in the loss; is_number: whether the column holds
    numbers, and not categories.
    values (N, A) float32: the targets of each row. For numbers, A is 2. The first target is the standardised number, or
    0 if the number is missing. The second target is 1 if the number is known, and 0 if the number is missing. For
    categories, A is the number of different categories. The target of the row's category is 1, and all other targets
    are 0. The targets of two rows can therefore be mixed linearly.
    """

    name: str
    weight: float
    is_number: bool
    values: np.ndarray

    @property
    def outputs(self) -> int:
        """How many outputs a network needs for this column."""
        return 1 if self.is_number else self.values.shape[1]


def auxiliary_targets(table: pd.DataFrame, text: str) -> list[Auxiliary]:
    """Return the auxiliary targets that the setting `auxiliary` of a recipe asks for.

    table: the N training rows; text: the value of the setting, such as "height:0.3;diagnosis:0.5", with the name of
    each column and its weight in the loss. A column that holds only numbers is learned as a number, any other column as
    categories. Raises InputError for an unknown or constant column, for more than 1,000 categories, and for a weight
    that is not above 0.
    """
    return [_auxiliary(table, name, weight) for name, weight in named_numbers("auxiliary", text).items()]


def _auxiliary(table: pd.DataFrame, name: str, text: str) -> Auxiliary:
    weight = positive_number("auxiliary", name, text, f"a weight above 0, such as {name}:0.3")
    column = kept_column(table, name)
    is_number = pd.api.types.is_numeric_dtype(column)
    if column.nunique() < 2 or (not is_number and column.nunique() > MOST_VALUES):
        raise InputError(
            f"the column {name} in auxiliary has {column.nunique()} different values in {len(table)} training rows",
            f"a column with at least two different numbers, or with 2 to {MOST_VALUES} different texts",
            f"the same command without {name} in the setting auxiliary of SET",
        )
    values = _standardised(column) if is_number else np.array(pd.get_dummies(column), np.float32)
    return Auxiliary(name, weight, is_number, values)


def _standardised(column: pd.Series) -> np.ndarray:
    known = column.notna()
    scaled = (column - column.mean()) / column.std(ddof=0)
    return np.stack([scaled.fillna(0), known], 1).astype(np.float32)
