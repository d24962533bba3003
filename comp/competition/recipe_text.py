"""Read the texts of recipes about columns and ranges, such as "size:30,58;height:3", and check them against the data.

label_policy.py, soft_labels.py and auxiliary_targets.py share these functions. Every error names the setting (edges,
drop, soften, auxiliary, bin_edges) whose text is wrong.

Letters: N training rows, C classes.
"""

import re

import numpy as np
import pandas as pd

from comp.competition.competition import Competition, Range
from comp.errors import InputError
from comp.text import finite_number

EXAMPLES = {"edges": "size:30,58", "drop": "height:57-59", "soften": "height:3", "auxiliary": "height:0.3"}
NUMBER = r"\d+(?:\.\d+)?"  # a number without a sign, because a minus stands between the two ends of a range

# ---- names and numbers


def named_numbers(setting: str, text: str) -> dict[str, str]:
    """Return {"a": "1,2", "b": "3"} for the text "a:1,2;b:3". Raises InputError for a part without name or numbers.

    setting: the name of the setting with this text, for the error.
    """
    parts = [part.partition(":") for part in text.split(";") if part.strip()]
    if not all(name.strip() and values.strip() for name, _, values in parts):
        expected = f"a name and numbers, such as {EXAMPLES[setting]}, with ';' between several of them"
        raise wrong_setting(setting, repr(text), expected)
    return {name.strip(): values.strip() for name, _, values in parts}


def positive_number(setting: str, name: str, text: str, what: str) -> float:
    """Return `text` as a number. Raises InputError unless the number is above 0.

    setting, name: the setting and the name to which the number belongs; what: what the number must be, for the error.
    """
    number = finite_number(text)
    if number is None or number <= 0:
        raise wrong_setting(setting, f"{name}:{text}", what)
    return number


def number_ranges(name: str, text: str) -> list[tuple[float, float]]:
    """Return [(27, 29), (57, 59)] for the text "27-29,57-59"; a single number "58" gives (58, 58).

    Both ends belong to a range. name: the column of the numbers, for the error.
    """
    parts = [part.strip() for part in text.split(",")]
    if not all(re.fullmatch(rf"{NUMBER}(-{NUMBER})?", part) for part in parts):
        expected = f"ranges of numbers such as {name}:57-59 or {name}:27-29,57-59"
        raise wrong_setting("drop", f"{name}:{text}", expected)
    return [(float(part.split("-")[0]), float(part.split("-")[-1])) for part in parts]


def wrong_setting(setting: str, value: str, expected: str) -> InputError:
    """Return the error for a setting with a wrong value."""
    return InputError(f"{setting}={value}", expected, f"correct {setting} in SET")


# ---- ranges of the competition


def range_of_attribute(attribute: str, competition: Competition) -> Range:
    """Return the range of an attribute. Raises InputError, with a list of all ranges, if the attribute is no range."""
    known = {number_range.attribute: number_range for number_range in competition.ranges}
    if attribute not in known:
        ranges = f"one of {', '.join(known)}" if known else "but this competition has none"
        expected = f"an attribute that is a range, {ranges}"
        raise wrong_setting("edges", f"{attribute}:…, but {attribute} is no range", expected)
    return known[attribute]


def range_of_column(column: str, competition: Competition) -> Range:
    """Return the range of a column's numbers. For an ordinal target, the column "label" is the grade itself.

    Raises InputError for a column without a range.
    """
    known = {number_range.column: number_range for number_range in competition.ranges}
    if competition.target == "ordinal":
        known["label"] = Range("label", "label", tuple(np.arange(1.0, competition.size)))
    if column not in known:
        raise InputError(
            f"soften={column}:…, but no class is a range of {column}",
            f"a column whose ranges are classes ({', '.join(known) or 'none, since competition.toml has no `ranges`'})",
            "correct soften in SET, or the same command without soften",
        )
    return known[column]


def edges_of(official: Range, text: str) -> list[float]:
    """Return the edges that the setting `edges` gives to the attribute of a range, or else the official edges.

    text: the value of the setting. Raises InputError unless the text has as many edges as the range, in rising order.
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
    """Return a column (N,) of folds.csv. Raises InputError, with advice, if folds.csv lacks the column."""
    if column not in table:
        raise InputError(
            f"no column {column} in folds.csv",
            f"one of {', '.join(map(str, table))}",
            f'make folds, after columns = ["{column}"] was added to competition.toml',
        )
    return table[column]


def number_column(table: pd.DataFrame, column: str) -> pd.Series:
    """Return a column of folds.csv as numbers (N,); NaN for other fields. Raises InputError for an unknown name."""
    return pd.to_numeric(kept_column(table, column), errors="coerce")
