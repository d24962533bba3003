"""The label policy of a recipe: it changes the labels of training rows, or drops rows. It never changes scored rows."""

import re

import numpy as np
import pandas as pd

from comp.competition.competition import Competition, Range
from comp.errors import InputError

EXAMPLES = {"edges": "size:30,58", "drop": "height:57-59", "soften": "height:3", "auxiliary": "height:0.3"}
NUMBER = r"\d+(?:\.\d+)?"


def training_policy(table: pd.DataFrame, competition: Competition, edges: str = "", drop: str = "") -> pd.DataFrame:
    """Relabel and drop rows as a recipe asks. For TRAINING rows only: scores always use the official labels.

    table: rows with the competition's attributes and all columns named below. edges: "size:30,58" moves the edges of
    the attribute `size`, which is a range, and changes the labels accordingly. drop: "height:57-59,20" drops the rows
    where `height` is in 57 … 59 or is 20. ";" separates several attributes or columns. Raises InputError for any other
    text, and for an attribute or a column that does not exist.
    """
    table = table.copy()
    for name, values in named_numbers("edges", edges).items():
        moved = _range(name, competition)
        table[name] = _values(table, moved, _edges(name, values, moved))
    if edges:
        table["label"] = label_of_attributes(table, competition)
    for name, values in named_numbers("drop", drop).items():
        for low, high in ranges(name, values):
            table = table[~number_column(table, name).between(low, high)]
    return table.reset_index(drop=True)


def ranges(name: str, text: str) -> list[tuple[float, float]]:
    """Parse "27-29,57-59" to [(27, 29), (57, 59)], both ends included; "58" is (58, 58). name: for the message."""
    parts = [part.strip() for part in text.split(",")]
    if not all(re.fullmatch(rf"{NUMBER}(-{NUMBER})?", part) for part in parts):
        raise InputError(
            f"drop={name}:{text}",
            f"ranges of numbers such as {name}:57-59 or {name}:27-29,57-59",
            "correct drop in SET",
        )
    return [(float(part.split("-")[0]), float(part.split("-")[-1])) for part in parts]


def label_of_attributes(table: pd.DataFrame, competition: Competition) -> np.ndarray:
    """The class (N,) of each row from its attributes. Raises InputError for a combination that is not a class."""
    values = competition.attribute_values
    sizes = [len(attribute.values) for attribute in competition.attributes.values()]
    class_of = np.full(int(np.prod(sizes)), -1)
    class_of[np.ravel_multi_index([*values.values()], sizes)] = np.arange(competition.size)
    labels = class_of[np.ravel_multi_index([table[name].to_numpy(np.int64) for name in values], sizes)]
    if (labels < 0).any():
        found = table.loc[labels < 0, list(values)].iloc[0].to_dict()
        raise InputError(
            f"no class has the attributes {found}",
            f"attributes of {', '.join(competition.classes[:20])}",
            "correct `attributes` and `ranges` in competition.toml, or that row of the table",
        )
    return labels


def new_edges(text: str, official: Range) -> list[float]:
    """The edges of a range: those that the setting `edges` gives its attribute, else the official ones."""
    given = named_numbers("edges", text).get(official.attribute)
    return _edges(official.attribute, given, official) if given else list(official.edges)


def named_numbers(setting: str, text: str) -> dict[str, str]:
    """ "a:1,2;b:3" as {"a": "1,2", "b": "3"}."""
    parts = [part.partition(":") for part in text.split(";") if part.strip()]
    if not all(name.strip() and values.strip() for name, _, values in parts):
        example = EXAMPLES[setting]
        expected = f"a name and numbers, such as {example}, separated by ';'"
        raise InputError(f"{setting}={text!r}", expected, f"correct {setting} in SET")
    return {name.strip(): values.strip() for name, _, values in parts}


def _range(name: str, competition: Competition) -> Range:
    known = {one.attribute: one for one in competition.ranges}
    if name not in known:
        expected = f"an attribute that is a range: {', '.join(known) or '(none here)'}"
        raise InputError(f"edges={name}:…, but {name} is no range", expected, "correct edges in SET")
    return known[name]


def _edges(name: str, text: str, official: Range) -> list[float]:
    """The new edges, in rising order; there are as many as official ones."""
    parts = [part.strip() for part in text.split(",")]
    numbers = [float(part) for part in parts if re.fullmatch(NUMBER, part)]
    if len(numbers) != len(parts) or len(numbers) != len(official.edges) or sorted(set(numbers)) != numbers:
        usual = ",".join(f"{edge:g}" for edge in official.edges)
        expected = f"{len(official.edges)} rising numbers, such as {name}:{usual}"
        raise InputError(f"edges={name}:{text}", expected, "correct edges in SET")
    return numbers


def _values(table: pd.DataFrame, moved: Range, edges: list[float]) -> np.ndarray:
    """The attribute's value (N,) with other edges; a row without a number keeps its value."""
    numbers = number_column(table, moved.column).to_numpy(np.float64)
    return np.where(np.isnan(numbers), table[moved.attribute], np.searchsorted(edges, numbers, side="right"))


def number_column(table: pd.DataFrame, column: str) -> pd.Series:
    """The numbers (N,) of a column, NaN for text and empty cells. Raises InputError if there is no such column."""
    return pd.to_numeric(kept_column(table, column), errors="coerce")


def kept_column(table: pd.DataFrame, column: str) -> pd.Series:
    """A column (N,) of folds.csv. Raises InputError, with how to keep it there, if there is no such column."""
    if column not in table:
        raise InputError(
            f"no column {column} in folds.csv",
            f"one of {', '.join(map(str, table))}",
            f'columns = ["{column}"] in competition.toml, then make folds',
        )
    return table[column]
