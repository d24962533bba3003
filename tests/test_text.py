from hypothesis import given
from hypothesis import strategies as st

from comp.text import finite_number, same_text, split_names

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
