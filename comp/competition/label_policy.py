"""The label policy of a recipe: the settings `edges` and `drop`, which relabel or leave out training rows.

The policy changes training rows only. Rows are always scored by the official labels.
"""

import numpy as np
import pandas as pd

from comp.competition.competition import Competition, Range
from comp.competition.recipe_text import edges_of, named_numbers, number_column, number_ranges, range_of_attribute
from comp.errors import InputError


def training_policy(table: pd.DataFrame, competition: Competition, edges: str = "", drop: str = "") -> pd.DataFrame:
    """Relabel and drop training rows as a recipe asks.

    table: rows with the competition's attributes and all columns named below. edges: "size:30,58" moves the edges of
    the attribute `size`, which is a range, and changes the labels accordingly. drop: "height:57-59,20" drops the rows
    where `height` is in 57 … 59 or is 20. ";" separates several attributes or columns. Raises InputError for any other
    text, and for an attribute or a column that does not exist.
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
    """The attribute's value (N,) with other edges; a row without a number keeps its value."""
    numbers = number_column(table, official.column).to_numpy(np.float64)
    return np.where(np.isnan(numbers), table[official.attribute], np.searchsorted(edges, numbers, side="right"))


def label_of_attributes(table: pd.DataFrame, competition: Competition) -> np.ndarray:
    """The class (N,) of each row from its attributes. Raises InputError for a combination that is not a class."""
    values = competition.attribute_values
    sizes = [len(attribute.values) for attribute in competition.attributes.values()]
    class_of = np.full(int(np.prod(sizes)), -1)
    class_of[np.ravel_multi_index([*values.values()], sizes)] = np.arange(competition.size)
    labels = class_of[np.ravel_multi_index([table[name].to_numpy(np.int64) for name in values], sizes)]
    if (labels < 0).any():
        unknown = table.loc[labels < 0, list(values)].iloc[0].to_dict()
        raise InputError(
            f"no class has the attributes {unknown}",
            f"attributes of {', '.join(competition.classes[:20])}",
            "correct `attributes` and `ranges` in competition.toml, or that row of the table",
        )
    return labels
