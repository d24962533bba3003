"""Precision, recall and F1 of each class or label. Letters: S rows, C classes.

Precision, recall and F1 of each class or label; precision-recall curves for two classes and for several labels.
"""

from dataclasses import dataclass

import numpy as np

from comp.competition import scoring
from comp.metrics import formulas
from comp.pages import figures
from comp.pages.page import ReportSection
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
    return ClassScores(*formulas.counts(data.rows.labels[known], answers, data.competition.size))


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)


CURVES = 6  # labels whose curves are drawn: those with the lowest F1
POINTS = 60  # points of a curve


def section(data: ReportData) -> ReportSection | None:
    """A row for each class, the worst first; None for a regression."""
    if data.competition.target == "regression" or not data.main:
        return None
    found = of_source(data, data.main)
    order = np.argsort(np.nan_to_num(found.f1, nan=2), kind="stable")
    several = data.competition.target == "multilabel"
    values = {
        "rows": [_row(data, found, label, several) for label in order.tolist()],
        "several": several,
        "source": data.main.name,
        "figures": _curves(data, order),
    }
    return ReportSection("classes", "Labels" if several else "Classes", "report/classes.html.j2", values)


def _row(data: ReportData, found: ClassScores, label: int, several: bool) -> dict:
    """One class; for several labels also how many rows are right, missed and wrongly answered."""
    right, rows, answered = int(found.right[label]), int(found.rows[label]), int(found.answered[label])
    measures = [
        None if np.isnan(one[label]) else float(one[label]) for one in (found.precision, found.recall, found.f1)
    ]
    cells = [("right", right), ("missed", rows - right), ("extra", answered - right)] if several else []
    name = data.competition.classes[label]
    return {"label": label, "name": name, "rows": rows, "answered": answered, "measures": measures, "cells": cells}


def _curves(data: ReportData, order: np.ndarray) -> list[figures.Figure]:
    target, known = data.competition.target, data.main.known
    labels, probs = data.rows.labels[known], data.main.probs[known]
    if target == "multilabel":
        shown = [label for label in order.tolist() if labels[:, label].any()][:CURVES]
        curves = {data.competition.classes[label]: _curve(labels[:, label] > 0, probs[:, label]) for label in shown}
    elif target == "binary" and labels.any():
        curves = {data.competition.classes[1]: _curve(labels == 1, probs[:, 1])}
    else:
        curves = {}
    title = "Precision by recall" + (", labels with the lowest F1" if target == "multilabel" else "")
    return [figures.lines(title, "recall", "precision", curves)] if curves else []


def _curve(truth: np.ndarray, probs: np.ndarray) -> tuple[list[float], list[float]]:
    """Recall and precision of evenly spaced thresholds."""
    from sklearn.metrics import precision_recall_curve

    precision, recall, _ = precision_recall_curve(truth, probs)
    places = np.unique(np.linspace(0, len(recall) - 1, POINTS).astype(int))
    return recall[places].round(4).tolist(), precision[places].round(4).tolist()
