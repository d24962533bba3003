"""Categories of true and answered labels: the classes, the values of an attribute, or the ranges of a number.

The confusion matrices count categories, and the gallery filters by categories. A target with several labels has no
categories. Letters: S scored rows, B categories.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from comp.competition import scoring
from comp.competition.competition import Competition
from comp.pages.report.report_data import ReportData, Source

RANGES = 10  # most ranges of a number; each range has about an equal number of rows
NONE = -1  # the answer in a row that is not predicted


@dataclass(frozen=True)
class Categories:
    """The categories of a target or of an attribute.

    title: the kind of the categories, such as "class". names (B,). truth (S,) int: the true category of each row.
    edges (B - 1,): the borders between ranges, or None if the categories are not ranges.
    """

    title: str
    names: Sequence[str]
    truth: np.ndarray
    edges: np.ndarray | None = None

    def answers(self, competition: Competition, source: Source) -> np.ndarray:
        """The category (S,) int that a source answers in each row; NONE if the row is not predicted."""
        known, categories = source.known, np.full(len(self.truth), NONE)
        answers = scoring.answers(competition, source.probs[known])
        categories[known] = answers if self.edges is None else np.searchsorted(self.edges, answers, side="right")
        return categories


def of_target(data: ReportData) -> Categories | None:
    """The categories of the target: the classes, or the ranges of the number. Returns None for several labels."""
    if data.competition.target == "multilabel":
        return None
    if data.competition.target == "regression":
        return _ranges(data.rows.labels)
    return Categories("class", data.competition.classes, data.rows.labels)


def of_attributes(data: ReportData) -> dict[str, Categories]:
    """The name of each attribute of the classes, and its values as categories; {} if classes have no attributes."""
    if not data.competition.sums_to_one:
        return {}
    return {
        name: Categories(name, attribute.values, np.array(attribute.of_class)[data.rows.labels])
        for name, attribute in data.competition.attributes.items()
    }


def attribute_values(of_class: Sequence[int], answers: np.ndarray) -> np.ndarray:
    """The value (S,) of an attribute in each answered class. of_class: the value of each class. NONE stays NONE."""
    return np.where(answers == NONE, NONE, np.array(of_class)[answers])


def _ranges(labels: np.ndarray) -> Categories:
    """The ranges between quantiles of the labels. The borders are rounded to few digits if they stay different."""
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
