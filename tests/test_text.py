import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from comp.text import alike, finite_number, number_text, one_spelling, same_text, same_value, shortened, split_names

LETTERS = st.characters(blacklist_categories=("Cs", "Z", "C"), blacklist_characters=",|'\"\\")
PLAIN = st.text(LETTERS, min_size=1, max_size=8)
BLANKS = st.lists(PLAIN, min_size=1, max_size=3).map(" ".join)
BETWEEN = st.sampled_from([" ", ",", ", ", "\n", " | ", "  "])


@given(st.lists(PLAIN, max_size=6), BETWEEN, st.booleans())
def test_names_without_blanks_are_split_whether_they_exist_or_not(names, between, exists):
    assert split_names(f" {between.join(names)} ", lambda name: exists and name in names) == names


@given(st.lists(BLANKS, max_size=6), BETWEEN)
def test_names_with_blanks_are_split_into_existing_names_and_nothing_is_lost(names, between):
    split = split_names(between.join(names), names.__contains__)
    assert set(split) <= set(names)
    assert "".join("".join(split).split()) == "".join("".join(names).split())


def test_what_browsers_save_and_what_shells_quote():
    exists = {"output (1).csv", "output (2).csv", "kim's, best.csv", "a", "b", "a b"}.__contains__
    assert split_names("output (1).csv output (2).csv", exists) == ["output (1).csv", "output (2).csv"]
    assert split_names("kim's, best.csv|a", exists) == ["kim's, best.csv", "a"]
    assert split_names("a b", exists) == ["a", "b"]
    assert split_names("'a b' b", exists) == ["a b", "b"]
    assert split_names("output (3).csv", exists) == ["output", "(3).csv"]


def test_numbers_are_finite_or_none():
    assert [finite_number(text) for text in ("0.5", " 1e3 ", "-2")] == [0.5, 1000, -2]
    assert [finite_number(text) for text in ("nan", "inf", "-Infinity", "", "1,5", "one")] == [None] * 6


def test_both_unicode_forms_are_the_same_text():
    assert same_text("e\u0301") == same_text("\u00e9") == "\u00e9"


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_float32_comes_back_from_its_text_unchanged(number):
    assert np.float32(number_text(np.float32(number))) == np.float32(number)


@given(st.decimals(-(10**9), 10**9, places=5))
def test_a_decimal_number_as_float64_keeps_its_digits(number):
    assert float(number_text(np.float64(number))) == float(number)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_shortened_number_has_six_digits_or_six_decimals(number):
    assert shortened(number) == pytest.approx(number, rel=1e-5, abs=0)


@pytest.mark.parametrize(
    ("one", "other"), [("1", "1.0"), ("0", "0.00"), ("-3", "-3."), ("7", " 7 "), ("\u00e9", "e\u0301")]
)
def test_two_spellings_of_one_value_become_the_shorter_one(one, other):
    assert same_value(one) == same_value(other)
    assert one_spelling(pd.Series([other, one, "x", other])).tolist() == [one, one, "x", one]
    assert one_spelling(pd.Series([other, "x"])).tolist() == [other, "x"]  # a spelling without another one stays
    assert alike([one, "x"]) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        *[("01", "1"), ("1.5", "1.50"), ("1e3", "1000"), ("cat", "cat "), ("sea lion", "sealion"), ("Cat", "cat")],
        *[("\uff43at", "cat"), ("cat", "c\u200bat"), ("a\nb", "ab"), ("na\u00a0", "NA")],
    ],
)
def test_names_that_may_be_one_name_are_alike_but_stay_different(one, other):
    assert same_value(one) != same_value(other)
    assert alike([other, "x", one]) == [sorted([one, other])]


def test_different_names_are_not_alike():
    assert alike(["cat", "cats", "1", "10", "1.5", "15", "-1", "[1]", '"1"', "", "²"]) == []
    assert alike(["123456789012345678901234567890", "123456789012345678901234567891"]) == []
