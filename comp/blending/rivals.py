"""The probability that the blend beats the best single run, and the equal mean, on the photos to predict.

Out of fold each photo is predicted by one model of a run; a photo to predict gets the mean of its K models. So a single
run gains there from averaging, and a blend has less left to gain. How much cannot be seen out of fold. So against a
single run the noise is doubled once more. In the simulated pools of `make bench BENCH=choosing` the mean probability
was then right; without it, the blend was better in 9 of 15 pools where 0.9 or more was said.

Letters: N rows, C classes, P predictions, R rounds.
"""

import numpy as np

from comp.blending import choice, combine
from comp.blending.fold_fits import OutOfFold
from comp.competition import scoring

NOISE = {"best single run": 2 * choice.SPREAD, "equal mean": choice.SPREAD}


def rivals(data: OutOfFold) -> dict[str, np.ndarray]:
    """The predictions (N, C) that a blend must beat: the best single run and the equal mean."""
    runs = data.probs if data.runs is None else data.runs
    singles = [scoring.score(data.competition, data.labels, one) for one in runs]
    fair = np.full(len(runs), 1 / len(runs))
    return {"best single run": runs[int(np.argmax(singles))], "equal mean": combine.apply_weights(runs, fair)}


def beats(scores: np.ndarray, drawn: np.ndarray) -> dict[str, float]:
    """The probability to beat each rival on new rows; scores (P,) and drawn (P, R): of the blend, then of the rivals.

    A draw in which both are equal counts half.
    """
    chances = {}
    for i, (name, noise) in enumerate(NOISE.items(), 1):
        blend, rival = choice.on_new_rows(scores[[0, i]], drawn[[0, i]], noise)
        chances[name] = float((blend > rival).mean() + (blend == rival).mean() / 2)
    return chances
