"""The probability that the blend beats the best single run, and the equal mean, on the photos to predict.

Out of fold each photo is predicted by one model of a run; a photo to predict gets the mean of its K models. So a single
run gains there from averaging, and a blend has less left to gain. If a share f of what averaging gains is due to noise
of the models (seed, folds), a gain of g out of fold shrinks by f g (1 - 1/K). f cannot be seen out of fold: it is taken
to be anything from 0 to 1.

Letters: M models, N rows, C classes, K folds, P predictions, R rounds.
"""

import numpy as np

from comp.blending import choice, combine
from comp.blending.fold_fits import OutOfFold
from comp.blending.mixed import Mixed
from comp.competition import scoring


def rivals(data: OutOfFold) -> dict[str, np.ndarray]:
    """The predictions (N, C) that a blend must beat: the best single run and the equal mean."""
    runs = _runs(data)
    fair = np.full(len(runs), 1 / len(runs))
    return {"best single run": runs[int(np.argmax(_scores(data)))], "equal mean": combine.apply_weights(runs, fair)}


def beats(data: OutOfFold, made: Mixed, scores: np.ndarray, drawn: np.ndarray) -> dict[str, float]:
    """The probability to beat each rival on new rows; scores (P,) and drawn (P, R): the blend's, then the rivals'."""
    runs, singles = _runs(data), np.array(_scores(data))
    plain = combine.blended(made.candidate.method, data.probs, made.weights, data.competition)
    weights = made.weights.reshape(len(runs), -1).sum(1)  # of a run that is split by attribute: of all its parts
    blend = scoring.score(data.competition, data.labels, plain) - weights @ singles
    gains = np.maximum([blend, 0, scores[2] - singles.mean()], 0)
    lost = 1 - 1 / len(np.unique(data.folds))
    of_models = np.linspace(0, 1, drawn.shape[1])
    new = choice.on_new_rows(scores, drawn) - lost * gains[:, None] * of_models
    return {name: float((new[0] > rival).mean() + (new[0] == rival).mean() / 2)
            for name, rival in zip(rivals(data), new[1:], strict=True)}  # fmt: skip


def _runs(data: OutOfFold) -> np.ndarray:
    return data.probs if data.runs is None else data.runs


def _scores(data: OutOfFold) -> list[float]:
    return [scoring.score(data.competition, data.labels, one) for one in _runs(data)]
