"""The section of the report on calibration, which shows whether probabilities are as often right as they should be.

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
MOST_CURVES = 6  # the figure shows the blend and runs, at most this many together, and the mean of the runs
MEAN = "mean of the runs"
MEANING = {
    "one": "The confidence is the probability of the answer.",
    "binary": "The confidence is the probability of the second class.",
    "multilabel": "The confidence is the probability of a label. All labels are counted together.",
}
DOTTED_LINE = " On the dotted line the share of right answers is equal to the confidence."
OF_BLEND = (
    " The decision rule of the blend changes the probabilities on purpose, so that the answers score best. Compare the "
    "blend with the mean of the runs, which has no weights and no rule."
)


@dataclass(frozen=True)
class Reliability:
    """How often probabilities are right, in BINS bins of equal width from 0 to 1.

    A probability is right if its class is the true class. confidence (BINS,): the mean of the probabilities in each
    bin. right (BINS,): the share of these probabilities that are right. count (BINS,): the number of probabilities in
    each bin. An empty bin has nan for confidence and right.
    """

    confidence: np.ndarray
    right: np.ndarray
    count: np.ndarray

    @property
    def error(self) -> float:
        """Return the expected calibration error (Guo et al. 2017).

        It is the mean of |confidence - right| over the bins, weighted by count.
        """
        gaps = np.abs(self.confidence - self.right)[self.count > 0]
        return float(np.average(gaps, weights=self.count[self.count > 0])) if len(gaps) else float("nan")


def section(data: ReportData) -> Section | None:
    """Return the section on the calibration of the blend and of each run.

    The section has a reliability diagram and the expected calibration errors. Return None if there are no predictions,
    or if the target is a regression.
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
    """Sort probabilities into bins, and return how often the probabilities in each bin are right.

    confidence (P,): probabilities in 0 … 1. right (P,) bool: for each probability, whether its class is the true class.
    """
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    count = np.bincount(bins, minlength=BINS)
    sums = [np.bincount(bins, values, minlength=BINS) for values in (confidence, right)]
    means = [np.divide(total, count, out=np.full(BINS, np.nan), where=count > 0) for total in sums]
    return Reliability(*means, count)


def reliability_of(data: ReportData, source: Source) -> Reliability:
    """Return the reliability of the predictions of a run or of the blend. The target must not be a regression.

    If each row has one of several classes, the confidence is the probability of the answer, which is right if the
    answer is the true class. For a binary target, it is the probability of the second class, which is right if the
    second class is true. For a multilabel target, it is the probability of each label, which is right if the row has
    the label.
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
    """Return a list with one Source, which has the mean of the probabilities of the complete runs.

    All runs have equal weight. The list is empty if fewer than two runs are complete.
    """
    probs = [source.probs for source in data.runs if source.is_complete]
    return [Source(MEAN, np.mean(probs, axis=0, dtype=np.float64).astype(np.float32))] if len(probs) > 1 else []


def _diagram(by_source: Mapping[str, Reliability]) -> figures.Figure:
    series = {name: (bins.confidence[bins.count > 0], bins.right[bins.count > 0]) for name, bins in by_source.items()}
    return figures.lines("Reliability", "confidence", "share that is right", series, diagonal=True)


def _errors(by_source: Mapping[str, Reliability]) -> Table:
    rows = [[name, bins.error] for name, bins in by_source.items()]
    return Table(["", "expected calibration error"], rows, "expected calibration error, lower is better")


def _bins(name: str, bins: Reliability) -> Table:
    rows = [
        [f"{i / BINS:g} to {(i + 1) / BINS:g}", int(count), confidence, right]
        for i, (confidence, right, count) in enumerate(zip(bins.confidence, bins.right, bins.count, strict=True))
        if count
    ]
    return Table(["bin", "count", "mean confidence", "share that is right"], rows, f"bins of {name}")
