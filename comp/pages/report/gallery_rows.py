"""The rows of the gallery as plain values: truth, answers of each source, how wrong they are.

Letters: S scored rows, C classes.

| target         | truth and answers of a row   | confidence, in thousandths                                |
|----------------|------------------------------|-----------------------------------------------------------|
| one label      | a class                      | the probability of the answer                             |
| several labels | a list of labels             | how far the probability that is furthest off is from 0, 1 |
| number         | a range, and beside it the   | none                                                      |
|                | numbers themselves           |                                                           |
"""

from dataclasses import dataclass

import numpy as np

from comp.competition import scoring
from comp.pages.report import categories
from comp.pages.report.report_data import ReportData, Source

MOST_OPINIONS = 12  # sources, the best ones: more make a card long
MOST_ANSWERS = 1_000_000  # of all sources together, 7 bytes each: of many rows fewer sources are shown


@dataclass(frozen=True)
class Opinion:
    """What one source says of each row: see the table above. Rows that are not predicted have NONE, or None."""

    name: str
    answers: list
    confidence: list[int]
    numbers: list[float | None] | None = None


def truths(data: ReportData) -> list:
    """The truth of each row: a category, or a list of labels."""
    target = categories.of_target(data)
    return _sets(data.rows.labels) if target is None else target.truth.tolist()


def opinions(data: ReportData) -> list[Opinion]:
    """What each source says, the main one first."""
    count = min(MOST_OPINIONS, max(2, MOST_ANSWERS // max(1, len(data.images))))
    return [_opinion(data, source) for source in data.sources[:count]]


def wrong(data: ReportData, source: Source) -> np.ndarray:
    """Which rows are answered wrong (S,) bool; for a number: in another range than the true one."""
    target, known = categories.of_target(data), source.known
    if target is not None:
        return known & (target.answers(data.competition, source) != target.truth)
    made = np.zeros(len(known), bool)
    made[known] = (scoring.answers(data.competition, source.probs[known]) != (data.rows.labels[known] > 0)).any(1)
    return made


def badness(data: ReportData, source: Source) -> np.ndarray:
    """Sorts the rows (S,), the worst highest: mistakes by confidence, then right answers, the least sure first.

    A number: the absolute error. Rows that are not predicted have -inf.
    """
    known = source.known
    made = np.full(len(known), -np.inf)
    if data.competition.target == "regression":
        made[known] = np.abs(source.probs[known, 0] - data.rows.labels[known])
        return made
    sure, bad = _confidence(data, source), wrong(data, source)
    several = data.competition.target == "multilabel"
    made[known] = np.where(bad[known], sure[known], (sure[known] if several else 1 - sure[known]) - 1)
    return made


def _opinion(data: ReportData, source: Source) -> Opinion:
    target, known = categories.of_target(data), source.known
    if target is None:
        sets = iter(_sets(scoring.answers(data.competition, source.probs[known])))
        return Opinion(source.name, [next(sets) if one else None for one in known], _thousandths(data, source))
    answers = target.answers(data.competition, source).tolist()
    if target.edges is None:
        return Opinion(source.name, answers, _thousandths(data, source))
    numbers = [float(f"{value:.5g}") if one else None for value, one in zip(source.probs[:, 0], known, strict=True)]
    return Opinion(source.name, answers, [], numbers)


def _thousandths(data: ReportData, source: Source) -> list[int]:
    return np.rint(1000 * np.nan_to_num(_confidence(data, source))).astype(int).tolist()


def _confidence(data: ReportData, source: Source) -> np.ndarray:
    """The confidence (S,) of the table above, nan where a row is not predicted."""
    target, known = categories.of_target(data), source.known
    made = np.full(len(known), np.nan)
    if target is None:
        made[known] = np.abs(source.probs[known] - data.rows.labels[known]).max(1)
    else:
        answers = target.answers(data.competition, source)[known]
        made[known] = source.probs[known][np.arange(len(answers)), answers]
    return made


def _sets(labels: np.ndarray) -> list[list[int]]:
    """The labels of each row, from (S, C) of 0 and 1."""
    return [np.flatnonzero(row).tolist() for row in labels]


def chosen(data: ReportData, source: Source, most: int) -> list[int]:
    """Up to `most` rows that get a thumbnail: half of them the worst of all, half the worst of each pair of truth and
    answer, so that each cell of a confusion matrix has photos."""
    order = np.argsort(-badness(data, source), kind="stable")
    order, target = order[source.known[order]], categories.of_target(data)
    if target is None:
        return order[:most].tolist()
    worst, rest = order[: most // 2], order[most // 2 :]
    pair = target.truth * len(target.names) + target.answers(data.competition, source)
    by_place = rest[np.argsort(_place_within(pair[rest]), kind="stable")]
    return [*worst.tolist(), *by_place[: most - len(worst)].tolist()]


def _place_within(values: np.ndarray) -> np.ndarray:
    """How many equal values stand before each (S,)."""
    import pandas as pd

    return pd.Series(values).groupby(values).cumcount().to_numpy()
