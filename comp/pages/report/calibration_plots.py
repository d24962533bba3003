"""Calibration: whether probabilities are as often right as they say. A section of the report.

Letters: S rows, P probabilities.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from comp.competition import scoring
from comp.pages import figures
from comp.pages.figures import Table
from comp.pages.page import Section
from comp.pages.report.report_data import ReportData, Source

BINS = 10
MOST_CURVES = 6  # sources in the figure, apart from the mean of the runs
MEAN = "mean of the runs"
MEANING = {
    "one": "Confidence is the probability of the answer.",
    "binary": "Confidence is the probability of the second class.",
    "multilabel": "Confidence is the probability of a label, over all labels.",
}
DOTTED_LINE = " On the dotted line probabilities are right as often as they say."
OF_BLEND = (
    " The blend's probabilities include its decision rule, which moves them on purpose so that its answers score best: "
    "compare them with the mean of the runs, which is before weights and rule."
)


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


def section(data: ReportData) -> Section | None:
    """A reliability diagram, and the expected calibration error of each source. None for a regression."""
    if data.competition.target == "regression" or not data.main:
        return None
    by_source = {source.name: reliability_of(data, source) for source in [*data.sources, *_mean(data)]}
    drawn = [*list(by_source)[:MOST_CURVES], *(MEAN for name in by_source if name == MEAN)]
    return Section(
        "calibration",
        "Calibration",
        [MEANING.get(data.competition.target, MEANING["one"]) + DOTTED_LINE + (OF_BLEND if data.blend else "")],
        figures=[_diagram({name: by_source[name] for name in drawn})],
        tables=[_errors(by_source), _bins(data.main.name, by_source[data.main.name])],
    )


def reliability(confidence: np.ndarray, right: np.ndarray) -> Reliability:
    """Bins of equal width. confidence (P,) in 0 … 1; right (P,) bool."""
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    count = np.bincount(bins, minlength=BINS)
    sums = [np.bincount(bins, values, minlength=BINS) for values in (confidence, right)]
    means = [np.divide(total, count, out=np.full(BINS, np.nan), where=count > 0) for total in sums]
    return Reliability(*means, count)


def reliability_of(data: ReportData, source: Source) -> Reliability:
    """The reliability of a source's predicted rows; not for a regression.

    One label: the probability of the answer, and whether it is right. Two classes: the probability of the second class,
    and whether it is true. Several labels: the probability of every label, and whether the row has it.
    """
    known = source.known
    labels, probs = data.rows.labels[known], source.probs[known].astype(np.float64)
    if data.competition.target == "multilabel":
        return reliability(probs.ravel(), labels.ravel() > 0)
    if data.competition.target == "binary":
        return reliability(probs[:, 1], labels == 1)
    answers = scoring.answers(data.competition, probs)
    return reliability(probs[np.arange(len(probs)), answers], answers == labels)


def _mean(data: ReportData) -> list[Source]:
    """The equal mean of the complete runs: the probabilities before the blend's weights and rule."""
    probs = [source.probs for source in data.runs if source.is_complete]
    return [Source(MEAN, np.mean(probs, axis=0, dtype=np.float64).astype(np.float32))] if len(probs) > 1 else []


def _diagram(by_source: Mapping[str, Reliability]) -> figures.Figure:
    series = {name: (bins.confidence[bins.count > 0], bins.right[bins.count > 0]) for name, bins in by_source.items()}
    return figures.lines("Reliability", "confidence", "share right", series, diagonal=True)


def _errors(by_source: Mapping[str, Reliability]) -> Table:
    rows = [[name, bins.error] for name, bins in by_source.items()]
    return Table(["", "expected calibration error"], rows, "expected calibration error, lower is better")


def _bins(name: str, bins: Reliability) -> Table:
    rows = [
        [f"{i / BINS:g} to {(i + 1) / BINS:g}", int(count), confidence, right]
        for i, (confidence, right, count) in enumerate(zip(bins.confidence, bins.right, bins.count, strict=True))
        if count
    ]
    return Table(["bin", "count", "mean confidence", "share right"], rows, f"bins of {name}")
