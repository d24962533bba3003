"""Categories of truth and answers: the classes, the values of an attribute, or ranges of the number for a regression.

The confusion matrices count them, and the gallery filters by them. Several labels have no categories.
Letters: S scored rows, B categories.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from comp.competition import scoring
from comp.competition.competition import Competition
from comp.pages.report.report_data import ReportData, Source

RANGES = 10  # of a number, each with about the same number of rows
NONE = -1  # the answer in a row that is not predicted


@dataclass(frozen=True)
class Categories:
    """names (B,), truth (S,) int. title: what the categories are. edges (B - 1,): the borders of ranges, else None."""

    title: str
    names: Sequence[str]
    truth: np.ndarray
    edges: np.ndarray | None = None

    def answers(self, competition: Competition, source: Source) -> np.ndarray:
        """The category that a source answers in each row (S,) int, NONE where the row is not predicted."""
        known, categories = source.known, np.full(len(self.truth), NONE)
        answers = scoring.answers(competition, source.probs[known])
        categories[known] = answers if self.edges is None else np.searchsorted(self.edges, answers, side="right")
        return categories


def of_target(data: ReportData) -> Categories | None:
    """The classes, or the ranges of the number; None for several labels."""
    if data.competition.target == "multilabel":
        return None
    if data.competition.target == "regression":
        return _ranges(data.rows.labels)
    return Categories("class", data.competition.classes, data.rows.labels)


def of_attributes(data: ReportData) -> dict[str, Categories]:
    """Name of each attribute of the classes to its values as categories. Empty where classes have no attributes."""
    if not data.competition.sums_to_one:
        return {}
    return {
        name: Categories(name, attribute.values, np.array(attribute.of_class)[data.rows.labels])
        for name, attribute in data.competition.attributes.items()
    }


def attribute_values(of_class: Sequence[int], answers: np.ndarray) -> np.ndarray:
    """The attribute's value of each answered class (S,). of_class: value of each class. NONE stays NONE."""
    return np.where(answers == NONE, NONE, np.array(of_class)[answers])


def _ranges(labels: np.ndarray) -> Categories:
    """Ranges between quantiles, with short borders where these are still different."""
    edges = np.unique(np.quantile(labels, np.linspace(0, 1, RANGES + 1)[1:-1]))
    edges = edges[edges > labels.min()] if len(labels) else edges
    short = np.unique([float(f"{edge:.3g}") for edge in edges])
    edges = short if len(short) == len(edges) else edges
    return Categories("range", _range_names(edges), np.searchsorted(edges, labels, side="right"), edges)


def _range_names(edges: np.ndarray) -> list[str]:
    ends = [f"{edge:.6g}" for edge in edges]
    if not ends:
        return ["all"]
    return [f"below {ends[0]}", *(f"{a} to {b}" for a, b in pairwise(ends)), f"{ends[-1]} and more"]
