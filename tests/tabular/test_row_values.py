"""The preparation of rows for a classifier is learned from the rows that it is given, and from no others."""

import numpy as np
import pandas as pd

from comp.tabular.row_values import Preparation, RowValues


def drawn(rows: int, seed: int = 0) -> RowValues:
    """Vectors, a number (sometimes empty) and a category."""
    rng = np.random.default_rng(seed)
    number = np.where(rng.random(rows) < 0.2, np.nan, rng.normal(0, 1, rows))
    words = np.array(["x", "y", ""])[rng.integers(0, 3, rows)]
    return RowValues(rng.normal(size=(rows, 3)).astype(np.float32), pd.DataFrame({"number": number, "word": words}))


def test_values_of_other_rows_change_no_feature_and_unknown_categories_are_no_error():
    train, other = drawn(60), drawn(8, seed=1)
    huge = RowValues(1e6 * other.vectors, other.columns.assign(number=1e9, word="unknown"))
    prepared = Preparation(0, 0).fit(train)
    before = prepared.transform(other)
    assert np.isfinite(prepared.transform(huge)).all()
    np.testing.assert_array_equal(prepared.transform(other), before)


def test_features_have_mean_0_and_deviation_1_on_the_training_rows():
    train = drawn(500)
    of_vectors = Preparation(0, 0).fit(train).transform(train)[:, :3]
    components = Preparation(2, 0).fit(train).transform(train)[:, :2]
    for features in (of_vectors, components):
        np.testing.assert_allclose(features.mean(0), 0, atol=1e-5)
        np.testing.assert_allclose(features.std(0), 1, atol=1e-4)


def test_a_digest_is_of_the_values():
    values = drawn(20)
    assert values.digest() == drawn(20).digest() == values.at(np.arange(20)).digest()
    assert values.digest() != drawn(20, seed=1).digest()
    changed = RowValues(values.vectors, values.columns.assign(word="x"))
    assert values.digest() != changed.digest()
