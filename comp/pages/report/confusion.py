"""Two sections of the report: the confusion matrices and, for a regression, the errors.

A confusion matrix counts how often each category is predicted for each true category. Categories are the classes, the
values of an attribute (a property of the classes, such as a colour), or ranges of the values of a regression target. On
the page, a click on a cell of a matrix shows the photos of this cell in the gallery. Letters in the shapes: S rows, B
categories.
"""

from dataclasses import dataclass

import numpy as np

from comp.pages import figures
from comp.pages.figures import Table
from comp.pages.page import Section
from comp.pages.report import categories
from comp.pages.report.categories import NONE, Categories
from comp.pages.report.report_data import ReportData, Source

LARGEST = 30  # if there are more categories, the most frequent mistakes are listed instead of a matrix
MOST_PAIRS = 60  # this list has at most this many entries
MOST_POINTS = 2000  # the scatter plot has about this many points at most, because more points make the page large
ERROR_BINS = 30


@dataclass(frozen=True)
class Confusion:
    """A confusion matrix of B categories.

    kind: "class" for classes and for ranges of a regression target; for the values of an attribute (a property of the
    classes), the number of the attribute as a text. counts (B, B): the number of rows with each true category (first
    axis) and each predicted category (second axis).
    """

    kind: str
    categories: Categories
    counts: np.ndarray

    @property
    def is_small(self) -> bool:
        return len(self.counts) <= LARGEST

    def pairs(self) -> list[tuple[int, int, int]]:
        """Return at most MOST_PAIRS kinds of mistakes, the most frequent first.

        Each is a tuple of three numbers: the true category, the category that was predicted instead, and the number of
        such rows.
        """
        wrong = self.counts * (1 - np.eye(len(self.counts), dtype=self.counts.dtype))
        order = np.argsort(-wrong, axis=None, kind="stable")[:MOST_PAIRS]
        pairs = [(*divmod(int(cell), len(wrong)), int(wrong.flat[cell])) for cell in order]
        return [(truth, answer, count) for truth, answer, count in pairs if count]


def confusions(data: ReportData, source: Source) -> list[Confusion]:
    """Return the confusion matrices of a run or of the blend. The list is empty for a multilabel target.

    The first matrix is about the classes or, for a regression, about ranges of the target. Then follows a matrix for
    each attribute (a property of the classes, such as a colour). source: the run or the blend.
    """
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
    """Return a confusion matrix (B, B): how many rows have each true category and each predicted category.

    target: the B categories, with the true category of each of S rows. answers (S,): the predicted category of each
    row, or -1 for a row without a prediction, which is not counted.
    """
    known, size = answers != NONE, len(target.names)
    return np.bincount(target.truth[known] * size + answers[known], minlength=size * size).reshape(size, size)


def section(data: ReportData) -> Section | None:
    """Return the section with the confusion matrices of the blend or, if there is no blend, of the best run.

    Return None for a multilabel target, or if there are no predictions.
    """
    if data.competition.target == "multilabel" or not data.main:
        return None
    matrices = [_shown(matrix) for matrix in confusions(data, data.main)]
    values = {"source": data.main.name, "matrices": matrices, "largest": LARGEST}
    return Section("confusion", "Confusion", template="confusion.html.j2", values=values)


def _shown(matrix: Confusion) -> dict:
    """Return a confusion matrix for the template confusion.html.j2, as a dictionary.

    A small matrix is shown with all its cells, and a large matrix as a list of its most frequent mistakes. A cell has a
    count and the strength of its colour. The strength is the square root of the share that the cell has of its row;
    without the square root, small shares would hardly be visible.
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
    """Return the section about the errors of a regression. Return None for other targets or without predictions.

    It has a scatter plot of the true and the predicted values, a histogram of the errors, and a table of the errors in
    each range of the true values.
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
