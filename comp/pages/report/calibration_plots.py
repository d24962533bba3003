"""The section of the report about calibration, which shows whether probabilities are too high or too low.

For example, 80 % of the predictions with a probability of 0.8 should be right. Letters in the shapes: P predictions.
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
    """How often predictions are right, by their probability. There are BINS bins of equal width from 0 to 1.

    confidence (BINS,): the mean probability of the predictions in each bin. right (BINS,): the share of these
    predictions that are right. count (BINS,): the number of these predictions. An empty bin has nan for confidence and
    right.
    """

    confidence: np.ndarray
    right: np.ndarray
    count: np.ndarray

    @property
    def error(self) -> float:
        """Return the expected calibration error (Guo et al. 2017).

        This is the mean of |confidence - right| over the bins, where each bin is weighted by its number of predictions.
        """
        gaps = np.abs(self.confidence - self.right)[self.count > 0]
        return float(np.average(gaps, weights=self.count[self.count > 0])) if len(gaps) else float("nan")


def section(data: ReportData) -> Section | None:
    """Return the section about the calibration of the blend and of each run.

    It has a reliability diagram and a table of the expected calibration errors. Return None for a regression, or if
    there are no predictions.
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
    """Sort P predictions into bins by their probability, and return how often the predictions in each bin are right.

    confidence (P,): the probability of each prediction, from 0 to 1. right (P,) bool: whether each prediction is right.
    """
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    count = np.bincount(bins, minlength=BINS)
    sums = [np.bincount(bins, values, minlength=BINS) for values in (confidence, right)]
    means = [np.divide(total, count, out=np.full(BINS, np.nan), where=count > 0) for total in sums]
    return Reliability(*means, count)


def reliability_of(data: ReportData, source: Source) -> Reliability:
    """Return how often the predictions of a run or of the blend are right, depending on their probability.

    If a row has one of several classes, its prediction is the predicted class, with the probability of this class. For
    a binary target, the prediction is always the second class, even if its probability is low. For a multilabel target,
    each label of each row is a prediction of its own. source: the run or the blend. The target must not be a
    regression.
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
    """Return the mean of the probabilities of all complete runs, with equal weights, as a list of one Source.

    The list is empty if fewer than two runs are complete.
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
