"""The decision rule for macro F1: which class to answer, given probabilities. From few parameters to many.

Rule: argmax_c (log p_c + b_c), with offsets b that cost a frequent class something and favour a rare one:
argmax (b = 0), prior (b_c = -t log prior_c), attributes (an offset an attribute value), classes (one a class).
All are fitted by the exact search of comp/linesearch.py and shrunk toward 0 by what bags of persons disagree about.

Ties: equal scores go to the class with more rows among the labels, then to the lower one (`tie_breaks`).
"""

import numpy as np

from comp.blending.linesearch import best_step
from comp.blending.pool import Pool, half
from comp.competition.metrics import FLOOR

BAGS = 4
BAG_ROWS = 50_000  # at most: rare classes need more rows than weights do
SEED = 0
LARGEST = np.log(3.0)  # of one parameter: a class, or an attribute's value, is favoured at most threefold
RULES = ("argmax", "prior", "attributes", "classes")  # from the simplest to the least simple


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
    rule: str, probs: np.ndarray, labels: np.ndarray, groups: np.ndarray, metric: str, attributes: dict
) -> np.ndarray:
    """Offsets (C,) of a rule for blended probs (N, C).

    groups (N,): persons, kept together by the bags; attributes: name to the value of each class (C,).
    """
    directions = _directions(rule, labels, probs.shape[1], attributes)
    ties = tie_breaks(labels, probs.shape[1])
    if len(directions) == 0:
        return ties
    logs = np.log(np.maximum(probs, FLOOR)).astype(np.float32)
    reach = 2 * LARGEST * np.abs(directions).sum(0).max()  # no offsets lift a class further than that past another
    pool = Pool.of(logs[None], labels, logs >= logs.max(1, keepdims=True) - reach)
    rng = np.random.default_rng(SEED)
    found = [_climb(pool.take(half(groups, rng, BAG_ROWS)), metric, directions) for _ in range(BAGS)]
    return shrunk(np.array(found) @ directions) + ties


def shrunk(found: np.ndarray) -> np.ndarray:
    """The mean (C,) of offsets found on bags (B, C), each drawn to 0 by its variance over the bags.

    The positive-part James-Stein factor 1 - v / mean^2, with v of a single bag: what a half of the persons does not
    say clearly is not said. Offsets are centred first: what is added to all classes decides nothing.
    """
    found = found - found.mean(1, keepdims=True)
    mean, variance = found.mean(0), found.var(0)
    return mean * np.clip(1 - variance / np.maximum(mean**2, 1e-12), 0, 1)


def _directions(rule: str, labels: np.ndarray, classes: int, attributes: dict) -> np.ndarray:
    """(P, C): what one unit of each parameter adds to the offsets."""
    if rule == "prior":
        share = (np.bincount(labels, minlength=classes) + 1) / (len(labels) + classes)
        direction = -np.log(share)
        return ((direction - direction.mean()) / np.abs(direction - direction.mean()).max())[None]
    if rule == "attributes":
        return np.array([values == v for values in attributes.values() for v in np.unique(values)], float)
    return np.eye(classes) if rule == "classes" else np.zeros((0, classes))


def _climb(pool: Pool, metric: str, directions: np.ndarray, passes: int = 3) -> np.ndarray:
    """Parameters (P,) of which no single one can be changed for the better."""
    found, scores = np.zeros(len(directions)), pool.values[0]
    value = pool.rows.score(metric, scores)
    for _ in range(passes):
        before = value
        for i, direction in enumerate(directions):
            slope = direction.astype(np.float32)[pool.classes]
            step, reached = best_step(pool.rows, metric, scores, slope, -LARGEST - found[i], LARGEST - found[i])
            if reached > value + 1e-9:
                found[i], scores, value = found[i] + step, scores + np.float32(step) * slope, reached
        if value <= before:
            break
    return found
