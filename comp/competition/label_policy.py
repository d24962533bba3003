"""Change or drop training rows as a recipe says: the setting `edges` changes labels, and `drop` leaves rows out.

Only training rows are changed. Scores are always computed with the labels of the competition.
"""

import numpy as np
import pandas as pd

from comp.competition.competition import Competition, Range
from comp.competition.recipe_text import edges_of, named_numbers, number_column, number_ranges, range_of_attribute
from comp.errors import InputError


def training_policy(table: pd.DataFrame, competition: Competition, edges: str = "", drop: str = "") -> pd.DataFrame:
    """Return the training rows after the recipe settings `edges` and `drop` have changed labels and left out rows.

    table: training rows with the competition's attributes and all columns that the two settings need. edges: a text
    such as "size:30,58", which moves the edges between the values of the attribute `size` (ranges of a number) and
    changes the labels accordingly. drop: a text such as "height:57-59,20", which drops the rows where `height` is from
    57 to 59 or is 20. In both texts, ";" separates several names. Raises InputError for any other text, and for an
    attribute or a column that does not exist.
    """
    table = table.copy()
    for attribute in named_numbers("edges", edges):
        official = range_of_attribute(attribute, competition)
        table[attribute] = _values(table, official, edges_of(official, edges))
    if edges:
        table["label"] = label_of_attributes(table, competition)
    for column, text in named_numbers("drop", drop).items():
        for low, high in number_ranges(column, text):
            table = table[~number_column(table, column).between(low, high)]
    return table.reset_index(drop=True)


def _values(table: pd.DataFrame, official: Range, edges: list[float]) -> np.ndarray:
    """Return the value (N,) of an attribute for each of the N rows, with new edges between its ranges.

    official: the attribute with the edges of the competition; edges: the new edges. A row without a number keeps its
    value.
    """
    numbers = number_column(table, official.column).to_numpy(np.float64)
    return np.where(np.isnan(numbers), table[official.attribute], np.searchsorted(edges, numbers, side="right"))


def label_of_attributes(table: pd.DataFrame, competition: Competition) -> np.ndarray:
    """Return, for each of N rows, the class (N,) int that has the same attribute values as the row.

    table: the rows, with a column for each attribute. Raises InputError if no class has the values of a row.
    """
    values = competition.attribute_values
    sizes = [len(attribute.values) for attribute in competition.attributes.values()]
    class_of = np.full(int(np.prod(sizes)), -1)
    class_of[np.ravel_multi_index([*values.values()], sizes)] = np.arange(competition.size)
    labels = class_of[np.ravel_multi_index([table[name].to_numpy(np.int64) for name in values], sizes)]
    if (labels < 0).any():
        unknown = table.loc[labels < 0, list(values)].iloc[0].to_dict()
        raise InputError(
            f"a training row has the attribute values {unknown}, which no class has",
            f"the attribute values of one of the classes {', '.join(competition.classes[:20])}",
            "correct `attributes` and `ranges` in competition.toml, or the row of the training table",
        )
    return labels
