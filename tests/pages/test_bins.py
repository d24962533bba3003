"""Bins hold every value, and bins of whole numbers hold equally many of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from comp.pages import figures


@given(arrays(np.float64, st.integers(1, 60), elements=st.floats(-1e6, 1e6)))
def test_every_value_is_in_one_bin(values):
    edges = figures.bin_edges(values)
    assert (np.diff(edges) > 0).all()
    assert len(edges) - 1 <= figures.BINS
    assert figures.bin_counts(values, edges).sum() == len(values)
    assert figures.bin_percent(values, edges).sum() == pytest.approx(100)


@given(arrays(np.int64, st.integers(1, 60), elements=st.integers(-1000, 1000)))
def test_bins_of_whole_numbers_hold_equally_many(values):
    widths = np.diff(figures.bin_edges(values))
    assert (widths == widths[0]).all()
    assert widths[0] % 1 == 0


def test_a_few_whole_numbers_get_a_bin_each_and_extremes_do_not_hide_the_rest():
    assert figures.bin_edges([1, 2, 3, 3]).tolist() == [0.5, 1.5, 2.5, 3.5]
    values = np.concatenate([np.linspace(0, 1, 1000), [1e9]])
    assert figures.bin_edges(values)[-1] <= 1
    assert figures.bin_counts(values, figures.bin_edges(values))[-1] >= 1
