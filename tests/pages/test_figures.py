"""Figures: each has a label and its numbers and the colours of the page; bins hold every value."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from comp.pages import figures
from comp.pages.figures import Table, shown


def test_a_figure_is_the_same_twice_in_the_colours_of_the_page_and_its_ids_are_its_own():
    def draw(title):
        return figures.lines(title, "x", "y", {"a": ([1, 2], [3.0, float("nan")]), "b": ([2, 3], [1, 1])})

    first, second, other = draw("one"), draw("one"), draw("two")
    assert first.svg == second.svg
    assert figures.INK not in first.svg
    assert "currentColor" in first.svg
    ids = [set(re.findall(r' id="([^"]+)"', drawn.svg)) for drawn in (first, other)]
    assert ids[0].isdisjoint(ids[1])
    assert set(re.findall(r"(?:url\(|href=\")#([^)\"]+)", first.svg)) <= ids[0]
    assert first.numbers.rows == [["1", 3.0, None], ["2", None, 1.0], ["3", None, 1.0]]


def test_every_kind_of_figure_has_a_label_and_its_numbers():
    numbers = Table(["x"], [["1"]])
    every_kind = [
        figures.bars("bars", "score", {"a": 0.5, "b": 0.7}, intervals=[(0.4, 0.6), (0.5, 0.75)]),
        figures.histogram("histogram", "size", [0, 1, 2], {"train": [3, 4], "test": [1, 0]}),
        figures.scatter("scatter", "truth", "answer", [1, 2], [2, 1], numbers, diagonal=True),
        figures.scatter("no points", "truth", "answer", [], [], numbers, diagonal=True),
        figures.matrix("matrix", ["a", "b"], np.array([[3, 1], [1, 2]])),
    ]
    for figure in every_kind:
        assert f'role="img" aria-label="{figure.title}"' in figure.svg
        assert figure.numbers.rows
    assert every_kind[0].numbers.rows == [["a", 0.5, 0.4, 0.6], ["b", 0.7, 0.5, 0.75]]
    assert every_kind[1].numbers.rows == [["0 to 1", 3, 1], ["1 to 2", 4, 0]]


def test_numbers_are_written_as_people_read_them():
    assert [shown(cell) for cell in (None, 18900, 0.47361, 25.0, 1234.5, "x")] == [
        "–",
        "18,900",
        "0.4736",
        "25",
        "1,234",
        "x",
    ]
    assert shown(np.int64(3)) == "3"


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
