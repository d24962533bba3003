"""Choose the weights and the decision rule of a blend, and score the choice by nested cross-validation.

Simply picking the candidate with the best score is a poor choice: many candidates differ by less than the noise of
their scores, so the highest score is luck as much as merit. Instead, each candidate (a method with a rule) gets a
share, which is its chance to be the best candidate on new rows. The blend is the mean of the weights and of the
decisions of the candidates, weighted by the shares. A candidate that is clearly better than all others gets a share of
1. Candidates that cannot be told apart get similar shares.

The chance comes from a bootstrap over groups. The noise of the bootstrap is doubled (SPREAD), because the bootstrap
misses two sources of noise: the rows to predict are another sample, and weights and rules are fitted again to more
rows. The best single run is itself picked by its score, so its candidate counts only if the run beats the equal mean
with a probability of at least 0.9. In 237 simulated pools of `make bench BENCH=choosing` a factor of 2 had the least
regret, though factors from 1 to 3 were nearly as good. Picking the candidate with the best score had a fifth more
regret on average, and a third more in the worst tenth of the pools.

In nested cross-validation, fold j is predicted only by weights, rules and shares that were found without fold j. The
shares come from the scores of the candidates on every other fold k; for the score on fold k, the candidates are fitted
without the folds j and k. Fold j is then predicted by the mean of the candidates that are fitted on all folds except j.
All rows of a group are in one fold.

Letters: M models, N rows, C classes, K folds, P candidates or predictions, R rounds.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from comp.blending import bootstrap, candidates, combine
from comp.blending.bootstrap import AllRows, GroupSums
from comp.blending.candidates import Candidate, Fits, Fitted, Mixed, OutOfFold, fit_candidates
from comp.competition import scoring

# ---- the share of each candidate

ROUNDS = 200  # rounds of the bootstrap
SURE = 0.9  # the least probability with which the best single run must beat the equal mean
SPREAD = 2.0  # the noise of a score on new rows, relative to the noise in the bootstrap

Scored = list[GroupSums] | list[AllRows]  # the predictions of each candidate (P,) for the same rows


def candidate_shares(by_fold: list[Scored], groups: np.ndarray, candidates: Iterable[Candidate]) -> np.ndarray:
    """The chance (P,) of each candidate to be the best candidate on new rows; the chances sum to 1.

    If several candidates are equally good in a draw, the first one is the best. by_fold: for each fold the predictions
    of all candidates. groups: the sorted numbers of the groups in these folds. A draw has the same groups for all
    candidates, because candidates err on the same rows. If the metric needs the rows, as AUC does, a draw consists of
    folds instead of groups.
    """
    together = over_folds(by_fold)
    scores = np.array([scored.score() for scored in together])
    if bootstrap.sums_are_enough(together[0].metric):
        drawn = bootstrap.bootstrap_scores([scored.of_groups(groups) for scored in together], len(groups), ROUNDS)
    else:
        drawn = _of_drawn_folds(np.array([[scored.score() for scored in fold] for fold in by_fold]))
    counts = _count_best(drawn, [candidate.method.name for candidate in candidates])
    best = np.where(counts[:, None], on_new_rows(scores, drawn), -np.inf).argmax(0)
    return np.bincount(best, minlength=len(scores)) / len(best)


def on_new_rows(scores: np.ndarray, drawn: np.ndarray, spread: float = SPREAD) -> np.ndarray:
    """Possible scores (P, R) on new rows: the scores (P,) plus `spread` times the noise of the drawn scores (P, R)."""
    return scores[:, None] + spread * (drawn - drawn.mean(1, keepdims=True))


def over_folds(by_fold: list[Scored]) -> Scored:
    """The predictions of each candidate (P,) for the rows of all folds together. by_fold: those in each fold."""
    return [sum(parts[1:], start=parts[0]) for parts in zip(*by_fold, strict=True)]


def _count_best(drawn: np.ndarray, methods: list[str]) -> np.ndarray:
    """Return which of the candidates may be chosen, as bools (P,).

    All of them may be chosen, except the best single run: it may only if it beats the equal mean in at least the share
    SURE of the draws.
    """
    if not {"best", "equal"} <= set(methods):
        return np.ones(len(methods), bool)
    wins = drawn[methods.index("best")] > drawn[methods.index("equal")]
    return np.array([method != "best" or wins.mean() >= SURE for method in methods])


def _of_drawn_folds(scores: np.ndarray) -> np.ndarray:
    """The mean scores (P, R) over folds drawn with replacement. scores (K, P): those of each fold and candidate."""
    folds = len(scores)
    counts = np.random.default_rng(bootstrap.SEED).multinomial(folds, np.full(folds, 1 / folds), size=ROUNDS)
    return (counts @ scores / folds).T


# ---- the chance to beat the best single run and the equal mean
#
# Out of fold, one model of a run predicts a row. A test row gets the mean of the run's K models. So a single run gains
# from averaging on test rows, and a blend has less left to gain there. Out-of-fold predictions do not show how much
# less. Therefore the noise is doubled once more when the rival is a single run. In the simulated pools of
# `make bench BENCH=choosing` the mean probability was then right. Without this second doubling, the blend was better in
# only 9 of the 15 pools where the probability was 0.9 or more.

NOISE = {"best single run": 2 * SPREAD, "equal mean": SPREAD}


def rival_predictions(data: OutOfFold) -> dict[str, np.ndarray]:
    """The name and the predictions (N, C) of each rival of a blend: the best single run and the equal mean."""
    singles = [scoring.score(data.competition, data.labels, run) for run in data.probs]
    fair = np.full(len(data.probs), 1 / len(data.probs))
    return {
        "best single run": data.probs[int(np.argmax(singles))],
        "equal mean": combine.apply_weights(data.probs, fair),
    }


def chance_to_beat(scores: np.ndarray, drawn: np.ndarray) -> dict[str, float]:
    """The name of each rival and the probability that the blend beats the rival on new rows.

    scores (P,), drawn (P, R): the blend's score first, then the scores of the rivals in the order of NOISE. A draw in
    which the blend and the rival are equal counts as half a win.
    """
    chances = {}
    for i, (name, noise) in enumerate(NOISE.items(), 1):
        blend, rival = on_new_rows(scores[[0, i]], drawn[[0, i]], noise)
        chances[name] = float((blend > rival).mean() + (blend == rival).mean() / 2)
    return chances


# ---- the study


@dataclass(frozen=True)
class Study:
    """The blend, fitted on all rows, and its scores, of which higher ones are better.

    chosen: the method and the rule of the blend, which are named "mixed" for the mean of several. shares: each
    candidate to its share in the blend. weights (M,). parameters: those of the rule (decisions/decision.py). in_sample:
    the score on the rows of the fit. oof (N, C): probabilities of nested cross-validation. cross_validated: the score
    of `oof`. interval: the 95 % interval of cross_validated, by bootstrap over groups. beats: each rival to the
    probability that the blend is better on new rows. table: each candidate with its score on folds left out of its fit.
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
    """Fit the candidates, choose among them and score the choice. progress(1) is called after each fit."""
    return study_of(data, fit_candidates(data, candidates, np.unique(data.folds), progress))


def study_of(data: OutOfFold, fitted: Fits) -> Study:
    """Choose among the fitted candidates and score the choice."""
    group = np.unique(data.groups, return_inverse=True)[1]
    by_fold = scored_folds(data, fitted, group)
    blend = candidates.mix_candidates(fitted.without(), candidate_shares(by_fold, np.unique(group), fitted.without()))
    scores = [scored.score() for scored in over_folds(by_fold)]
    return _summary(data, blend, _nested(data, fitted, group), group, list(zip(fitted.without(), scores, strict=True)))


def scored_folds(data: OutOfFold, fitted: Fits, group: np.ndarray, without: tuple = ()) -> list[Scored]:
    """The predictions of all candidates for each fold that is not in `without`.

    The candidates that predict a fold are fitted without this fold and without the folds in `without`. group (N,).
    """
    numbers = [k for k in np.unique(data.folds) if k not in without]
    return [_scored(data, fitted.without(*without, k), k, group) for k in numbers]


def _nested(data: OutOfFold, fitted: Fits, group: np.ndarray) -> np.ndarray:
    """The probabilities (N, C) of nested cross-validation.

    With two folds no fold is left to choose on, so the first candidate predicts.
    """
    oof, numbers = np.empty(data.probs.shape[1:], np.float32), np.unique(data.folds)
    for j in numbers:
        out, without = data.folds == j, fitted.without(j)
        shares = np.eye(len(without))[0]
        if len(numbers) > 2:
            shares = candidate_shares(scored_folds(data, fitted, group, (j,)), np.unique(group[~out]), without)
        oof[out] = candidates.mix_candidates(without, shares).blended(data.probs[:, out], data.competition)
    return oof


def _summary(data: OutOfFold, blend: Mixed, oof, group, table) -> Study:
    competition, labels = data.competition, data.labels
    compared = (oof, *rival_predictions(data).values())
    predictions = [scoring.predictions(competition, competition.metric, probs) for probs in compared]
    groups = int(group.max()) + 1
    drawn = bootstrap.bootstrap_scores(
        bootstrap.sums_of_predictions(competition, labels, group, groups, predictions), groups
    )
    scores = np.array([scoring.score(competition, labels, probs) for probs in compared])
    return Study(
        chosen=blend.candidate,
        shares=blend.shares,
        weights=blend.weights,
        parameters=blend.parameters,
        in_sample=scoring.score(competition, labels, blend.blended(data.probs, competition)),
        cross_validated=float(scores[0]),
        interval=tuple(float(x) for x in np.percentile(drawn[0], [2.5, 97.5])),
        beats=chance_to_beat(scores, drawn),
        table=table,
        oof=oof,
    )


def _scored(data: OutOfFold, fitted: Fitted, k, group: np.ndarray) -> Scored:
    """The predictions of each candidate for fold k, as GroupSums or AllRows. fitted: fits without fold k."""
    inside, groups = data.folds == k, int(group.max()) + 1
    by_method = sorted(fitted, key=lambda candidate: candidate.method.name)  # keeps only one blend in memory
    predictions = _predictions(data, fitted, by_method, inside)
    scored = bootstrap.sums_of_predictions(data.competition, data.labels[inside], group[inside], groups, predictions)
    by_candidate = dict(zip(by_method, scored, strict=True))
    return [by_candidate[candidate] for candidate in fitted]


def _predictions(data: OutOfFold, fitted: Fitted, candidates: list[Candidate], rows) -> Iterator[np.ndarray]:
    """Yield the predictions of each candidate for `rows` in the form that the metric takes.

    candidates: sorted by method, so that each method blends only once.
    """
    for method, of_method in itertools.groupby(candidates, key=lambda candidate: candidate.method):
        mixed = None
        for candidate in of_method:
            weights, parameters = fitted[candidate]
            if mixed is None:
                mixed = method.mean.blended(data.probs[:, rows], weights, data.competition)
            yield candidate.rule.form.predictions(mixed, parameters, data.competition)
