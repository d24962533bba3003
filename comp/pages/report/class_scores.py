"""Precision, recall and F1 of each class or label. Letters: S rows, C classes."""

from dataclasses import dataclass

import numpy as np

from comp.competition import scoring
from comp.metrics import count_metrics
from comp.pages.report.report_data import ReportData, Source


@dataclass(frozen=True)
class ClassScores:
    """Arrays (C,): right, answered and rows are counts; precision is nan for a class that is never answered, recall
    for one without rows, F1 for one with neither."""

    right: np.ndarray
    answered: np.ndarray
    rows: np.ndarray

    @property
    def precision(self) -> np.ndarray:
        return _ratio(self.right, self.answered)

    @property
    def recall(self) -> np.ndarray:
        return _ratio(self.right, self.rows)

    @property
    def f1(self) -> np.ndarray:
        return _ratio(2 * self.right, self.answered + self.rows)


def of_source(data: ReportData, source: Source) -> ClassScores:
    """The scores of a source's plain decisions; not for a regression."""
    known = source.known
    answers = scoring.answers(data.competition, source.probs[known])
    return ClassScores(*count_metrics.counts(data.rows.labels[known], answers, data.competition.size))


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)
