"""Decision rules for one class per row and a metric of counts: which class to answer, given probabilities.

Rule: argmax_c (log p_c + b_c), with offsets b that handicap a frequent class and favour a rare one. From few parameters
to many: argmax (b = 0), prior (b_c = -t log prior_c), attributes (an offset for each value of an attribute), classes
(an offset for each class). All are fitted by the exact search of linesearch.py and shrunk toward 0.

Ties: equal scores go to the class with more rows among the labels, then to the lower one (`tie_breaks`).
"""

import numpy as np

from comp.competition.competition import Competition
from comp.decisions import shrink
from comp.decisions.ascent import Ascent
from comp.decisions.open_rows import OpenRows
from comp.metrics.metric import Metric
from comp.metrics.metrics import FLOOR

RULES = ("argmax", "prior", "attributes", "classes")
LARGEST = np.log(3.0)  # of one parameter: a class, or an attribute's value, is favoured at most threefold
PASSES = 3
MOST_CLASSES = 200  # an offset for each of more classes takes too long, and few of them would be worth their noise


def rules(competition: Competition) -> tuple[str, ...]:
    """The rules that fit, from the simplest to the least simple."""
    if competition.metric.terms is None:
        return ("argmax",)
    without = set() if competition.attributes else {"attributes"}
    without |= set() if competition.size <= MOST_CLASSES else {"classes"}
    return tuple(rule for rule in RULES if rule not in without)


def decide(probs: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Answers (N,) of probs (N, C) under offsets (C,)."""
    return (np.log(np.maximum(probs, FLOOR)) + offsets).argmax(1)


def adjusted(probs: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Probabilities (N, C) float32 whose argmax is `decide`: p_c exp(b_c), rows scaled to sum 1."""
    scaled = np.maximum(probs, FLOOR) * np.exp(offsets)
    return (scaled / scaled.sum(1, keepdims=True)).astype(np.float32)


def tie_breaks(labels: np.ndarray, classes: int) -> np.ndarray:
    """Offsets (C,) of the size of float32's rounding: a tie goes to the class with more rows, then to the lower one."""
    counts = np.bincount(labels, minlength=classes)
    return -1e-6 * np.argsort(np.argsort(-counts, kind="stable"), kind="stable")


def fit(
    rule: str, probs: np.ndarray, labels: np.ndarray, groups: np.ndarray, competition: Competition
) -> np.ndarray:
    """Offsets (C,) of a rule for blended probs (N, C). groups (N,): rows of one stay together in subsamples."""
    directions = _directions(rule, labels, competition)
    ties = tie_breaks(labels, probs.shape[1])
    if len(directions) == 0:
        return ties
    logs = np.log(np.maximum(probs, FLOOR)).astype(np.float32)
    reach = 2 * LARGEST * np.abs(directions).sum(0).max()  # no offsets lift a class further than that past another
    open_rows = OpenRows.of(logs[None], labels, logs >= logs.max(1, keepdims=True) - reach)
    found = shrink.on_subsamples(lambda rows: _climb(open_rows.take(rows), competition.metric, directions), groups)
    return shrunk(found @ directions) + ties


def shrunk(found: np.ndarray) -> np.ndarray:
    """The mean (C,) of offsets found on subsamples (B, C), shrunk toward 0.

    They are centred first: adding the same number to all classes changes no decision.
    """
    return shrink.toward_zero(found - found.mean(1, keepdims=True))


def _directions(rule: str, labels: np.ndarray, competition: Competition) -> np.ndarray:
    """(P, C): what one unit of each parameter adds to the offsets."""
    classes = competition.size
    if rule == "prior":
        share = (np.bincount(labels, minlength=classes) + 1) / (len(labels) + classes)
        direction = -np.log(share)
        largest = np.abs(direction - direction.mean()).max()
        return ((direction - direction.mean()) / max(largest, 1e-12))[None]
    if rule == "attributes":
        attributes = competition.attribute_values.values()
        return np.array([values == v for values in attributes for v in np.unique(values)], float)
    return np.eye(classes) if rule == "classes" else np.zeros((0, classes))


def _climb(open_rows: OpenRows, metric: Metric, directions: np.ndarray) -> np.ndarray:
    """Parameters (P,) of which no single one can be changed for the better."""
    found, ascent = np.zeros(len(directions)), Ascent(open_rows.rows, metric, open_rows.values[0])

    def one_pass():
        for i, direction in enumerate(directions):
            slope = direction.astype(np.float32)[open_rows.classes]
            step = ascent.along(slope, -LARGEST - found[i], LARGEST - found[i])
            if step is not None:
                found[i] += step

    ascent.repeat(one_pass, PASSES)
    return found
