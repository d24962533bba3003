"""Two sections of the report on confusion: how often each category is answered for each true category.

Each confusion matrix of classes, attributes or ranges of a number is a table of buttons, which filter the gallery. A
regression also has a section with a scatter plot and the errors. Letters: S rows, B categories.
"""

from dataclasses import dataclass

import numpy as np

from comp.pages import figures
from comp.pages.figures import Table
from comp.pages.page import Section
from comp.pages.report import categories
from comp.pages.report.categories import NONE, Categories
from comp.pages.report.report_data import ReportData, Source

LARGEST = 30  # most categories of a matrix; if there are more, the pairs that are confused most often are listed
MOST_PAIRS = 60  # most pairs in this list
MOST_POINTS = 2000  # about the most points of the scatter plot: more points make the page large and show no more
ERROR_BINS = 30


@dataclass(frozen=True)
class Confusion:
    """A confusion matrix. counts (B, B): the number of rows by true category and answered category.

    kind: "class", or the number of the attribute as a text.
    """

    kind: str
    categories: Categories
    counts: np.ndarray

    @property
    def is_small(self) -> bool:
        return len(self.counts) <= LARGEST

    def pairs(self) -> list[tuple[int, int, int]]:
        """Triples of a true category, a wrong answer and the number of such rows, the most frequent first.

        There are at most MOST_PAIRS triples.
        """
        wrong = self.counts * (1 - np.eye(len(self.counts), dtype=self.counts.dtype))
        order = np.argsort(-wrong, axis=None, kind="stable")[:MOST_PAIRS]
        pairs = [(*divmod(int(cell), len(wrong)), int(wrong.flat[cell])) for cell in order]
        return [(truth, answer, count) for truth, answer, count in pairs if count]


def confusions(data: ReportData, source: Source) -> list[Confusion]:
    """The matrix of the classes or ranges, then a matrix for each attribute. The list is empty for several labels."""
    target = categories.of_target(data)
    if target is None:
        return []
    answers = target.answers(data.competition, source)
    matrices = [Confusion("class", target, _counts(target, answers))]
    for i, (name, attribute) in enumerate(categories.of_attributes(data).items()):
        values = categories.attribute_values(data.competition.attributes[name].of_class, answers)
        matrices.append(Confusion(str(i), attribute, _counts(attribute, values)))
    return matrices


def _counts(target: Categories, answers: np.ndarray) -> np.ndarray:
    """The counts (B, B) of rows by true category and by answer (S,). Rows that are not predicted do not count."""
    known, size = answers != NONE, len(target.names)
    return np.bincount(target.truth[known] * size + answers[known], minlength=size * size).reshape(size, size)


def section(data: ReportData) -> Section | None:
    """The section with the matrix of the classes or ranges, and a matrix for each attribute.

    Returns None for several labels, or without predictions.
    """
    if data.competition.target == "multilabel" or not data.main:
        return None
    matrices = [_shown(matrix) for matrix in confusions(data, data.main)]
    values = {"source": data.main.name, "matrices": matrices, "largest": LARGEST}
    return Section("confusion", "Confusion", template="confusion.html.j2", values=values)


def _shown(matrix: Confusion) -> dict:
    """The values of a matrix for the template: the cells of a small matrix, or the most frequent pairs of a large one.

    A cell is a pair of its count and of the strength of its colour. The strength is the root of the cell's share of the
    rows of the true category. The root keeps small shares visible.
    """
    totals = matrix.counts.sum(1)
    rows = [
        [(int(count), float(np.sqrt(count / total)) if total else 0.0) for count in counts]
        for counts, total in zip(matrix.counts, totals, strict=True)
    ]
    return {
        "kind": matrix.kind,
        "title": matrix.categories.title,
        "names": list(matrix.categories.names),
        "rows": rows if matrix.is_small else [],
        "totals": totals.tolist(),
        "pairs": matrix.pairs(),
        "is_small": matrix.is_small,
    }


def number_section(data: ReportData) -> Section | None:
    """The section with a scatter plot, a histogram of the errors and the errors by range of the truth.

    Returns None unless the target is a number and there are predictions.
    """
    if data.competition.target != "regression" or not data.main:
        return None
    known = data.main.known
    truth, answer = data.rows.labels[known], data.main.probs[known, 0].astype(np.float64)
    step = max(1, len(truth) // MOST_POINTS)
    table = _by_range(data, truth, answer, known)
    counts, edges = np.histogram(answer - truth, ERROR_BINS)
    plots = [
        figures.scatter("Truth against prediction", "truth", "prediction", truth[::step], answer[::step], table, True),
        figures.histogram("Errors: prediction minus truth", "error", edges.tolist(), {"rows": counts.tolist()}),
    ]
    notes = [f"Predictions of {data.main.name}."]
    return Section("numbers", "Truth against prediction", notes, figures=plots, tables=[table])


def _by_range(data: ReportData, truth: np.ndarray, answer: np.ndarray, known: np.ndarray) -> Table:
    target, rows = categories.of_target(data), []
    for place, name in enumerate(target.names):
        errors = (answer - truth)[target.truth[known] == place]
        if len(errors):
            rows.append([name, len(errors), float(errors.mean()), float(np.abs(errors).mean())])
    return Table(["truth", "rows", "mean error", "mean absolute error"], rows, "errors by range of the truth")
