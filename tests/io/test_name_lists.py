from hypothesis import given
from hypothesis import strategies as st

from comp.text import split_names

LETTERS = st.characters(blacklist_categories=("Cs", "Z", "C"), blacklist_characters=",|'\"\\")
PLAIN = st.text(LETTERS, min_size=1, max_size=8)
BLANKS = st.lists(PLAIN, min_size=1, max_size=3).map(" ".join)
BETWEEN = st.sampled_from([" ", ",", ", ", "\n", " | ", "  "])


@given(st.lists(PLAIN, max_size=6), BETWEEN, st.booleans())
def test_names_without_blanks_are_split_whether_they_are_there_or_not(names, between, there):
    assert split_names(f" {between.join(names)} ", lambda name: there and name in names) == names


@given(st.lists(BLANKS, max_size=6), BETWEEN)
def test_names_with_blanks_are_split_into_names_that_are_there_and_nothing_is_lost(names, between):
    found = split_names(between.join(names), names.__contains__)
    assert set(found) <= set(names)
    assert "".join("".join(found).split()) == "".join("".join(names).split())


def test_what_browsers_save_and_what_shells_quote():
    there = {"output (1).csv", "output (2).csv", "kim's, best.csv", "a", "b", "a b"}.__contains__
    assert split_names("output (1).csv output (2).csv", there) == ["output (1).csv", "output (2).csv"]
    assert split_names("kim's, best.csv|a", there) == ["kim's, best.csv", "a"]
    assert split_names("a b", there) == ["a", "b"]
    assert split_names("'a b' b", there) == ["a b", "b"]
    assert split_names("output (3).csv", there) == ["output", "(3).csv"]
