"""Truth against prediction of a regression."""

import numpy as np

from comp.pages import figures
from comp.pages.report import categories
from comp.pages.report.report_data import ReportData
from comp.pages.report.section import Section
from comp.pages.tables import Table

POINTS = 2000  # points of the scatter plot: more make the page large and show no more
BINS = 30


def section(data: ReportData) -> Section | None:
    """A scatter plot, a histogram of the errors, and the errors by range; None for other targets."""
    if data.competition.target != "regression" or not data.main:
        return None
    known = data.main.known
    truth, answer = data.rows.labels[known], data.main.probs[known, 0].astype(np.float64)
    step = max(1, len(truth) // POINTS)
    table = _by_range(data, truth, answer, known)
    counts, edges = np.histogram(answer - truth, BINS)
    made = [
        figures.scatter("Truth against prediction", "truth", "prediction", truth[::step], answer[::step], table, True),
        figures.histogram("Errors: prediction minus truth", "error", edges.tolist(), {"rows": counts.tolist()}),
    ]
    return Section("numbers", "Truth against prediction", "report/figures.html.j2",
                   {"figures": made, "tables": [table], "lead": f"Predictions of {data.main.name}."})  # fmt: skip


def _by_range(data: ReportData, truth, answer, known) -> Table:
    target, rows = categories.of_target(data), []
    for place, name in enumerate(target.names):
        errors = (answer - truth)[target.truth[known] == place]
        if len(errors):
            rows.append([name, len(errors), float(errors.mean()), float(np.abs(errors).mean())])
    return Table(["truth", "rows", "mean error", "mean absolute error"], rows, "errors by range of the truth")
