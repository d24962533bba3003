"""Precision, recall and F1 of each class or label; precision-recall curves for two classes and for several labels."""

import numpy as np

from comp.pages import figures
from comp.pages.report import class_scores
from comp.pages.report.class_scores import ClassScores
from comp.pages.report.report_data import ReportData
from comp.pages.report.section import Section

CURVES = 6  # labels whose curves are drawn: those with the lowest F1
POINTS = 60  # points of a curve


def section(data: ReportData) -> Section | None:
    """A row for each class, the worst first; None for a regression."""
    if data.competition.target == "regression" or not data.main:
        return None
    found = class_scores.of_source(data, data.main)
    order = np.argsort(np.nan_to_num(found.f1, nan=2), kind="stable")
    several = data.competition.target == "multilabel"
    values = {
        "rows": [_row(data, found, label, several) for label in order.tolist()],
        "several": several,
        "source": data.main.name,
        "figures": _curves(data, order),
    }
    return Section("classes", "Labels" if several else "Classes", "report/classes.html.j2", values)


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
