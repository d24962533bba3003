"""Make soft training labels for classes that are ranges of a number.

If a class ends at 30, a photo with the number 29 nearly belongs to the next class. A Gaussian around the number,
integrated over the range of each class, spreads the label over the neighbouring classes (label distribution learning:
Geng 2016; DLDL, Gao et al. 2017). Only training rows get soft labels.

A cell is a part of the range of one class. By default each class is one cell. The recipe setting `bin_edges` cuts
classes into several cells.

Letters in the shapes: N rows, C classes, T cells.
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
    """T cells, which are ranges of a number. Each cell belongs to one class, and a class may have several cells.

    of_class (T,): the class of each cell; low, high (T,): the numbers at which each cell begins and ends.
    """

    of_class: np.ndarray
    low: np.ndarray
    high: np.ndarray


def soft_labels(table: pd.DataFrame, competition: Competition, soften: str, edges: str = "", fine: str = ""):
    """Return soft labels (N, T) float32, which sum to 1 in each of the N rows.

    T is the number of classes or, if `fine` is not "", the number of cells, which are parts of classes. table: the
    training rows. soften: a text such as "height:3", with the column of the number and the standard deviation of the
    Gaussian in the unit of the column; ";" separates several columns. edges: the recipe setting `edges` (see
    label_policy.py). fine: "", or numbers such as "20,25,30" that cut the classes into cells. A row without a number
    keeps its class. Raises InputError for a column whose ranges are not classes, and for a standard deviation that is
    not above 0.
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
    """Cut the ranges of the classes into cells at finer edges, in addition to the edges between the classes.

    official: the ranges with the edges between the classes; fine: the finer edges as a text, such as "20,25,30".
    Returns the cells. Raises InputError if `fine` has anything but numbers.
    """
    edges = list(official.edges)
    try:
        fine_edges = sorted({*edges, *(float(part) for part in fine.split(","))})
    except ValueError:
        raise wrong_setting("bin_edges", fine, "numbers with commas between them, such as 20,25,30,35") from None
    return _cells(competition, official, edges, fine_edges)


def _cells(competition: Competition, official: Range, edges: list[float], fine: list[float]) -> Cells:
    """Return the cells of all classes, in the order of the classes.

    official: the attribute whose values are ranges; edges: the edges between these ranges; fine: the sorted edges
    between the cells, including all of `edges`.
    """
    right_of_edge = np.searchsorted(edges, fine, side="right")  # the value of the attribute to the right of each edge
    value_of_cell = np.append(0, right_of_edge)
    low, high = np.append(-np.inf, fine), np.append(fine, np.inf)
    value_of_class = competition.attribute_values.get(official.attribute, np.arange(competition.size))
    parts = [np.flatnonzero(value_of_cell == value) for value in value_of_class]  # an ordinal class is its value
    order = np.concatenate(parts)
    return Cells(np.repeat(np.arange(competition.size), [len(part) for part in parts]), low[order], high[order])


# ---- shares of a row


def _shares(numbers: np.ndarray, cells: Cells, sigma: float) -> np.ndarray:
    """Return, for N rows and T cells, the share (N, T) of the row's Gaussian that is in the cell.

    numbers (N,): the number of each row, which is the mean of its Gaussian; for NaN, the shares are NaN, too. sigma:
    the standard deviation. If all numbers are whole, a cell from 30 to 40 counts from 29.5 to 39.5.
    """
    whole = np.nanmax(np.abs(numbers - np.round(numbers)), initial=0) == 0
    low, high = ((bound - 0.5 * whole - numbers[:, None]) / sigma for bound in (cells.low, cells.high))
    return ndtr(high) - ndtr(low)


def _own_cells(labels: np.ndarray, cells: Cells) -> np.ndarray:
    """Return an array (N, T) that is 1 in the cells of each row's class and 0 in all other cells."""
    return (labels[:, None] == cells.of_class).astype(float)


def _others_equal(labels: np.ndarray, competition: Competition, official: Range) -> np.ndarray:
    """Return an array (N, C) that is 1 where a class has the same other attributes as the class of the row, else 0.

    The other attributes are all attributes except that of `official`.
    """
    equal = np.ones((competition.size, competition.size))
    for name, values in competition.attribute_values.items():
        if name != official.attribute:
            equal *= values[:, None] == values
    return equal[labels]
