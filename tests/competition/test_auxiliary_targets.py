"""Auxiliary targets: columns of the training table as numbers and categories, missing values included."""

import numpy as np
import pandas as pd
import pytest

from comp.competition.auxiliary_targets import auxiliary_targets
from comp.errors import InputError

TABLE = pd.DataFrame(
    {
        "height": [10.0, 20.0, np.nan, 30.0],
        "kind": ["a", None, "b", "a"],
        "same": [1, 1, 1, 1],
        "empty": [np.nan] * 4,
    }
)


def test_numbers_are_standardised_and_missing_ones_count_nothing():
    [height] = auxiliary_targets(TABLE, "height:0.3")
    known = height.values[[0, 1, 3], 0]
    assert known.mean() == pytest.approx(0, abs=1e-6)
    assert known.std() == pytest.approx(1, abs=1e-6)
    np.testing.assert_array_equal(height.values[:, 1], [1, 1, 0, 1])
    assert (height.weight, height.outputs, height.values[2, 0]) == (0.3, 1, 0)


def test_categories_are_one_hot_and_missing_ones_empty():
    _, kind = auxiliary_targets(TABLE, "height:1; kind:0.5")
    np.testing.assert_array_equal(kind.values, [[1, 0], [0, 0], [0, 1], [1, 0]])
    assert kind.outputs == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("width:1", "no column width"),
        ("same:1", "1 different values"),
        ("empty:1", "0 different values"),
        ("kind:0", "above 0"),
        ("kind:x", "above 0"),
        ("kind", "a name and numbers"),
    ],
)
def test_bad_columns(text, message):
    with pytest.raises(InputError, match=message):
        auxiliary_targets(TABLE, text)


def test_a_column_of_ids_is_no_category():
    table = pd.DataFrame({"id": [f"photo{i}" for i in range(2000)]})
    with pytest.raises(InputError, match="2000 different values"):
        auxiliary_targets(table, "id:1")
