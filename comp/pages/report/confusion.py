"""Confusion matrices as counts. Letters: S rows, B categories."""

from dataclasses import dataclass

import numpy as np

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
