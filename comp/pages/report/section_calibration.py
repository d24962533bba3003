"""Calibration: how often probabilities are right, against what they say; before and after the blend's decision rule."""

import numpy as np

from comp.pages import figures
from comp.pages.report import calibration
from comp.pages.report.report_data import ReportData, Source
from comp.pages.report.section import Section
from comp.pages.tables import Table

CURVES = 6  # sources in the figure


def section(data: ReportData) -> Section | None:
    """A reliability diagram, and the expected calibration error of each source; None for a regression."""
    if data.competition.target == "regression" or not data.main:
        return None
    found = {source.name: calibration.of_source(data, source) for source in [*data.sources, *_mean(data)]}
    drawn = {name: one for name, one in list(found.items())[:CURVES]} | {
        name: found[name] for name in found if name == MEAN
    }
    series = {name: (one.confidence[one.count > 0], one.right[one.count > 0]) for name, one in drawn.items()}
    values = {
        "figures": [figures.lines("Reliability", "confidence", "share right", series, diagonal=True)],
        "tables": [_errors(found), _bins(data.main.name, found[data.main.name])],
        "meaning": MEANING.get(data.competition.target, MEANING["one"]),
        "has_blend": data.blend is not None,
    }
    return Section("calibration", "Calibration", "report/calibration.html.j2", values)


MEAN = "mean of the runs"
MEANING = {
    "one": "Confidence is the probability of the answer.",
    "binary": "Confidence is the probability of the second class.",
    "multilabel": "Confidence is the probability of a label, over all labels.",
}


def _mean(data: ReportData) -> list[Source]:
    """The equal mean of the complete runs: the probabilities before the blend's weights and rule."""
    whole = [source.probs for source in data.runs if source.is_complete]
    return [Source(MEAN, np.mean(whole, axis=0, dtype=np.float64).astype(np.float32))] if len(whole) > 1 else []


def _errors(found) -> Table:
    rows = [[name, one.error] for name, one in found.items()]
    return Table(["", "expected calibration error"], rows, "expected calibration error, lower is better")


def _bins(name: str, one: calibration.Reliability) -> Table:
    rows = [
        [f"{i / calibration.BINS:g} to {(i + 1) / calibration.BINS:g}", int(count), confidence, right]
        for i, (confidence, right, count) in enumerate(zip(one.confidence, one.right, one.count, strict=True))
        if count
    ]
    return Table(["bin", "count", "mean confidence", "share right"], rows, f"bins of {name}")
