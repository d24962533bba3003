"""Choose the weights and decision rule of a blend, and score the choice by nested cross-validation.

Fold j is predicted only by what was fitted and chosen without it. To predict fold j, the candidates (a method with a
rule) get their shares by their scores on the other folds (choice.py). For each such fold k, they are fitted without j
and k. The blend is the mean of the candidates (mixed.py), fitted on all folds except j. A group is always in one fold.

Letters: M models, N rows, C classes, K folds, P candidates, R runs.
"""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from comp.blending import bootstrap, choice, combine, group_sums, mixed, rivals
from comp.blending.candidates import Candidate
from comp.blending.fold_fits import Fits, Fitted, OutOfFold, fit_all, fits
from comp.blending.mixed import Mixed
from comp.competition import scoring
from comp.decisions import decision

__all__ = ["OutOfFold", "Study", "fits", "study"]


@dataclass(frozen=True)
class Study:
    """The blend, fitted on all rows, and its scores; higher is better.

    chosen: its method and rule, "mixed" for the mean of several; shares: how much each candidate counts in it;
    parameters: of the rule (see decision.py); table: each candidate with its score on folds that it was not fitted on;
    oof (N, C): probabilities of nested cross-validation; cross_validated: their score; interval: its 95 % interval, by
    bootstrap over groups; beats: the probability to be better than each rival on new rows.
    """

    chosen: Candidate
    shares: dict[Candidate, float]
    weights: np.ndarray
    parameters: np.ndarray
    in_sample: float
    cross_validated: float
    interval: tuple[float, float]
    beats: dict[str, float]
    table: list[tuple[Candidate, float]]
    oof: np.ndarray


def study(data: OutOfFold, candidates: list[Candidate], progress: Callable[[int], None] = lambda count: None) -> Study:
    """Choose among the candidates and score the choice; progress(1) is called after each of the `fits(K)` fits."""
    return study_of(data, fit_all(data, candidates, np.unique(data.folds), progress))


def study_of(data: OutOfFold, fitted: Fits) -> Study:
    """The choice among candidates that are fitted, and its score."""
    group = np.unique(data.groups, return_inverse=True)[1]
    by_fold = scored_folds(data, fitted, group)
    made = mixed.mix(fitted.without(), choice.shares(by_fold, np.unique(group), fitted.without()))
    scores = [one.score() for one in choice.over_folds(by_fold)]
    return _summary(data, made, _nested(data, fitted, group), group, list(zip(fitted.without(), scores, strict=True)))


def scored_folds(data: OutOfFold, fitted: Fits, group: np.ndarray, without: tuple = ()) -> list[choice.Scored]:
    """For each fold the predictions of all candidates, fitted without it and without the fold `without`, if any."""
    numbers = [k for k in np.unique(data.folds) if k not in without]
    return [_scored(data, fitted.without(*without, k), k, group) for k in numbers]


def _nested(data: OutOfFold, fitted: Fits, group: np.ndarray) -> np.ndarray:
    """Probabilities (N, C) of nested cross-validation. With two folds there is no choice: the first candidate."""
    oof, numbers = np.empty(data.probs.shape[1:], np.float32), np.unique(data.folds)
    for j in numbers:
        out, without = data.folds == j, fitted.without(j)
        shares = np.eye(len(without))[0]
        if len(numbers) > 2:
            shares = choice.shares(scored_folds(data, fitted, group, (j,)), np.unique(group[~out]), without)
        oof[out] = mixed.mix(without, shares).blended(data.probs[:, out], data.competition)
    return oof


def _summary(data: OutOfFold, made: Mixed, oof, group, table) -> Study:
    competition, labels = data.competition, data.labels
    compared = (oof, *rivals.rivals(data).values())
    predictions = [scoring.predictions(competition, competition.metric, one) for one in compared]
    groups = int(group.max()) + 1
    drawn = bootstrap.scores(group_sums.of_predictions(competition, labels, group, groups, predictions), groups)
    scores = np.array([scoring.score(competition, labels, one) for one in compared])
    return Study(
        chosen=made.candidate,
        shares=made.shares,
        weights=made.weights,
        parameters=made.parameters,
        in_sample=scoring.score(competition, labels, made.blended(data.probs, competition)),
        cross_validated=float(scores[0]),
        interval=tuple(float(x) for x in np.percentile(drawn[0], [2.5, 97.5])),
        beats=rivals.beats(scores, drawn),
        table=table,
        oof=oof,
    )


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
