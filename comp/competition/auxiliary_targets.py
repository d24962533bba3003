"""Turn columns of the training table into auxiliary targets, which a network learns in addition to its main target.

The test table may lack these columns, because only training needs them.

Letters in the shapes: N training rows, A auxiliary targets for each row.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from comp.competition.recipe_text import kept_column, named_numbers, positive_number
from comp.errors import InputError

MOST_VALUES = 1000  # the most different values of a category; a column with more values holds ids or free text


@dataclass(frozen=True)
class Auxiliary:
    """A column of the training table, turned into targets that a network learns in addition to its main target.

    name: the name of the column; weight: the weight of its loss in the sum of all losses; is_number: whether the column
    holds numbers, and not categories.
    values (N, A) float32: the A targets of each of the N rows. A column of numbers has two targets: the standardised
    number (0 if it is missing), and 1 if the number is known, else 0. A column of categories has one target for each
    different category: 1 for the category of the row, and 0 for all others.
    """

    name: str
    weight: float
    is_number: bool
    values: np.ndarray

    def __str__(self) -> str:
        return taken_for(self.name, self.is_number, self.outputs)

    @property
    def outputs(self) -> int:
        """The number of outputs that a network needs for this column.

        A column of numbers needs one output, and a column of categories one for each category.
        """
        return 1 if self.is_number else self.values.shape[1]


def taken_for(column: str, is_number: bool, categories: int) -> str:
    """Return a text that says what a column is taken for, such as "width as a number" or "kind as 3 categories"."""
    return f"{column} as {'a number' if is_number else f'{categories} categories'}"


def auxiliary_targets(table: pd.DataFrame, text: str) -> list[Auxiliary]:
    """Return the columns that the recipe setting `auxiliary` names, each turned into auxiliary targets.

    table: the training rows; text: the value of the setting, such as "height:0.3;diagnosis:0.5", with the name of each
    column and the weight of its loss. A column that holds only numbers is learned as a number, and any other column as
    categories. Raises InputError for a column that is unknown, has only one value or has more than 1,000 categories,
    and for a weight that is not above 0.
    """
    return [_auxiliary(table, name, weight) for name, weight in named_numbers("auxiliary", text).items()]


def _auxiliary(table: pd.DataFrame, name: str, text: str) -> Auxiliary:
    weight = positive_number("auxiliary", name, text, f"a weight above 0, such as {name}:0.3")
    column = kept_column(table, name)
    is_number = pd.api.types.is_numeric_dtype(column)
    if column.nunique() < 2 or (not is_number and column.nunique() > MOST_VALUES):
        raise InputError(
            f"auxiliary={name}:… is not allowed, because {name} has {column.nunique()} different values",
            f"a column with at least two different numbers, or with 2 to {MOST_VALUES} different texts",
            f"the same command without {name} in the setting auxiliary of SET, and with RUN=<new name>",
        )
    values = _standardised(column) if is_number else np.array(pd.get_dummies(column), np.float32)
    return Auxiliary(name, weight, is_number, values)


def _standardised(column: pd.Series) -> np.ndarray:
    known = column.notna()
    scaled = (column - column.mean()) / column.std(ddof=0)
    return np.stack([scaled.fillna(0), known], 1).astype(np.float32)
