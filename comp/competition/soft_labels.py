"""Soft training labels where a class is a range of a number: a Gaussian around the number, integrated over the ranges.

If a class ends at 30, a photo with the number 29 nearly belongs to the next class. A Gaussian around the number spreads
the label over the classes whose ranges are near (label distribution learning: Geng 2016; DLDL, Gao et al. 2017). It
changes training rows only.

A cell is a part of the range of one class. By default each class is one cell; fine edges cut a class into several.

Letters: N rows, C classes, T cells.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtr

from comp.competition.competition import Competition, Range
from comp.competition.recipe_text import (
    edges_of,
    named_numbers,
    number_column,
    positive_number,
    range_of_column,
    wrong_setting,
)


@dataclass(frozen=True)
class Cells:
    """Parts of the ranges of classes: the class of each (T,), and where it starts and ends (T,)."""

    of_class: np.ndarray
    low: np.ndarray
    high: np.ndarray


def soft_labels(table: pd.DataFrame, competition: Competition, soften: str, edges: str = "", fine: str = ""):
    """Training labels (N, T) float32 whose rows sum to 1. T is C, or the number of cells if fine edges are given.

    table: training rows with their labels, attributes and the column of the number. soften: "height:3", a column and
    the standard deviation in its unit; ";" separates several columns. edges: other edges of the ranges, as for the
    label policy. fine: see `fine_cells`. A row without a number keeps its class. Raises InputError for a column that is
    no range, and for a standard deviation that is not above 0.
    """
    labels = table["label"].to_numpy(np.int64)
    soft = np.ones((len(table), competition.size), np.float32)
    for column, text in named_numbers("soften", soften).items():
        official = range_of_column(column, competition)
        if fine:
            cells = fine_cells(competition, official, fine)
        else:
            class_edges = edges_of(official, edges)
            cells = _cells(competition, official, class_edges, class_edges)
        sigma = positive_number("soften", column, text, f"a standard deviation above 0, such as {column}:3")
        shares = _shares(number_column(table, column).to_numpy(np.float64), cells, sigma)
        shares = np.where(np.isnan(shares), _own_cells(labels, cells), shares)
        shares *= _others_equal(labels, competition, official)[:, cells.of_class]
        soft = shares if fine else soft * shares
    return (soft / soft.sum(1, keepdims=True)).astype(np.float32)


# ---- cells


def fine_cells(competition: Competition, official: Range, fine: str) -> Cells:
    """The cells between fine edges, "20,25,30"; the official edges of the range are added to them.

    Raises InputError for anything but numbers.
    """
    edges = list(official.edges)
    try:
        fine_edges = sorted({*edges, *(float(part) for part in fine.split(","))})
    except ValueError:
        raise wrong_setting("bin_edges", fine, "numbers with commas between, such as 20,25,30,35") from None
    return _cells(competition, official, edges, fine_edges)


def _cells(competition: Competition, official: Range, edges: list[float], fine: list[float]) -> Cells:
    """The cells of all classes, in the order of the classes; fine (sorted) contains the edges."""
    right_of_edge = np.searchsorted(edges, fine, side="right")  # the value of the attribute to the right of each edge
    value_of_cell = np.append(0, right_of_edge)
    low, high = np.append(-np.inf, fine), np.append(fine, np.inf)
    value_of_class = competition.attribute_values.get(official.attribute, np.arange(competition.size))
    parts = [np.flatnonzero(value_of_cell == value) for value in value_of_class]  # a grade is its own value
    order = np.concatenate(parts)
    return Cells(np.repeat(np.arange(competition.size), [len(part) for part in parts]), low[order], high[order])


# ---- shares of a row


def _shares(numbers: np.ndarray, cells: Cells, sigma: float) -> np.ndarray:
    """The Gaussian (N, T) around each number, integrated from the start to the end of each cell; NaN without a number.

    A class of whole numbers starts at its lowest one, so the border between 29 and 30 is 29.5.
    """
    whole = np.nanmax(np.abs(numbers - np.round(numbers)), initial=0) == 0
    low, high = ((bound - 0.5 * whole - numbers[:, None]) / sigma for bound in (cells.low, cells.high))
    return ndtr(high) - ndtr(low)


def _own_cells(labels: np.ndarray, cells: Cells) -> np.ndarray:
    """(N, T): 1 for the cells of the row's own class."""
    return (labels[:, None] == cells.of_class).astype(float)


def _others_equal(labels: np.ndarray, competition: Competition, official: Range) -> np.ndarray:
    """(N, C): 1 for the classes that differ from the row's own at most in the attribute of the range."""
    equal = np.ones((competition.size, competition.size))
    for name, values in competition.attribute_values.items():
        if name != official.attribute:
            equal *= values[:, None] == values
    return equal[labels]
