"""Choose the method and decision rule of a blend, and score the choice by nested cross-validation.

Fold j is predicted only by models that were fitted and selected without it. To predict fold j, a candidate (a method
with a rule) is chosen by its scores on the other folds. For each such fold k, it is fitted without j and k. The chosen
candidate is then fitted on all folds except j. A group is always in one fold.

If the resulting score is below the score of the best single run or of the equal mean, there are too few rows for a
choice. Then the better one of these two is used.

Letters: M models, N rows, C classes, K folds, P candidates, R runs.
"""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from comp.blending import bootstrap, choice, combine, group_sums
from comp.blending.candidates import Candidate
from comp.blending.fold_fits import Fits, Fitted, OutOfFold, fit_all, fits
from comp.competition import scoring
from comp.decisions import decision

__all__ = ["OutOfFold", "Study", "fits", "study"]

@dataclass(frozen=True)
class Study:
    """The chosen candidate, fitted on all rows, and its scores; higher is better.

    parameters: of the rule (see decision.py); table: each candidate with its score on folds that it was not fitted on;
    oof (N, C): probabilities of nested cross-validation; cross_validated: their score; interval: its 95 % interval, by
    bootstrap over groups; beats: the probability to be better than each rival; fell_back: whether the choice was
    replaced by the best single run or the equal mean.
    """

    chosen: Candidate
    weights: np.ndarray
    parameters: np.ndarray
    in_sample: float
    cross_validated: float
    interval: tuple[float, float]
    beats: dict[str, float]
    table: list[tuple[Candidate, float]]
    oof: np.ndarray
    fell_back: bool


def study(
    data: OutOfFold, candidates: list[Candidate], progress: Callable[[int], None] = lambda count: None
) -> Study:
    """Choose among the candidates and score the choice; progress(1) is called after each of the `fits(K)` fits."""
    numbers = np.unique(data.folds)
    fitted = fit_all(data, candidates, numbers, progress)
    group = np.unique(data.groups, return_inverse=True)[1]
    oof = _nested(data, candidates, fitted, group)
    single = [_scored(data, fitted.without(k), k, group) for k in numbers]
    chosen = candidates[choice.choose(single, np.unique(group))]
    scores = [one.score() for one in choice.over_folds(single)]
    plain = [i for i, candidate in enumerate(candidates) if candidate.is_plain]
    safest = max(plain, key=lambda i: scores[i], default=None)
    fell_back = safest is not None and scores[safest] > scoring.score(data.competition, data.labels, oof) + 1e-12
    if fell_back:
        chosen = candidates[safest]
        for k in numbers:
            oof[data.folds == k] = data.blended(data.folds == k, chosen, fitted.without(k))
    table = list(zip(candidates, scores, strict=True))
    return _summary(data, chosen, fitted.without(), oof, group, table, fell_back)


def _nested(data: OutOfFold, candidates: list[Candidate], fitted: Fits, group: np.ndarray) -> np.ndarray:
    """Probabilities (N, C) of nested cross-validation. With two folds there is no choice: the first candidate."""
    numbers = np.unique(data.folds)
    oof = np.empty(data.probs.shape[1:], np.float32)
    for j in numbers:
        others = [k for k in numbers if k != j]
        chosen = candidates[0]
        if len(others) > 1:
            inner = [_scored(data, fitted.without(j, k), k, group) for k in others]
            chosen = candidates[choice.choose(inner, np.unique(group[data.folds != j]))]
        oof[data.folds == j] = data.blended(data.folds == j, chosen, fitted.without(j))
    return oof


def _summary(data: OutOfFold, chosen, fitted: Fitted, oof, group, table, fell_back: bool) -> Study:
    competition, labels = data.competition, data.labels
    rivals = _rivals(data)
    predictions = [scoring.predictions(competition, competition.metric, one) for one in (oof, *rivals.values())]
    groups = int(group.max()) + 1
    drawn = bootstrap.scores(group_sums.of_predictions(competition, labels, group, groups, predictions), groups)
    return Study(
        chosen=chosen,
        weights=fitted[chosen][0],
        parameters=fitted[chosen][1],
        in_sample=scoring.score(competition, labels, data.blended(slice(None), chosen, fitted)),
        cross_validated=scoring.score(competition, labels, oof),
        interval=tuple(float(x) for x in np.percentile(drawn[0], [2.5, 97.5])),
        beats={name: float((drawn[0] > rival).mean() + (drawn[0] == rival).mean() / 2)
               for name, rival in zip(rivals, drawn[1:], strict=True)},
        table=table,
        oof=oof,
        fell_back=fell_back,
    )  # fmt: skip


def _scored(data: OutOfFold, fitted: Fitted, k, group: np.ndarray) -> choice.Scored:
    """The predictions of each candidate for fold k, as sums or rows for the metric."""
    inside, groups = data.folds == k, int(group.max()) + 1
    by_method = sorted(fitted, key=lambda candidate: candidate.method)  # keeps only one blend in memory
    predictions = _predictions(data, fitted, by_method, inside)
    scored = group_sums.of_predictions(data.competition, data.labels[inside], group[inside], groups, predictions)
    by_candidate = dict(zip(by_method, scored, strict=True))
    return [by_candidate[candidate] for candidate in fitted]


def _predictions(data: OutOfFold, fitted: Fitted, candidates: list[Candidate], rows) -> Iterator[np.ndarray]:
    """The predictions of each candidate for the metric; candidates are sorted by method."""
    for method, of_method in itertools.groupby(candidates, key=lambda candidate: candidate.method):
        mixed = None
        for candidate in of_method:
            weights, parameters = fitted[candidate]
            if mixed is None:
                mixed = combine.blended(method, data.probs[:, rows], weights, data.competition)
            yield decision.predictions(mixed, parameters, data.competition)


def _rivals(data: OutOfFold) -> dict[str, np.ndarray]:
    """The predictions that a blend must beat: the best single run and the equal mean."""
    runs = data.probs if data.runs is None else data.runs
    singles = [scoring.score(data.competition, data.labels, one) for one in runs]
    fair = np.full(len(runs), 1 / len(runs))
    return {"best single run": runs[int(np.argmax(singles))], "equal mean": combine.apply_weights(runs, fair)}
