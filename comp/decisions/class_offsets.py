"""Decision rules for one class per row: which class to answer, given probabilities.

The answer is argmax_c (log p_c + b_c). The offsets b favour rare classes. The rules, from few parameters to many:
argmax (b = 0), prior (b_c = -t log prior_c), attributes (an offset for each value of an attribute), classes (an offset
for each class). All are fitted by the exact search in linesearch.py and shrunk toward 0.

Ties: equal scores go to the class with more rows among the labels, then to the lower one (`tie_breaks`).
"""

import numpy as np

from comp.competition.competition import Competition
from comp.decisions import line_search
from comp.decisions.line_search import Ascent, OpenRows
from comp.metrics.metric import Metric
from comp.metrics.named_metrics import FLOOR

RULES = ("argmax", "prior", "attributes", "classes")
LARGEST = np.log(3.0)  # largest parameter: a class, or a value of an attribute, is favoured at most threefold
PASSES = 3
MOST_CLASSES = 200  # with more classes, one offset for each takes too long and fits mostly noise


def rules(competition: Competition) -> tuple[str, ...]:
    """The rules for the competition, the simplest first."""
    if competition.metric.terms is None:
        return ("argmax",)
    without = set() if competition.attributes else {"attributes"}
    without |= set() if competition.size <= MOST_CLASSES else {"classes"}
    return tuple(rule for rule in RULES if rule not in without)


def decide(probs: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Answers (N,) for probs (N, C) with offsets (C,)."""
    return (np.log(np.maximum(probs, FLOOR)) + offsets).argmax(1)


def adjusted(probs: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Probabilities (N, C) float32 with the answers of `decide` as argmax: p_c exp(b_c), rows scaled to sum 1."""
    scaled = np.maximum(probs, FLOOR) * np.exp(offsets)
    return (scaled / scaled.sum(1, keepdims=True)).astype(np.float32)


def tie_breaks(labels: np.ndarray, classes: int) -> np.ndarray:
    """Tiny offsets (C,) for ties: they go to the class with more rows, then to the lower class."""
    counts = np.bincount(labels, minlength=classes)
    return -1e-6 * np.argsort(np.argsort(-counts, kind="stable"), kind="stable")


def fit(rule: str, probs: np.ndarray, labels: np.ndarray, groups: np.ndarray, competition: Competition) -> np.ndarray:
    """Offsets (C,) of a rule for blended probs (N, C). groups (N,): subsamples keep the rows of a group together."""
    directions = _directions(rule, labels, competition)
    ties = tie_breaks(labels, probs.shape[1])
    if len(directions) == 0:
        return ties
    logs = np.log(np.maximum(probs, FLOOR)).astype(np.float32)
    reach = 2 * LARGEST * np.abs(directions).sum(0).max()  # the largest difference between the offsets of two classes
    open_rows = OpenRows.of(logs[None], labels, logs >= logs.max(1, keepdims=True) - reach)
    found = line_search.on_subsamples(lambda rows: _climb(open_rows.take(rows), competition.metric, directions), groups)
    return shrunk(found @ directions) + ties


def shrunk(found: np.ndarray) -> np.ndarray:
    """The mean (C,) of offsets found on subsamples (B, C), shrunk toward 0.

    They are centred first, because adding the same number to all classes changes no decision.
    """
    return line_search.toward_zero(found - found.mean(1, keepdims=True))


def _directions(rule: str, labels: np.ndarray, competition: Competition) -> np.ndarray:
    """(P, C): what each parameter adds to the offsets per unit."""
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
    """Parameters (P,) that no change of a single one improves."""
    found, ascent = np.zeros(len(directions)), Ascent(open_rows.rows, metric, open_rows.values[0])

    def one_pass():
        for i, direction in enumerate(directions):
            slope = direction.astype(np.float32)[open_rows.classes]
            step = ascent.along(slope, -LARGEST - found[i], LARGEST - found[i])
            if step is not None:
                found[i] += step

    ascent.repeat(one_pass, PASSES)
    return found
