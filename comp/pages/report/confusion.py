"""Confusion matrices as counts. Letters: S rows, B categories.

Confusion matrices as tables of buttons, which filter the gallery.

Truth against prediction of a regression.
"""

from dataclasses import dataclass

import numpy as np

from comp.pages import figures
from comp.pages.figures import Table
from comp.pages.page import ReportSection
from comp.pages.report import categories
from comp.pages.report.categories import NONE, Categories
from comp.pages.report.report_data import ReportData, Source

LARGEST = 30  # categories in a matrix; of more, the pairs that are confused most often are listed
PAIRS = 60


@dataclass(frozen=True)
class Confusion:
    """counts (B, B): rows by true category and answer. kind: "class", or the position of the attribute as text."""

    kind: str
    categories: Categories
    counts: np.ndarray

    @property
    def is_small(self) -> bool:
        return len(self.counts) <= LARGEST

    def pairs(self) -> list[tuple[int, int, int]]:
        """True category, wrong answer and how often, the most frequent first."""
        wrong = self.counts * (1 - np.eye(len(self.counts), dtype=self.counts.dtype))
        order = np.argsort(-wrong, axis=None, kind="stable")[:PAIRS]
        found = [(*divmod(int(cell), len(wrong)), int(wrong.flat[cell])) for cell in order]
        return [pair for pair in found if pair[2]]


def counted(truth: np.ndarray, answers: np.ndarray, size: int) -> np.ndarray:
    """Counts (B, B) of truth (S,) and answers (S,), without rows that are not predicted."""
    known = answers != NONE
    return np.bincount(truth[known] * size + answers[known], minlength=size * size).reshape(size, size)


def of_source(data: ReportData, source: Source) -> list[Confusion]:
    """The matrix of the classes or ranges, then one for each attribute; none for several labels."""
    target = categories.of_target(data)
    if target is None:
        return []
    answers = target.answers(data.competition, source)
    made = [Confusion("class", target, counted(target.truth, answers, len(target.names)))]
    for i, (name, one) in enumerate(categories.of_attributes(data).items()):
        values = categories.of_classes(data.competition.attributes[name].of_class, answers)
        made.append(Confusion(str(i), one, counted(one.truth, values, len(one.names))))
    return made


def confusion_section(data: ReportData) -> ReportSection | None:
    """The matrix of the classes (or ranges of the number), and of each attribute; None for several labels."""
    if data.competition.target == "multilabel" or not data.main:
        return None
    made = of_source(data, data.main)
    values = {"source": data.main.name, "matrices": [_shown(one) for one in made], "largest": LARGEST}
    return ReportSection("confusion", "Confusion", "report/confusion.html.j2", values)


def _shown(one: Confusion) -> dict:
    """What the template draws: cells, or the most frequent pairs.

    A cell is its count and the strength of its colour: the root of its share of the true category, which keeps small
    shares visible.
    """
    names, totals = list(one.categories.names), one.counts.sum(1)
    rows = [
        [(int(count), float(np.sqrt(count / total)) if total else 0.0) for count in counts]
        for counts, total in zip(one.counts, totals, strict=True)
    ]
    return {
        "kind": one.kind,
        "title": one.categories.title,
        "names": names,
        "rows": rows if one.is_small else [],
        "totals": totals.tolist(),
        "pairs": one.pairs(),
        "is_small": one.is_small,
    }


POINTS = 2000  # points of the scatter plot: more make the page large and show no more
RANGES = 30


def number_section(data: ReportData) -> ReportSection | None:
    """A scatter plot, a histogram of the errors, and the errors by range; None for other targets."""
    if data.competition.target != "regression" or not data.main:
        return None
    known = data.main.known
    truth, answer = data.rows.labels[known], data.main.probs[known, 0].astype(np.float64)
    step = max(1, len(truth) // POINTS)
    table = _by_range(data, truth, answer, known)
    counts, edges = np.histogram(answer - truth, RANGES)
    made = [
        figures.scatter("Truth against prediction", "truth", "prediction", truth[::step], answer[::step], table, True),
        figures.histogram("Errors: prediction minus truth", "error", edges.tolist(), {"rows": counts.tolist()}),
    ]
    return ReportSection(
        "numbers",
        "Truth against prediction",
        "report/figures.html.j2",
        {"figures": made, "tables": [table], "lead": f"Predictions of {data.main.name}."},
    )


def _by_range(data: ReportData, truth, answer, known) -> Table:
    target, rows = categories.of_target(data), []
    for place, name in enumerate(target.names):
        errors = (answer - truth)[target.truth[known] == place]
        if len(errors):
            rows.append([name, len(errors), float(errors.mean()), float(np.abs(errors).mean())])
    return Table(["truth", "rows", "mean error", "mean absolute error"], rows, "errors by range of the truth")
