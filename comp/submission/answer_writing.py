"""Write answers as the text fields of a submission. answers.py describes the forms and their arrays."""

from collections.abc import Callable

import numpy as np

from comp.competition.competition import Competition
from comp.metrics.metrics import FLOOR
from comp.submission.answers import form, separator

DECIMALS = 8  # for probabilities that must sum to 1 in each row; FLOOR needs 7
DIGITS = 12  # largest number of decimals for others: the shortest text that gives the same float32


def to_text(competition: Competition, answers: np.ndarray) -> dict[str, list[str]]:
    """Column name to text fields (N,), for each column of the sample to fill."""
    answer, names = form(competition), competition.sample.columns
    if answer != "probabilities":
        return {names[0]: _WRITE[answer](competition, answers)}
    if competition.sums_to_one and len(names) == competition.size:
        texts = rows_that_sum_to_one(answers, _floor(competition))
        return {name: [row[i] for row in texts] for i, name in enumerate(names)}
    return {name: _probabilities(competition, answers[:, i]) for i, name in enumerate(names)}


def _indices(competition: Competition, answers: np.ndarray) -> list[str]:
    return [str(c) for c in answers.tolist()]


def _names(competition: Competition, answers: np.ndarray) -> list[str]:
    return [competition.classes[c] for c in answers.tolist()]


def _probabilities(competition: Competition, answers: np.ndarray) -> list[str]:
    floor = _floor(competition)
    return _decimals(np.clip(answers, floor, 1 - floor))


def _label_sets(competition: Competition, answers: np.ndarray) -> list[str]:
    between, names = separator(competition), np.array(competition.classes, dtype=object)
    return [between.join(names[row]) for row in np.asarray(answers, bool)]


def _rankings(competition: Competition, answers: np.ndarray) -> list[str]:
    return [" ".join(competition.classes[c] for c in row if c >= 0) for row in answers.tolist()]


def _numbers(competition: Competition, answers: np.ndarray) -> list[str]:
    return _decimals(answers)


_WRITE: dict[str, Callable[[Competition, np.ndarray], list[str]]] = {
    "index": _indices,
    "label": _names,
    "probability": _probabilities,
    "labels": _label_sets,
    "ranking": _rankings,
    "number": _numbers,
}


def _floor(competition: Competition) -> float:
    """The smallest probability to write. Our log_loss raises smaller ones to FLOOR; a leaderboard may not."""
    return FLOOR if competition.metric.name == "log_loss" else 0.0


def _decimals(values: np.ndarray) -> list[str]:
    """Decimal numbers without an exponent."""
    values = np.asarray(values, np.float32)
    return [np.format_float_positional(value, precision=DIGITS, trim="0") for value in values]


def rows_that_sum_to_one(probs: np.ndarray, floor: float = 0.0) -> list[list[str]]:
    """Probabilities (N, C) as texts (N, C) that sum to exactly 1 in each row.

    All are rounded, then the largest one of each row is adjusted. With many classes there are more decimals, so that
    the largest one stays positive.
    """
    decimals = max(DECIMALS, int(np.ceil(2 * np.log10(probs.shape[1]))))
    one = 10**decimals
    probs = np.maximum(np.asarray(probs, np.float64), floor)
    units = np.rint(probs / probs.sum(1, keepdims=True) * one).astype(np.int64)
    units[np.arange(len(units)), units.argmax(1)] += one - units.sum(1)
    return [[f"{unit // one}.{unit % one:0{decimals}d}" for unit in row] for row in units.tolist()]
