"""Columns that separate train from test get an AUC near 1, others one near 0.5."""

import numpy as np
import pandas as pd
import pytest

from comp.data import train_test_differences as differences

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
    found = {one.column: one for one in differences.differences(*sides)}
    assert found["shifted"].auc > 0.95
    assert found["site"].auc > 0.95
    assert 0.5 < found["place"].auc < 0.8
    for name in ("alike", "colour", "name", "empty", "constant"):
        assert found[name].auc < 0.56, name
    assert (found["constant"].auc, found["empty"].auc) == (0.5, 0.5)
    assert (found["constant"].train, found["constant"].test) == ("7", "7")
    assert found["site"].unseen == 1
    assert found["colour"].unseen == 0
    assert found["place"].unseen == pytest.approx(3 / 15, abs=0.06)
    assert found["alike"].unseen is None
    assert [one.auc for one in differences.differences(*sides)] == sorted(one.auc for one in found.values())[::-1]


def test_columns_of_one_table_only_do_not_count(sides):
    train, test = sides
    assert {one.column for one in differences.differences(train.assign(label=1), test.assign(x=2))} == set(train)


def test_empty_fields_and_infinities_are_values_of_their_own():
    train = pd.DataFrame({"a": [np.nan] * 50, "b": [np.inf, 1.0] * 25})
    test = pd.DataFrame({"a": [1.0] * 50, "b": [1.0, np.inf] * 25})
    found = {one.column: one for one in differences.differences(train, test)}
    assert found["a"].auc == 1
    assert found["b"].auc == pytest.approx(0.5, abs=0.05)


def test_all_columns_together_separate_as_the_best_of_them_and_groups_stay_together(sides):
    train, test = sides
    groups = [str(i // 2) for i in range(TRAIN)]
    assert differences.together(train, test, groups) > 0.95
    assert differences.together(train[["alike", "colour"]], test, groups) == pytest.approx(0.5, abs=0.08)
    assert differences.together(train, test, ["one"] * TRAIN) is None
    assert differences.together(train, test[:2], groups) is None
