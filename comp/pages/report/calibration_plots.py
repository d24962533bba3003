"""Whether probabilities are as often right as they say. Letters: S rows, P probabilities.

Calibration: how often probabilities are right, against what they say; before and after the blend's decision rule.
"""

from dataclasses import dataclass

import numpy as np

from comp.competition import scoring
from comp.pages import figures
from comp.pages.figures import Table
from comp.pages.page import ReportSection
from comp.pages.report.report_data import ReportData, Source

BINS = 10


@dataclass(frozen=True)
class Reliability:
    """Of each bin of confidence: mean confidence, share that is right (nan if empty) and count, (BINS,) each."""

    confidence: np.ndarray
    right: np.ndarray
    count: np.ndarray

    @property
    def error(self) -> float:
        """Expected calibration error: mean |confidence - share right|, weighted by count (Guo et al. 2017)."""
        gaps = np.abs(self.confidence - self.right)[self.count > 0]
        return float(np.average(gaps, weights=self.count[self.count > 0])) if len(gaps) else float("nan")


def reliability(confidence: np.ndarray, right: np.ndarray) -> Reliability:
    """confidence (P,) in 0 … 1, in bins of equal width; right (P,) bool."""
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    count = np.bincount(bins, minlength=BINS)
    sums = [np.bincount(bins, values, minlength=BINS) for values in (confidence, right)]
    means = [np.divide(one, count, out=np.full(BINS, np.nan), where=count > 0) for one in sums]
    return Reliability(*means, count)


def of_source(data: ReportData, source: Source) -> Reliability:
    """One label: the probability of the answer, and whether it is right. Two classes: the probability of the second,
    and whether it is true. Several labels: every probability, and whether its label is there. Not for a regression."""
    known = source.known
    labels, probs = data.rows.labels[known], source.probs[known].astype(np.float64)
    if data.competition.target == "multilabel":
        return reliability(probs.ravel(), labels.ravel() > 0)
    if data.competition.target == "binary":
        return reliability(probs[:, 1], labels == 1)
    answers = scoring.answers(data.competition, probs)
    return reliability(probs[np.arange(len(probs)), answers], answers == labels)


CURVES = 6  # sources in the figure


def section(data: ReportData) -> ReportSection | None:
    """A reliability diagram, and the expected calibration error of each source; None for a regression."""
    if data.competition.target == "regression" or not data.main:
        return None
    found = {source.name: of_source(data, source) for source in [*data.sources, *_mean(data)]}
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
    return ReportSection("calibration", "Calibration", "report/calibration.html.j2", values)


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


def _bins(name: str, one: Reliability) -> Table:
    rows = [
        [f"{i / BINS:g} to {(i + 1) / BINS:g}", int(count), confidence, right]
        for i, (confidence, right, count) in enumerate(zip(one.confidence, one.right, one.count, strict=True))
        if count
    ]
    return Table(["bin", "count", "mean confidence", "share right"], rows, f"bins of {name}")
