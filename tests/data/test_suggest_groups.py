import numpy as np
import pandas as pd

from comp.data.train_test_differences import suggest_groups


def tables(seed=0):
    """A test set of other locations: 20 cameras in train, 8 in test, 10 photos each, 2 of a burst."""
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame({"camera": np.arange(28).repeat(10), "burst": np.arange(140).repeat(2)})
    rows = rows.assign(id=np.arange(280), hour=rng.integers(0, 24, 280), noise=rng.random(280).round(2), none=None)
    rows = rows.assign(source=np.where(rows["camera"] < 20, "train", "test"))
    return rows[rows["camera"] < 20], rows[rows["camera"] >= 20]


def test_columns_whose_values_are_never_on_both_sides_are_named_the_coarsest_first():
    found = suggest_groups(*tables())
    assert [made.column for made in found] == ["camera", "burst"]
    assert (found[0].train_values, found[0].test_values) == (20, 8)


def test_a_test_set_drawn_row_by_row_gives_no_advice():
    rows = pd.concat(tables()).sample(frac=1, random_state=0)
    assert suggest_groups(rows[:200], rows[200:]) == []


def test_values_that_hardly_ever_repeat_may_be_apart_by_chance():
    train = pd.DataFrame({"size": [*np.arange(100) / 7, 0.0]})
    assert suggest_groups(train, pd.DataFrame({"size": np.arange(1000, 1050) / 7})) == []


def test_numbers_and_words_of_one_value_are_the_same():
    train = pd.DataFrame({"site": np.repeat([1.0, 2.0, np.nan], 30)})
    assert suggest_groups(train, pd.DataFrame({"site": ["2"] * 30})) == []
    assert [made.column for made in suggest_groups(train, pd.DataFrame({"site": ["3"] * 30}))] == ["site"]


def test_ignored_columns_and_those_of_one_table_alone_are_not_named():
    train, test = tables()
    assert [made.column for made in suggest_groups(train, test.drop(columns="camera"), ("burst",))] == []
