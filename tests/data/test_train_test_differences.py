"""Columns and photos that separate train from test get an AUC near 1, others near 0.5; columns of a split are named."""

import numpy as np
import pandas as pd
import pytest

from comp.data import train_test_differences as differences
from comp.data.photo_check import PhotoSummary, small_copies
from comp.data.train_test_differences import suggest_groups

TRAIN, TEST = 600, 300


@pytest.fixture
def sides():
    """A train and a test table with one column of each kind."""
    rng = np.random.default_rng(0)

    def table(rows, is_test):
        return pd.DataFrame(
            {
                "shifted": rng.normal(3 * is_test, 1, rows),
                "alike": rng.normal(0, 1, rows),
                "site": rng.integers(0, 40, rows) * 2 + is_test,  # no value on both sides, but in the same range
                "colour": rng.choice(["red", "green"], rows),
                "place": rng.choice([f"p{i}" for i in range(15)] if is_test else [f"p{i}" for i in range(12)], rows),
                "constant": 7,
                "empty": "",
                "name": [f"{is_test}-{i:04d}" for i in rng.permutation(rows)],
            }
        )

    return table(TRAIN, 0), table(TEST, 1)


def test_each_column_is_judged_by_how_well_it_separates(sides):
    columns = {column.column: column for column in differences.differences(*sides)}
    assert columns["shifted"].auc > 0.95
    assert columns["site"].auc > 0.95
    assert 0.5 < columns["place"].auc < 0.8
    for name in ("alike", "colour", "name", "empty", "constant"):
        assert columns[name].auc < 0.56, name
    assert (columns["constant"].auc, columns["empty"].auc) == (0.5, 0.5)
    assert (columns["constant"].train, columns["constant"].test) == ("7", "7")
    assert columns["site"].unseen == 1
    assert columns["colour"].unseen == 0
    assert columns["place"].unseen == pytest.approx(3 / 15, abs=0.06)
    assert columns["alike"].unseen is None
    assert [column.auc for column in differences.differences(*sides)] == sorted(c.auc for c in columns.values())[::-1]


def test_columns_of_one_table_only_do_not_count(sides):
    train, test = sides
    assert {column.column for column in differences.differences(train.assign(label=1), test.assign(x=2))} == set(train)


def test_empty_fields_and_infinities_are_values_of_their_own():
    train = pd.DataFrame({"a": [np.nan] * 50, "b": [np.inf, 1.0] * 25})
    test = pd.DataFrame({"a": [1.0] * 50, "b": [1.0, np.inf] * 25})
    columns = {column.column: column for column in differences.differences(train, test)}
    assert columns["a"].auc == 1
    assert columns["b"].auc == pytest.approx(0.5, abs=0.05)


def test_all_columns_together_separate_as_the_best_of_them_and_groups_stay_together(sides):
    train, test = sides
    groups = [str(i // 2) for i in range(TRAIN)]
    assert differences.together(train, test, groups) > 0.95
    assert differences.together(train[["alike", "colour"]], test, groups) == pytest.approx(0.5, abs=0.08)
    assert differences.together(train, test, ["one"] * TRAIN) is None
    assert differences.together(train, test[:2], groups) is None


# Photos ---------------------------------------------------------------------------------------------------------------


def summaries(rng, count, light=1.0):
    """Thumbnails of soft random shapes."""
    shapes = rng.integers(0, 256, (count, 4, 4, 3)).repeat(4, 1).repeat(5, 2)[:, :, :17]
    return [PhotoSummary("", *small_copies((pixels * light).astype(np.uint8))) for pixels in shapes]


def test_photos_are_told_apart_only_if_they_differ():
    rng = np.random.default_rng(0)
    train, test, darker = summaries(rng, 60), summaries(rng, 40), summaries(rng, 40, light=0.6)
    groups = [str(i // 2) for i in range(60)]
    assert differences.adversarial_auc(train, test, groups) < 0.7
    assert differences.adversarial_auc(train, darker, groups) > 0.9


@pytest.mark.parametrize(("sizes", "tests"), [([60], 40), ([1] * 60, 0), ([1] * 60, 1), ([1] * 60, 4), ([20] * 3, 3)])
def test_too_few_photos_or_groups_are_not_compared(sizes, tests):
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(len(sizes)), sizes).astype(str)
    assert differences.adversarial_auc(summaries(rng, 60), summaries(rng, tests), groups) is None


def test_each_part_has_test_photos_even_if_one_group_is_small():
    rng, groups = np.random.default_rng(0), np.repeat(list("abcde"), [20, 20, 20, 20, 10])
    auc = differences.adversarial_auc(summaries(rng, 90), summaries(rng, 5, light=0.3), groups)
    assert auc > 0.9


# Columns that the test set was split by -------------------------------------------------------------------------------


def tables(seed=0):
    """A test set of other locations: 20 cameras in train, 8 in test, 10 photos each, 2 of a burst."""
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame({"camera": np.arange(28).repeat(10), "burst": np.arange(140).repeat(2)})
    rows = rows.assign(id=np.arange(280), hour=rng.integers(0, 24, 280), noise=rng.random(280).round(2), none=None)
    rows = rows.assign(source=np.where(rows["camera"] < 20, "train", "test"))
    return rows[rows["camera"] < 20], rows[rows["camera"] >= 20]


def test_columns_whose_values_are_never_on_both_sides_are_named_the_coarsest_first():
    suggestions = suggest_groups(*tables())
    assert [suggestion.column for suggestion in suggestions] == ["camera", "burst"]
    assert (suggestions[0].train_values, suggestions[0].test_values) == (20, 8)


def test_a_test_set_drawn_row_by_row_gives_no_advice():
    rows = pd.concat(tables()).sample(frac=1, random_state=0)
    assert suggest_groups(rows[:200], rows[200:]) == []


def test_values_that_hardly_ever_repeat_may_be_apart_by_chance():
    train = pd.DataFrame({"size": [*np.arange(100) / 7, 0.0]})
    assert suggest_groups(train, pd.DataFrame({"size": np.arange(1000, 1050) / 7})) == []


def test_numbers_and_words_of_one_value_are_the_same():
    train = pd.DataFrame({"site": np.repeat([1.0, 2.0, np.nan], 30)})
    assert suggest_groups(train, pd.DataFrame({"site": ["2"] * 30})) == []
    assert [suggestion.column for suggestion in suggest_groups(train, pd.DataFrame({"site": ["3"] * 30}))] == ["site"]


def test_ignored_columns_and_those_of_one_table_alone_are_not_named():
    train, test = tables()
    assert [suggestion.column for suggestion in suggest_groups(train, test.drop(columns="camera"), ("burst",))] == []
