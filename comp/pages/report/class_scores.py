"""The section of the report about the scores of each class or label: precision, recall and F1.

For a binary target and for a multilabel target, the section also has precision-recall curves. Letters in the shapes: S
rows, C classes.
"""

from dataclasses import dataclass

import numpy as np

from comp.competition import scoring
from comp.metrics import formulas
from comp.pages import figures
from comp.pages.page import Section
from comp.pages.report.report_data import ReportData, Source

MOST_CURVES = 6  # at most this many labels have a curve, those with the lowest F1
POINTS = 60  # a curve has at most this many points


@dataclass(frozen=True)
class ClassScores:
    """Counts of rows for each of C classes, from which precision, recall and F1 are computed.

    right (C,): the rows that have the class and for which it is predicted. answered (C,): all rows for which the class
    is predicted. rows (C,): all rows that have the class. Precision is nan for a class that is never predicted, recall
    for a class without rows, and F1 for a class that has no rows and is never predicted.
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
    """Return the section with precision, recall and F1 of each class, the class with the lowest F1 first.

    Return None for a regression, or if there are no predictions.
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
    """Count how often each class occurs, is predicted, and is predicted correctly.

    source: the run or the blend whose predictions are counted. Rows without a prediction are left out.
    `scoring.answers` decides what is predicted, which is usually the most probable class; a decision rule of the blend
    is not applied. The target must not be a regression.
    """
    known = source.known
    answers = scoring.answers(data.competition, source.probs[known])
    return ClassScores(*formulas.counts(data.rows.labels[known], answers, data.competition.size))


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)


def _row(data: ReportData, scores: ClassScores, label: int, several: bool) -> dict:
    """Return the table row of one class for the template classes.html.j2, as a dictionary.

    label: the number of the class. several: whether the target is multilabel. If it is, the entry "cells" has the
    numbers of true positives, false negatives and false positives; otherwise, this entry is an empty list.
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
    """Return a list with one figure of precision-recall curves, or [] if there are no curves to show.

    A multilabel target has curves of the labels with the lowest F1, and a binary target has a curve of the second
    class. Other targets have no curves. order (C,): the numbers of the C classes, the class with the lowest F1 first.
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
    """Return the recall and the precision of one class at different thresholds, as two lists of at most POINTS numbers.

    truth (S,) bool: whether each of S rows has the class. probs (S,): the probability of the class in each row.
    """
    from sklearn.metrics import precision_recall_curve

    precision, recall, _ = precision_recall_curve(truth, probs)
    places = np.unique(np.linspace(0, len(recall) - 1, POINTS).astype(int))
    return recall[places].round(4).tolist(), precision[places].round(4).tolist()
