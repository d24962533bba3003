"""The rule `expected` for one class per row: calibrated probabilities, and the answers with the best expected value.

The answer is argmax_c (slope_c q_c + intercept_c), where q are the calibrated probabilities. Only the calibration is
fitted to labels, with a ridge; see calibration.py and expected_value.py. A factor for each class alone, as in
class_offsets.py, has a lower expected value: it cannot express that an answer of low probability adds nothing.

Parameters (A + 4, C): of the calibration, slope, intercept. Letters: N rows, T other rows, C classes, A attributes.
"""

import numpy as np

from comp.competition.competition import Competition
from comp.decisions import calibration, expected_value
from comp.decisions.open_rows import some_groups

NAMES = ("bias", "slope", "intercept")
MARGIN = 1e-5  # the answer's probability is larger than any other by this share, more than float32 rounds


def fit(probs: np.ndarray, labels: np.ndarray, groups: np.ndarray, competition: Competition, on=None) -> np.ndarray:
    """Parameters (A + 4, C) for blended probs (N, C). on (T, C): rows whose expected value counts; None: these rows."""
    rows, attributes = some_groups(groups, expected_value.CELLS // competition.size), competition.attribute_values
    parts = calibration.parts_of_classes(probs[rows], attributes)
    calibrated = calibration.of_classes(parts, labels[rows], attributes)
    parts = parts if on is None else calibration.parts_of_classes(on, attributes)
    chances = calibration.classes(parts, calibrated)
    plain = np.stack([np.exp(-calibrated[-1]), np.zeros(competition.size)])
    counts = lambda found: _counts(chances, _best(chances, found))  # noqa: E731
    gains = expected_value.maximise(competition.metric, counts, chances.sum(0), plain / plain.max())
    return np.concatenate([calibrated, gains])


def decide(probs: np.ndarray, parameters: np.ndarray, competition: Competition) -> np.ndarray:
    """Answers (N,) for probs (N, C) with parameters (A + 4, C)."""
    return _best(_calibrated(probs, parameters, competition), parameters[-2:])


def adjusted(probs: np.ndarray, parameters: np.ndarray, competition: Competition) -> np.ndarray:
    """Calibrated probabilities (N, C) float32 with the answers of `decide` as argmax, rows sum to 1."""
    chances = _calibrated(probs, parameters, competition)
    return lifted(chances, _best(chances, parameters[-2:]))


def lifted(probs: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """Probabilities (N, C) float32 with `answers` (N,) as argmax. They are changed as little as possible.

    The classes above the answer give it as much as makes them all equal; all other classes stay as they are.
    """
    made, rows = probs.copy(), np.arange(len(probs))
    own = probs[rows, answers]
    lower = np.flatnonzero(own < probs.max(1))
    level = own.copy()
    level[lower] = _level(probs[lower], answers[lower])
    made[lower] = np.minimum(probs[lower], level[lower, None])
    made[rows, answers] = level * (1 + MARGIN)
    return (made / made.sum(1, keepdims=True)).astype(np.float32)


def _level(probs: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """(N,): the probability of the answer and all classes above it, once these have given it what makes them equal."""
    rows = np.arange(len(probs))
    own, others = probs[rows, answers], probs.copy()
    others[rows, answers] = 0
    others = -np.sort(-others, axis=1)
    above = np.pad(others.cumsum(1)[:, :-1], ((0, 0), (1, 0)))  # the sum of the k largest other classes
    levels = (own[:, None] + above) / np.arange(1, probs.shape[1] + 1)
    return levels[rows, (levels >= others).argmax(1)]


def named(parameters: np.ndarray, competition: Competition) -> dict[str, float]:
    """Each parameter by what it is and of what; the sharpness, which all classes share, once."""
    parts = ("sharpness", *(f"sharpness {name}" for name in competition.attributes))
    sharpness = dict(zip(parts, parameters[:-3, 0], strict=True))
    rest = zip(NAMES, parameters[-3:], strict=True)
    of_classes = {f"{part} {c}": v for part, row in rest for c, v in zip(competition.classes, row, strict=True)}
    return {name: float(value) for name, value in (sharpness | of_classes).items()}


def _calibrated(probs: np.ndarray, parameters: np.ndarray, competition: Competition) -> np.ndarray:
    parts = calibration.parts_of_classes(probs, competition.attribute_values)
    return calibration.classes(parts, parameters[:-2])


def _best(chances: np.ndarray, gains: np.ndarray) -> np.ndarray:
    return (chances * gains[0] + gains[1]).argmax(1)


def _counts(chances: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """Expected right answers and answers (2, C)."""
    right = chances[np.arange(len(answers)), answers]
    return np.stack([np.bincount(answers, weights, chances.shape[1]) for weights in (right, np.ones(len(answers)))])
