"""Read and check the recipe settings that are texts about columns and ranges, such as edges="size:30,58".

These settings are edges, drop, soften, auxiliary and bin_edges. label_policy.py, soft_labels.py and
auxiliary_targets.py use these functions. Every error names the setting whose text is wrong.
"""

import re

import numpy as np
import pandas as pd

from comp.competition.competition import Competition, Range
from comp.competition.competition_toml import toml_value
from comp.errors import InputError
from comp.text import finite_number

EXAMPLES = {"edges": "size:30,58", "drop": "height:57-59", "soften": "height:3", "auxiliary": "height:0.3"}
NUMBER = r"\d+(?:\.\d+)?"  # a number without a sign, because a minus stands between the two ends of a range

# ---- names and numbers


def named_numbers(setting: str, text: str) -> dict[str, str]:
    """Split a text such as "a:1,2;b:3" into the dictionary {"a": "1,2", "b": "3"}.

    setting: the name of the setting that has this text, for the error. Raises InputError if a part between two ";" has
    nothing before or after its ":", or no ":". It is not checked whether the texts after the ":" are numbers.
    """
    parts = [part.partition(":") for part in text.split(";") if part.strip()]
    if not all(name.strip() and values.strip() for name, _, values in parts):
        expected = f"a name and numbers, such as {EXAMPLES[setting]}; a ';' separates several names"
        raise wrong_setting(setting, repr(text), expected)
    return {name.strip(): values.strip() for name, _, values in parts}


def positive_number(setting: str, name: str, text: str, what: str) -> float:
    """Return `text` as a number. Raises InputError unless the number is above 0.

    The other arguments are for the error, in which the wrong value is shown as setting=name:text. what: what the number
    must be, such as "a weight above 0".
    """
    number = finite_number(text)
    if number is None or number <= 0:
        raise wrong_setting(setting, f"{name}:{text}", what)
    return number


def number_ranges(name: str, text: str) -> list[tuple[float, float]]:
    """Return the ranges in a text such as "27-29,58" as a list of pairs, here [(27, 29), (58, 58)].

    Both numbers of a pair belong to the range. A single number is a range of this number only. name: the column of the
    numbers, for the error. Raises InputError for any other text.
    """
    parts = [part.strip() for part in text.split(",")]
    if not all(re.fullmatch(rf"{NUMBER}(-{NUMBER})?", part) for part in parts):
        expected = f"ranges of numbers such as {name}:57-59 or {name}:27-29,57-59"
        raise wrong_setting("drop", f"{name}:{text}", expected)
    return [(float(part.split("-")[0]), float(part.split("-")[-1])) for part in parts]


def wrong_setting(setting: str, value: str, expected: str) -> InputError:
    """Return the InputError for a setting with a wrong value. expected: what the value must be."""
    return InputError(f"{setting}={value} is not allowed", expected, f"correct the setting {setting} in SET")


# ---- ranges of the competition


def range_of_attribute(attribute: str, competition: Competition) -> Range:
    """Return the Range that describes the values of an attribute, which must be ranges of a number.

    Raises InputError if they are not ranges of a number. The error names all attributes with such values.
    """
    known = {number_range.attribute: number_range for number_range in competition.ranges}
    if attribute not in known:
        ranges = f"one of {', '.join(known)}" if known else "but this competition has none"
        expected = f"an attribute whose values are ranges of a number, {ranges}"
        raise wrong_setting("edges", f"{attribute}:…", expected)
    return known[attribute]


def range_of_column(column: str, competition: Competition) -> Range:
    """Return the Range that says how the numbers of a column are divided into classes or into attribute values.

    For an ordinal target, the column "label" holds the grade, and each grade from 1 on is an edge. Raises InputError if
    the numbers of the column are not divided into ranges.
    """
    known = {number_range.column: number_range for number_range in competition.ranges}
    if competition.target == "ordinal":
        known["label"] = Range("label", "label", tuple(np.arange(1.0, competition.size)))
    if column not in known:
        columns = ", ".join(known) or "none, since competition.toml has no `ranges`"
        raise InputError(
            f"soften={column}:… is not allowed, because no class is a range of {column}",
            f"a column of numbers whose ranges are the classes ({columns})",
            "correct the setting soften in SET, or leave it out",
        )
    return known[column]


def edges_of(official: Range, text: str) -> list[float]:
    """Return the edges between the ranges of a number: those in the recipe setting `edges`, or else the official edges.

    official: the ranges with the edges of the competition; text: the value of the setting, such as "size:30,58". If the
    text does not name the attribute of the ranges, the official edges are returned. Raises InputError unless the
    setting has as many edges as the competition, in rising order.
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
    """Return a column of `table`, the rows of folds.csv. Raises InputError if folds.csv does not have the column."""
    if column not in table:
        raise InputError(
            f"there is no column {column} in folds.csv",
            f"one of the columns {', '.join(map(str, table))}",
            f"first add columns = {toml_value([column])} to competition.toml, then: make folds",
        )
    return table[column]


def number_column(table: pd.DataFrame, column: str) -> pd.Series:
    """Return a column of `table`, the rows of folds.csv, as numbers. Fields that are not numbers become NaN.

    Raises InputError if folds.csv does not have the column.
    """
    return pd.to_numeric(kept_column(table, column), errors="coerce")
