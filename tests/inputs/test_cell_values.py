"""Cells of tables: each way to write a number, a yes or no, or a list of labels means the same."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comp.inputs import cell_values

WRITTEN = {  # how a number is written: its text, and the sign before the decimals
    "point": (lambda number: f"{number:.2f}", "."),
    "comma": (lambda number: f"{number:.2f}".replace(".", ","), ","),
    "thousands": (lambda number: f"{number:,.2f}", "."),
    "thousands with points": (lambda number: f"{number:,.2f}".translate(str.maketrans(",.", ".,")), ","),
    "thousands with apostrophes": (lambda number: f"{number:,.2f}".replace(",", "'"), "."),
    "thousands with narrow spaces": (lambda number: f"{number:,.2f}".translate(str.maketrans(",.", "\u202f,")), ","),
}


@pytest.mark.parametrize("way", WRITTEN)
@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(-1e7, 1e7), min_size=1, max_size=5))
def test_a_number_is_read_as_it_was_written(way, numbers):
    write, sign = WRITTEN[way]
    column = pd.Series([write(number) for number in numbers])
    np.testing.assert_allclose(cell_values.to_numbers(column), np.round(numbers, 2), atol=0.011)
    np.testing.assert_array_equal(cell_values.to_numbers(column), cell_values.to_numbers(column, sign))


@pytest.mark.parametrize(
    ("cells", "sign"),
    [
        (["1,234", "7"], ""),
        (["1,234", "1.5"], ""),
        (["12,5", "1.234"], ""),
        (["1,234", "12,5"], ","),
        (["0,123"], ","),
        (["1,234", "1,234,567"], "."),
        (["5,1", "unknown"], ","),
        (["5,1", "5.1"], "."),
        (["a, b", "a"], "."),
    ],
)
def test_a_comma_that_may_mean_two_things_is_not_guessed(cells, sign):
    assert cell_values.decimal_sign(pd.Series(cells)) == sign
    unread = cell_values.to_numbers(pd.Series(cells))
    assert sign or unread.isna().any()
    assert cell_values.to_numbers(pd.Series(["1,234"]), ",").tolist() == [1.234]
    assert cell_values.to_numbers(pd.Series(["1,234"]), ".").tolist() == [1234]


def test_yes_and_no_in_any_spelling():
    column = pd.Series(["True", "yes", " Y ", "1", "1.0", "FALSE", "no", "n", "0", "0.0", "", "-1", "0.5", "cat"])
    expected = [1] * 5 + [0] * 5 + [np.nan] * 4
    np.testing.assert_array_equal(cell_values.zeros_and_ones(column), expected)
    assert cell_values.zeros_and_ones(column, ("1", "-1.0")).tolist() == [0, 0, 0, 1, 1, *[0] * 6, 1, 0, 0]


LISTS = {
    "Python": repr,
    "JSON": lambda names: pd.Series(names).to_json(orient="values"),
    "numpy": lambda names: str(np.array(names)),
    "without quotes": lambda names: f"[{', '.join(names)}]",
    "commas and spaces": ", ".join,
    "commas": ",".join,
    "uneven spaces": " ,  ".join,
}


@pytest.mark.parametrize("way", LISTS)
@pytest.mark.parametrize("names", [["cat"], ["sugar beet", "T-shirt", "naïve"], ["cat", "dog"]])
def test_labels_of_one_field_are_read_however_they_are_written(way, names):
    column = pd.Series([LISTS[way](names), LISTS[way](["ant", "cow"]), ""])
    if way == "without quotes" and len(names) == 1:
        column[1] = "[ant]"
        assert cell_values.split_labels(column, ",").tolist() == [names, ["ant"], []]
    else:
        assert cell_values.split_labels(column, ", ").tolist() == [names, ["ant", "cow"], []]


def test_a_separator_of_words_or_in_spaces_is_taken_as_it_is():
    assert cell_values.split_labels(pd.Series(["sand and T-shirt"]), " and ").tolist() == [["sand", "T-shirt"]]
    assert cell_values.split_labels(pd.Series(["hat - T-shirt"]), " - ").tolist() == [["hat", "T-shirt"]]
    assert cell_values.split_labels(pd.Series(["cat  dog "]), "").tolist() == [["cat", "dog"]]
