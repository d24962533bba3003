"""Soft training labels where a class is a range of a number: its Gaussian, integrated over the ranges.

If a class ends at 30, a photo of 29 is nearly one of 30: a Gaussian around the number spreads the label over the
classes whose ranges are near. Label distribution learning: Geng 2016; Gao et al. 2017 (DLDL). For TRAINING rows only.

A cell is a part of the range of one class: by default each class is one cell; fine edges cut a class into several.

Letters: N rows, C classes, T cells.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtr

from comp.competition.competition import Competition, Range
from comp.competition.label_policy import named_numbers, new_edges, number_column
from comp.errors import InputError


@dataclass(frozen=True)
class Cells:
    """Parts of the ranges of classes: the class of each (T,), and where it starts and ends (T,)."""

    of_class: np.ndarray
    low: np.ndarray
    high: np.ndarray


def soft_labels(table: pd.DataFrame, competition: Competition, soften: str, edges: str = "", fine: str = ""):
    """Training labels (N, T) float32 whose rows sum to 1. T is C, or the number of cells if fine edges are given.

    table: training rows with their labels, attributes and the column of the number. soften: "height:3": the standard
    deviation, in units of the column; several with ";" between. edges: other edges of the ranges, as for the label
    policy. A row without a number keeps its class. Raises InputError for a column that is no range or has no numbers.
    """
    labels = table["label"].to_numpy(np.int64)
    soft = np.ones((len(table), competition.size), np.float32)
    for column, text in named_numbers("soften", soften).items():
        ranged = range_of(column, competition)
        cells = fine_cells(competition, ranged, fine) if fine else _whole(competition, ranged, new_edges(edges, ranged))
        shares = _shares(number_column(table, column).to_numpy(np.float64), cells, _sigma(column, text))
        shares = np.where(np.isnan(shares), _own_cells(labels, cells), shares)
        shares *= _others_equal(labels, competition, ranged)[:, cells.of_class]
        soft = shares if fine else soft * shares
    return (soft / soft.sum(1, keepdims=True)).astype(np.float32)


def range_of(column: str, competition: Competition) -> Range:
    """The range of that column; the grade itself is one: "label". Raises InputError for any other column."""
    known = {one.column: one for one in competition.ranges}
    if competition.target == "ordinal":
        known["label"] = Range("label", "label", tuple(np.arange(1.0, competition.size)))
    if column not in known:
        raise InputError(
            f"soften={column}:…, but no class is a range of {column}",
            f"a column whose ranges are classes: {', '.join(known) or '(none: `ranges` in competition.toml)'}",
            "correct soften in SET, or leave it out",
        )
    return known[column]


def fine_cells(competition: Competition, ranged: Range, fine: str) -> Cells:
    """The cells between fine edges, "20,25,30"; the official edges of the range are added to them."""
    official = list(ranged.edges)
    return _cells(competition, ranged, official, _fine_edges(fine, official))


def _whole(competition: Competition, ranged: Range, edges: list[float]) -> Cells:
    """One cell per class."""
    return _cells(competition, ranged, edges, edges)


def _cells(competition: Competition, ranged: Range, edges: list[float], fine: list[float]) -> Cells:
    """The cells of all classes, in the order of the classes; fine (sorted) contains the edges."""
    value = np.searchsorted(edges, fine, side="right")  # the value of the attribute to the right of each fine edge
    low, high = np.append(-np.inf, fine), np.append(fine, np.inf)
    of_cell = np.append(0, value)
    parts = [np.flatnonzero(of_cell == one) for one in _values(competition, ranged)]
    where = np.concatenate(parts)
    return Cells(np.repeat(np.arange(competition.size), [len(part) for part in parts]), low[where], high[where])


def _fine_edges(text: str, edges: list[float]) -> list[float]:
    """ "20,25,30" with the edges of the classes, sorted. Raises InputError for anything but numbers."""
    try:
        return sorted({*edges, *(float(part) for part in text.split(","))})
    except ValueError:
        expected = "numbers with commas between, such as 20,25,30,35"
        raise InputError(f"bin_edges={text}", expected, "correct bin_edges in SET") from None


def _values(competition: Competition, ranged: Range) -> np.ndarray:
    """The value (C,) of the range's attribute for each class; a grade is its own."""
    return competition.attribute_values.get(ranged.attribute, np.arange(competition.size))


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


def _others_equal(labels: np.ndarray, competition: Competition, ranged: Range) -> np.ndarray:
    """(N, C): 1 for the classes that differ from the row's own at most in the attribute of the range."""
    others = [values for name, values in competition.attribute_values.items() if name != ranged.attribute]
    equal = np.ones((competition.size, competition.size))
    for values in others:
        equal *= values[:, None] == values
    return equal[labels]


def _sigma(column: str, text: str) -> float:
    try:
        sigma = float(text)
    except ValueError:
        sigma = -1.0
    if not 0 < sigma < np.inf:
        raise InputError(
            f"soften={column}:{text}", f"a standard deviation above 0, such as {column}:3", "correct soften in SET"
        )
    return sigma
