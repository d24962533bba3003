"""What recipes write about columns and ranges: "size:30,58;height:3" as names with numbers, checked against the data.

label_policy.py, soft_labels.py and auxiliary_targets.py share it. Every error names the setting (edges, drop, soften,
auxiliary, bin_edges) in which the text is wrong.

Letters: N training rows, C classes.
"""

import re

import numpy as np
import pandas as pd

from comp.competition.competition import Competition, Range
from comp.errors import InputError
from comp.text import finite_number

EXAMPLES = {"edges": "size:30,58", "drop": "height:57-59", "soften": "height:3", "auxiliary": "height:0.3"}
NUMBER = r"\d+(?:\.\d+)?"  # without a sign: a minus is the "to" of a range

# ---- names and numbers


def named_numbers(setting: str, text: str) -> dict[str, str]:
    """ "a:1,2;b:3" as {"a": "1,2", "b": "3"}. Raises InputError for a part without a name or without numbers."""
    parts = [part.partition(":") for part in text.split(";") if part.strip()]
    if not all(name.strip() and values.strip() for name, _, values in parts):
        expected = f"a name and numbers, such as {EXAMPLES[setting]}, separated by ';'"
        raise wrong_setting(setting, repr(text), expected)
    return {name.strip(): values.strip() for name, _, values in parts}


def positive_number(setting: str, name: str, text: str, what: str) -> float:
    """The number above 0 in "name:text". what: what the number is, with an example, for the error."""
    number = finite_number(text)
    if number is None or number <= 0:
        raise wrong_setting(setting, f"{name}:{text}", what)
    return number


def number_ranges(name: str, text: str) -> list[tuple[float, float]]:
    """ "27-29,57-59" as [(27, 29), (57, 59)], both ends included; "58" is (58, 58). name: the column, for the error."""
    parts = [part.strip() for part in text.split(",")]
    if not all(re.fullmatch(rf"{NUMBER}(-{NUMBER})?", part) for part in parts):
        expected = f"ranges of numbers such as {name}:57-59 or {name}:27-29,57-59"
        raise wrong_setting("drop", f"{name}:{text}", expected)
    return [(float(part.split("-")[0]), float(part.split("-")[-1])) for part in parts]


def wrong_setting(setting: str, value: str, expected: str) -> InputError:
    """The error for a setting whose value is wrong."""
    return InputError(f"{setting}={value}", expected, f"correct {setting} in SET")


# ---- ranges of the competition


def range_of_attribute(attribute: str, competition: Competition) -> Range:
    """The range with that name. Raises InputError for an attribute that is no range, and lists the ranges."""
    known = {number_range.attribute: number_range for number_range in competition.ranges}
    if attribute not in known:
        expected = f"an attribute that is a range: {', '.join(known) or '(none here)'}"
        raise wrong_setting("edges", f"{attribute}:…, but {attribute} is no range", expected)
    return known[attribute]


def range_of_column(column: str, competition: Competition) -> Range:
    """The range of a column's numbers. For an ordinal target, "label" is the range of the grade itself.

    Raises InputError for any other column.
    """
    known = {number_range.column: number_range for number_range in competition.ranges}
    if competition.target == "ordinal":
        known["label"] = Range("label", "label", tuple(np.arange(1.0, competition.size)))
    if column not in known:
        raise InputError(
            f"soften={column}:…, but no class is a range of {column}",
            f"a column whose ranges are classes: {', '.join(known) or '(none: `ranges` in competition.toml)'}",
            "correct soften in SET, or leave it out",
        )
    return known[column]


def edges_of(official: Range, text: str) -> list[float]:
    """The edges of a range: those that the setting `edges` (text) gives its attribute, else the official ones.

    Raises InputError unless there are as many as official ones, in rising order.
    """
    name, given = official.attribute, named_numbers("edges", text).get(official.attribute)
    if given is None:
        return list(official.edges)
    parts = [part.strip() for part in given.split(",")]
    numbers = [float(part) for part in parts if re.fullmatch(NUMBER, part)]
    if len(numbers) != len(parts) or len(numbers) != len(official.edges) or sorted(set(numbers)) != numbers:
        usual = ",".join(f"{edge:g}" for edge in official.edges)
        expected = f"{len(official.edges)} rising numbers, such as {name}:{usual}"
        raise wrong_setting("edges", f"{name}:{given}", expected)
    return numbers


# ---- columns of folds.csv


def kept_column(table: pd.DataFrame, column: str) -> pd.Series:
    """A column (N,) of folds.csv. If it is not there, the InputError says how to keep it."""
    if column not in table:
        raise InputError(
            f"no column {column} in folds.csv",
            f"one of {', '.join(map(str, table))}",
            f'columns = ["{column}"] in competition.toml, then make folds',
        )
    return table[column]


def number_column(table: pd.DataFrame, column: str) -> pd.Series:
    """The numbers (N,) of a column of folds.csv, NaN for text and empty cells. Raises InputError if it is missing."""
    return pd.to_numeric(kept_column(table, column), errors="coerce")
