"""The section of the report on class scores: precision, recall and F1 of each class or label.

For two classes and for several labels it also has precision-recall curves. Letters: S rows, C classes.
"""

from dataclasses import dataclass

import numpy as np

from comp.competition import scoring
from comp.metrics import formulas
from comp.pages import figures
from comp.pages.page import Section
from comp.pages.report.report_data import ReportData, Source

MOST_CURVES = 6  # most labels with a curve, which are those with the lowest F1
POINTS = 60  # most points of a curve


@dataclass(frozen=True)
class ClassScores:
    """The counts of each class.

    rows (C,): the rows that have the class. answered (C,): the rows whose answer is the class. right (C,): the rows
    that have the class and are answered with it. A class that is never answered has a precision of nan, a class without
    rows has a recall of nan, and a class without rows and answers has an F1 of nan.
    """

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


def section(data: ReportData) -> Section | None:
    """The section with a row for each class, the lowest F1 first.

    Returns None for a regression, or without predictions.
    """
    if data.competition.target == "regression" or not data.main:
        return None
    scores = class_scores(data, data.main)
    order = np.argsort(np.nan_to_num(scores.f1, nan=2), kind="stable")
    several = data.competition.target == "multilabel"
    values = {
        "rows": [_row(data, scores, label, several) for label in order.tolist()],
        "several": several,
        "source": data.main.name,
        "figures": _curves(data, order),
    }
    return Section("classes", "Labels" if several else "Classes", template="classes.html.j2", values=values)


def class_scores(data: ReportData, source: Source) -> ClassScores:
    """The class scores of the plain decision on the predicted rows of a source. The target must not be a regression."""
    known = source.known
    answers = scoring.answers(data.competition, source.probs[known])
    return ClassScores(*formulas.counts(data.rows.labels[known], answers, data.competition.size))


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)


def _row(data: ReportData, scores: ClassScores, label: int, several: bool) -> dict:
    """The values of one class for the template.

    For several labels, cells holds the number of rows that are right, that miss the label, and that wrongly have it.
    """
    right, rows, answered = int(scores.right[label]), int(scores.rows[label]), int(scores.answered[label])
    measures = [float(measure[label]) for measure in (scores.precision, scores.recall, scores.f1)]
    return {
        "label": label,
        "name": data.competition.classes[label],
        "rows": rows,
        "answered": answered,
        "measures": [None if np.isnan(value) else value for value in measures],
        "cells": [("right", right), ("missed", rows - right), ("extra", answered - right)] if several else [],
    }


def _curves(data: ReportData, order: np.ndarray) -> list[figures.Figure]:
    """The figure of precision by recall, for the labels with the lowest F1 or for the second of two classes.

    The list is empty for other targets. order (C,): the classes, the lowest F1 first.
    """
    target, known = data.competition.target, data.main.known
    labels, probs = data.rows.labels[known], data.main.probs[known]
    if target == "multilabel":
        shown = [label for label in order.tolist() if labels[:, label].any()][:MOST_CURVES]
        curves = {data.competition.classes[label]: _curve(labels[:, label] > 0, probs[:, label]) for label in shown}
    elif target == "binary" and labels.any():
        curves = {data.competition.classes[1]: _curve(labels == 1, probs[:, 1])}
    else:
        curves = {}
    title = "Precision by recall" + (", labels with the lowest F1" if target == "multilabel" else "")
    return [figures.lines(title, "recall", "precision", curves)] if curves else []


def _curve(truth: np.ndarray, probs: np.ndarray) -> tuple[list[float], list[float]]:
    """The recall and the precision at up to POINTS thresholds, which are spread evenly over all thresholds.

    truth (S,) bool, probs (S,): of one class.
    """
    from sklearn.metrics import precision_recall_curve

    precision, recall, _ = precision_recall_curve(truth, probs)
    places = np.unique(np.linspace(0, len(recall) - 1, POINTS).astype(int))
    return recall[places].round(4).tolist(), precision[places].round(4).tolist()
