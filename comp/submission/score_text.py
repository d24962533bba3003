"""A leaderboard score as the user types it."""

import math

from comp.errors import InputError
from comp.io.numbers_as_text import finite_number
from comp.metrics.metric import Metric
from comp.metrics.value_range import possible_values


def parsed(word: str, text: str, metric: Metric) -> float | None:
    """The score of `word`=`text`, such as SCORE=0.7377; None for an empty text.

    Raises InputError for a text that is not a finite number, and for a value that the metric cannot have.
    """
    if not text.strip():
        return None
    number = finite_number(text)
    low, high = possible_values(metric)
    if number is not None and low <= number <= high:
        return number
    meant = [value for value in (finite_number(text.replace(",", ".").rstrip("% ")), _share(text)) if value is not None]
    better = next((f"{word}={value:.10g}" for value in meant if low <= value <= high), f"{word}=<the score>")
    found = "is not a number" if number is None else f"is not a possible value of {metric.name}"
    raise InputError(f"{word}={text} {found}", f"the score as a number{_limits(low, high)}",
                     f"the same command with {better}")  # fmt: skip


def _share(text: str) -> float | None:
    """The value of a percentage: some leaderboards show 73.77 for 0.7377."""
    number = finite_number(text.replace(",", ".").rstrip("% "))
    return None if number is None else number / 100


def _limits(low: float, high: float) -> str:
    if math.isinf(low):
        return ""
    return f" of at least {low:g}" if math.isinf(high) else f" from {low:g} to {high:g}"
