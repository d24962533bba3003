"""Categories of true and predicted labels: the classes, the values of an attribute, or the ranges of a number.

The confusion matrices count categories, and the gallery filters by categories. A multilabel target has no categories.
Letters: S scored rows, B categories.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from comp.competition import scoring
from comp.competition.competition import Competition
from comp.pages.report.report_data import ReportData, Source

RANGES = 10  # a number has at most this many ranges; each range has about the same number of rows
NONE = -1  # the answer in a row that is not predicted


@dataclass(frozen=True)
class Categories:
    """The categories of the target or of one attribute, and the true category of each row.

    title: what the categories are, such as "class". names (B,): the names of the B categories. truth (S,) int: the true
    category of each of S scored rows, as a position in `names`. edges (B - 1,): the limits between the ranges of a
    number, or None if the categories are not ranges.
    """

    title: str
    names: Sequence[str]
    truth: np.ndarray
    edges: np.ndarray | None = None

    def answers(self, competition: Competition, source: Source) -> np.ndarray:
        """Return the category (S,) int that a run or the blend predicts for each of the S scored rows.

        source: the run or the blend. A row without a prediction gets NONE, which is -1.
        """
        known, categories = source.known, np.full(len(self.truth), NONE)
        answers = scoring.answers(competition, source.probs[known])
        categories[known] = answers if self.edges is None else np.searchsorted(self.edges, answers, side="right")
        return categories


def of_target(data: ReportData) -> Categories | None:
    """Return the categories of the target: its classes or, for a regression, ranges of the number.

    Return None for a multilabel target.
    """
    if data.competition.target == "multilabel":
        return None
    if data.competition.target == "regression":
        return _ranges(data.rows.labels)
    return Categories("class", data.competition.classes, data.rows.labels)


def of_attributes(data: ReportData) -> dict[str, Categories]:
    """Return the values of each attribute of the classes as Categories, by the name of the attribute.

    The result is {} if the classes have no attributes.
    """
    if not data.competition.sums_to_one:
        return {}
    return {
        name: Categories(name, attribute.values, np.array(attribute.of_class)[data.rows.labels])
        for name, attribute in data.competition.attributes.items()
    }


def attribute_values(of_class: Sequence[int], answers: np.ndarray) -> np.ndarray:
    """Return the attribute value (S,) int that belongs to the predicted class of each of S rows.

    of_class: the attribute value of each class. answers (S,): the predicted classes. NONE (no prediction) stays NONE.
    """
    return np.where(answers == NONE, NONE, np.array(of_class)[answers])


def _ranges(labels: np.ndarray) -> Categories:
    """Return ranges of a number as categories. The limits between them are quantiles of the labels.

    The limits are rounded to three significant digits, unless two limits would become equal.
    """
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
