"""The rule `expected` for one class per row: calibrated probabilities, and the answers with the best expected value.

The answer is argmax_c (slope_c q_c + intercept_c), where q are the calibrated probabilities. Only the calibration is
fitted to labels, with a ridge; see calibration.py and expected_value.py. A factor for each class alone, as in
class_offsets.py, has a lower expected value: it cannot express that an answer of low probability adds nothing.

Parameters (4, C): sharpness and bias of the calibration, slope, intercept. Letters: N rows, T other rows, C classes.
"""

import numpy as np

from comp.competition.competition import Competition
from comp.decisions import calibration, expected_value
from comp.decisions.open_rows import some_groups

NAMES = ("sharpness", "bias", "slope", "intercept")
MARGIN = 1e-5  # the answer's probability is larger than any other by this share, more than float32 rounds


def fit(probs: np.ndarray, labels: np.ndarray, groups: np.ndarray, competition: Competition, on=None) -> np.ndarray:
    """Parameters (4, C) for blended probs (N, C). on (T, C): rows whose expected value counts; None: these rows."""
    rows = some_groups(groups, expected_value.CELLS // competition.size)
    calibrated = calibration.of_classes(probs[rows], labels[rows])
    chances = calibration.classes(probs[rows] if on is None else on, calibrated)
    plain = np.stack([np.exp(-calibrated[1]), np.zeros(competition.size)])  # argmax of the probabilities as they are
    counts = lambda found: _counts(chances, _best(chances, *found))  # noqa: E731
    return np.concatenate(
        [calibrated, expected_value.maximise(competition.metric, counts, chances.sum(0), plain / plain.max())]
    )


def decide(probs: np.ndarray, parameters: np.ndarray) -> np.ndarray:
    """Answers (N,) for probs (N, C) with parameters (4, C)."""
    return _best(calibration.classes(probs, parameters[:2]), *parameters[2:])


def adjusted(probs: np.ndarray, parameters: np.ndarray) -> np.ndarray:
    """Calibrated probabilities (N, C) float32 with the answers of `decide` as argmax, rows sum to 1."""
    chances = calibration.classes(probs, parameters[:2])
    return lifted(chances, _best(chances, *parameters[2:]))


def lifted(probs: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """Probabilities (N, C) float32 with `answers` (N,) as argmax. They are changed as little as possible.

    The classes above the answer give it as much as makes them all equal; all other classes stay as they are.
    """
    rows = np.arange(len(probs))
    own, others = probs[rows, answers], probs.copy()
    others[rows, answers] = 0
    others = -np.sort(-others, axis=1)
    above = np.pad(others.cumsum(1)[:, :-1], ((0, 0), (1, 0)))  # the sum of the k largest other classes
    levels = (own[:, None] + above) / np.arange(1, probs.shape[1] + 1)
    level = levels[rows, (levels >= others).argmax(1)]
    made = np.minimum(probs, level[:, None])
    made[rows, answers] = level * (1 + MARGIN)
    return (made / made.sum(1, keepdims=True)).astype(np.float32)


def named(parameters: np.ndarray, classes: tuple[str, ...]) -> dict[str, float]:
    """Each parameter by what it is and its class; the sharpness, which all classes share, once."""
    rest = zip(NAMES[1:], parameters[1:].tolist(), strict=True)
    of_classes = {f"{part} {name}": value for part, row in rest for name, value in zip(classes, row, strict=True)}
    return {NAMES[0]: float(parameters[0, 0])} | of_classes


def _best(chances: np.ndarray, slope: np.ndarray, intercept: np.ndarray) -> np.ndarray:
    return (chances * slope + intercept).argmax(1)


def _counts(chances: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """Expected right answers and answers (2, C)."""
    right = chances[np.arange(len(answers)), answers]
    return np.stack([np.bincount(answers, weights, chances.shape[1]) for weights in (right, np.ones(len(answers)))])
