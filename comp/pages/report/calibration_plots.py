"""The section of the report on calibration, which compares probabilities with the share of right answers.

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
MOST_CURVES = 6  # most sources in the figure, apart from the mean of the runs
MEAN = "mean of the runs"
MEANING = {
    "one": "Confidence is the probability of the answer.",
    "binary": "Confidence is the probability of the second class.",
    "multilabel": "Confidence is the probability of a label, over all labels.",
}
DOTTED_LINE = " On the dotted line the share of right answers is equal to the confidence."
OF_BLEND = (
    " The decision rule of the blend changes the probabilities on purpose, so that the answers score best. Compare the "
    "blend with the mean of the runs, which has no weights and no rule."
)


@dataclass(frozen=True)
class Reliability:
    """The calibration in bins of confidence.

    confidence (BINS,): the mean confidence of each bin. right (BINS,): the share of probabilities in each bin that are
    right. count (BINS,): the number of probabilities in each bin. An empty bin has nan for confidence and right.
    """

    confidence: np.ndarray
    right: np.ndarray
    count: np.ndarray

    @property
    def error(self) -> float:
        """The expected calibration error: the mean of |confidence - right|, weighted by count (Guo et al. 2017)."""
        gaps = np.abs(self.confidence - self.right)[self.count > 0]
        return float(np.average(gaps, weights=self.count[self.count > 0])) if len(gaps) else float("nan")


def section(data: ReportData) -> Section | None:
    """The section with a reliability diagram and the expected calibration error of each source.

    Returns None if there are no predictions, or for a regression.
    """
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
    """The reliability in bins of equal width. confidence (P,): in 0 … 1. right (P,) bool: whether each is right."""
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    count = np.bincount(bins, minlength=BINS)
    sums = [np.bincount(bins, values, minlength=BINS) for values in (confidence, right)]
    means = [np.divide(total, count, out=np.full(BINS, np.nan), where=count > 0) for total in sums]
    return Reliability(*means, count)


def reliability_of(data: ReportData, source: Source) -> Reliability:
    """The reliability of the predicted rows of a source. The target must not be a regression.

    With one class for each row, the confidence is the probability of the answer, which may be right. With two classes,
    it is the probability of the second class, which is right if this class is true. With several labels, it is the
    probability of each label, which is right if the row has the label.
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
    """A source with the equal mean of the complete runs, in a list; an empty list if fewer than two are complete."""
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
