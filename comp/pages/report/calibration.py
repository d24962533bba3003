"""Whether probabilities are as often right as they say. Letters: S rows, P probabilities."""

from dataclasses import dataclass

import numpy as np

from comp.competition import scoring
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
