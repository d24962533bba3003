"""Choose the weights and the decision rule of a blend, and score the choice by nested cross-validation.

A candidate is a blend method together with a decision rule. Each candidate gets a share, which is its chance of being
the best candidate on new rows. The weights of the blend and the parameters of its decision rule are means over the
candidates, weighted by the shares. So a candidate that is clearly the best gets a share of 1, and candidates with
nearly equal scores get similar shares. Taking only the candidate with the best score would be worse: many candidates
differ by less than the noise of their scores, so the best score is partly luck.

The shares come from a bootstrap over groups. Its noise is doubled (SPREAD), because the bootstrap misses two sources of
noise: the new rows are another sample, and weights and rules are fitted again to more rows. The candidate that uses
only the best single run may get a share only if this run beats the equal mean of all runs with a probability of at
least 0.9, because this run was itself chosen by its score.

These rules were tested on more than 230 simulated sets of runs (`make bench BENCH=choosing`). The regret of a choice is
the best score that any candidate has on new rows, minus the score of the choice there. Doubling the noise had the least
mean regret, though factors from 1 to 3 were nearly as good. Taking only the candidate with the best score had a mean
regret that was a fifth larger, and a third larger in the worst tenth of the sets.

In nested cross-validation, fold j is predicted only by weights, rules and shares that were found without fold j. The
shares come from the scores of the candidates on every other fold k; for the score on fold k, the candidates are fitted
without the folds j and k. Fold j is then predicted by the mean of the candidates that are fitted on all folds except j.
All rows of a group are in one fold.

Letters in the shapes: M models, N rows, C classes, K folds, P candidates or predictions, R rounds of the bootstrap.
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
SURE = 0.9  # the best single run must beat the equal mean with at least this probability
SPREAD = 2.0  # the noise of a score on new rows, divided by the noise of the score in the bootstrap

Scored = list[GroupSums] | list[AllRows]  # the predictions of the P candidates for the same rows, ready for scoring


def candidate_shares(by_fold: list[Scored], groups: np.ndarray, candidates: Iterable[Candidate]) -> np.ndarray:
    """Return the chance (P,) of each of P candidates to be the best candidate on new rows. The chances sum to 1.

    A chance is the share of the rounds of a bootstrap (with more noise, see `on_new_rows`) in which the candidate is
    the best. Of several equally good candidates, the first counts as the best. The bootstrap draws groups or, if the
    metric cannot be computed from sums (such as AUC), folds. by_fold: for each fold, the predictions of all candidates
    for its rows. groups: the sorted numbers of the groups in these folds.
    """
    together = over_folds(by_fold)
    scores = np.array([scored.score() for scored in together])
    if bootstrap.sums_are_enough(together[0].metric):
        drawn = bootstrap.bootstrap_scores([scored.of_groups(groups) for scored in together], len(groups), ROUNDS)
    else:
        drawn = _of_drawn_folds(np.array([[scored.score() for scored in fold] for fold in by_fold]))
    allowed = _may_be_best(drawn, [candidate.method.name for candidate in candidates])
    best = np.where(allowed[:, None], on_new_rows(scores, drawn), -np.inf).argmax(0)
    return np.bincount(best, minlength=len(scores)) / len(best)


def on_new_rows(scores: np.ndarray, drawn: np.ndarray, spread: float = SPREAD) -> np.ndarray:
    """Return R possible scores on new rows for each of P predictions, (P, R).

    They are the scores (P,) plus noise. The noise is taken from a bootstrap with R rounds: it is the deviation of the
    scores `drawn` (P, R) from their mean over the rounds, multiplied by `spread`.
    """
    return scores[:, None] + spread * (drawn - drawn.mean(1, keepdims=True))


def over_folds(by_fold: list[Scored]) -> Scored:
    """Return the predictions of each candidate for the rows of all folds together.

    by_fold: for each fold, a list with the predictions of each candidate for the rows of this fold.
    """
    return [sum(parts[1:], start=parts[0]) for parts in zip(*by_fold, strict=True)]


def _may_be_best(drawn: np.ndarray, methods: list[str]) -> np.ndarray:
    """Return a bool array (P,), which is True for each candidate that may count as the best.

    Only the candidates with the method "best", which takes the best single run, may be excluded: this method must beat
    the method "equal", the equal mean of all runs, in at least the share SURE of the rounds. drawn (P, R): the scores
    of P candidates in R rounds of a bootstrap. methods: the name of each candidate's method.
    """
    if not {"best", "equal"} <= set(methods):
        return np.ones(len(methods), bool)
    wins = drawn[methods.index("best")] > drawn[methods.index("equal")]
    return np.array([method != "best" or wins.mean() >= SURE for method in methods])


def _of_drawn_folds(scores: np.ndarray) -> np.ndarray:
    """Return the mean score (P, R) of each candidate over folds that are drawn with replacement in each of R rounds.

    scores (K, P): the scores of P candidates in each of K folds.
    """
    folds = len(scores)
    counts = np.random.default_rng(bootstrap.SEED).multinomial(folds, np.full(folds, 1 / folds), size=ROUNDS)
    return (counts @ scores / folds).T


# ---- the chance to beat the best single run and the equal mean
#
# The noise is doubled once more if the rival of the blend is a single run. Out of fold, only one model of a run
# predicts a row, but a test row gets the mean of the run's K models. So on test rows a single run already gains from
# averaging, and a blend of runs gains less than it does out of fold. Out-of-fold predictions do not show how much less.
# In the simulated pools of `make bench BENCH=choosing`, the mean probability was right with this second doubling.
# Without the second doubling, the blend was better in only 9 of the 15 pools with a probability of 0.9 or more.

NOISE = {"best single run": 2 * SPREAD, "equal mean": SPREAD}


def rival_predictions(data: OutOfFold) -> dict[str, np.ndarray]:
    """Return the predictions (N, C) of the best single run and of the equal mean of all runs, as a dictionary.

    The keys are "best single run" and "equal mean".
    """
    singles = [scoring.score(data.competition, data.labels, run) for run in data.probs]
    fair = np.full(len(data.probs), 1 / len(data.probs))
    return {
        "best single run": data.probs[int(np.argmax(singles))],
        "equal mean": combine.apply_weights(data.probs, fair),
    }


def chance_to_beat(scores: np.ndarray, drawn: np.ndarray) -> dict[str, float]:
    """Return the probability that the blend beats each of two rivals on new rows, as a dictionary.

    The keys are "best single run" and "equal mean" (of all runs). scores (P,): the scores of the blend, of the best
    single run and of the equal mean of all runs, in this order. drawn (P, R): the same scores in R rounds of a
    bootstrap. A round with equal scores counts as half a win.
    """
    chances = {}
    for i, (name, noise) in enumerate(NOISE.items(), 1):
        blend, rival = on_new_rows(scores[[0, i]], drawn[[0, i]], noise)
        chances[name] = float((blend > rival).mean() + (blend == rival).mean() / 2)
    return chances


# ---- the study


@dataclass(frozen=True)
class Study:
    """A blend that was fitted on all rows, and its scores. A higher score is better.

    chosen: the method and the decision rule of the blend; if several methods or several rules were averaged, their name
    contains "mixed". shares: a dictionary from each averaged candidate (a method with a rule) to its weight in the
    average. weights (M,): the weights of the M runs. parameters: the parameters of the decision rule. in_sample: the
    score on the rows to which the blend was fitted. oof (N, C): the probabilities of the blend in nested
    cross-validation. cross_validated: the score of `oof`. interval: the 95 % interval of cross_validated, from a
    bootstrap over groups. beats: a dictionary from "best single run" and "equal mean" to the probability that the blend
    is better on new rows. table: each candidate with its score on folds that were left out of its fit.
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
    """Fit the candidates, choose a blend of them, and score the choice by nested cross-validation.

    progress: a function that is called as progress(1) whenever all candidates have been fitted once more.
    """
    return study_of(data, fit_candidates(data, candidates, np.unique(data.folds), progress))


def study_of(data: OutOfFold, fitted: Fits) -> Study:
    """Choose a blend of candidates that are already fitted, and score the choice by nested cross-validation."""
    group = np.unique(data.groups, return_inverse=True)[1]
    by_fold = scored_folds(data, fitted, group)
    blend = candidates.mix_candidates(fitted.without(), candidate_shares(by_fold, np.unique(group), fitted.without()))
    scores = [scored.score() for scored in over_folds(by_fold)]
    return _summary(data, blend, _nested(data, fitted, group), group, list(zip(fitted.without(), scores, strict=True)))


def scored_folds(data: OutOfFold, fitted: Fits, group: np.ndarray, without: tuple = ()) -> list[Scored]:
    """Return the predictions of each candidate for each fold that is not in `without`, as a list for each fold.

    The candidates that predict a fold were fitted without this fold and without the folds in `without`. group (N,): the
    number of each row's group.
    """
    numbers = [k for k in np.unique(data.folds) if k not in without]
    return [_scored(data, fitted.without(*without, k), k, group) for k in numbers]


def _nested(data: OutOfFold, fitted: Fits, group: np.ndarray) -> np.ndarray:
    """Return the probabilities (N, C) of the blend in nested cross-validation.

    The rows of each fold are predicted by a blend that was chosen and fitted without this fold. If there are only two
    folds, the first candidate predicts, because no other fold is left for a choice. group (N,): the number of each
    row's group.
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
    """Return the predictions of each candidate for the rows of fold `k`, prepared for the bootstrap.

    fitted: the candidates, fitted without fold `k`. group (N,): the number of each row's group.
    """
    inside, groups = data.folds == k, int(group.max()) + 1
    # sorted by method, so that only one blend at a time is in memory
    by_method = sorted(fitted, key=lambda candidate: candidate.method.name)
    predictions = _predictions(data, fitted, by_method, inside)
    scored = bootstrap.sums_of_predictions(data.competition, data.labels[inside], group[inside], groups, predictions)
    by_candidate = dict(zip(by_method, scored, strict=True))
    return [by_candidate[candidate] for candidate in fitted]


def _predictions(data: OutOfFold, fitted: Fitted, candidates: list[Candidate], rows) -> Iterator[np.ndarray]:
    """Yield the predictions of each candidate for some of the rows, in the form that the metric takes.

    fitted: a dictionary from each candidate to its weights and its parameters. candidates: the candidates, sorted by
    method, so that each method has to blend only once. rows: a bool array (N,), True for each row to predict.
    """
    for method, of_method in itertools.groupby(candidates, key=lambda candidate: candidate.method):
        mixed = None
        for candidate in of_method:
            weights, parameters = fitted[candidate]
            if mixed is None:
                mixed = method.mean.blended(data.probs[:, rows], weights, data.competition)
            yield candidate.rule.form.predictions(mixed, parameters, data.competition)
