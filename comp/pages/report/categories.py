"""Categories of true and predicted labels, for the confusion matrices and for the filters of the gallery of photos.

The categories are the classes, the values of an attribute (a property of the classes, such as a colour), or ranges of
the values of a regression target. A multilabel target has no categories. Letters in the shapes: S rows, B categories. A
row is a photo or, if several photos share one id and get one prediction, that id.
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
    """The B categories of the target or of an attribute (a property of the classes), and the true category of each row.

    title: what the categories are, such as "class" or the name of the attribute. names (B,): the names of the
    categories. truth (S,) int: for each of S rows, the position of its true category in `names`. edges (B - 1,): the
    limits between the ranges of a regression target, or None if the categories are not ranges.
    """

    title: str
    names: Sequence[str]
    truth: np.ndarray
    edges: np.ndarray | None = None

    def answers(self, competition: Competition, source: Source) -> np.ndarray:
        """Return for each of S rows the position of its predicted category in `names`, as int (S,).

        source: the run or the blend whose predictions are used. A row without a prediction gets NONE, which is -1. Use
        this method only for the categories of the target, not for those of an attribute.
        """
        known, categories = source.known, np.full(len(self.truth), NONE)
        answers = scoring.answers(competition, source.probs[known])
        categories[known] = answers if self.edges is None else np.searchsorted(self.edges, answers, side="right")
        return categories


def of_target(data: ReportData) -> Categories | None:
    """Return the categories of the target. These are its classes or, for a regression, ranges of its values.

    Return None for a multilabel target.
    """
    if data.competition.target == "multilabel":
        return None
    if data.competition.target == "regression":
        return _ranges(data.rows.labels)
    return Categories("class", data.competition.classes, data.rows.labels)


def of_attributes(data: ReportData) -> dict[str, Categories]:
    """Return the Categories of each attribute (a property of the classes, such as a colour), by the attribute's name.

    The dictionary is empty if the classes have no attributes.
    """
    if not data.competition.sums_to_one:
        return {}
    return {
        name: Categories(name, attribute.values, np.array(attribute.of_class)[data.rows.labels])
        for name, attribute in data.competition.attributes.items()
    }


def attribute_values(of_class: Sequence[int], answers: np.ndarray) -> np.ndarray:
    """Return for each of S rows the value of an attribute (such as a colour) that its predicted class has, as int (S,).

    of_class: for each class, the number of its value. answers (S,): the predicted class of each row, or NONE (-1) for a
    row without a prediction, for which the result is NONE, too.
    """
    return np.where(answers == NONE, NONE, np.array(of_class)[answers])


def _ranges(labels: np.ndarray) -> Categories:
    """Divide the labels of a regression into ranges of about equally many rows, and return the ranges as Categories.

    The limits between the ranges are rounded to three significant digits, unless two limits would become equal.
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
