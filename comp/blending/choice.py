"""Choose the weights and the decision rule of a blend, and score the choice by nested cross-validation.

Picking the candidate with the best score loses: many of them differ by less than their noise, so the highest score is
luck as much as merit. So none is picked. Each candidate (a method with a rule) counts by its chance of being the best
one on new rows, and the blend is the mean of their weights and of their decisions. A candidate that is clearly better
than the others gets everything; candidates that cannot be told apart share.

The chance comes from a bootstrap over groups. Its noise is doubled (SPREAD), because the bootstrap does not see
everything: the rows to predict are another sample, and weights and rules are fitted again to more rows. The best single
run is itself picked by its score, so it counts only if it beats the equal mean with a probability of 0.9. In 237
simulated pools of `make bench BENCH=choosing` a factor of 2 had the least regret, though 1 to 3 were nearly as good.
Picking the candidate with the best score had a fifth more, and its worst tenth of the pools a third more.

Nested cross-validation: fold j is predicted only by what was fitted and chosen without it. To predict fold j, the
candidates get their shares by their scores on the other folds. For each such fold k, they are fitted without j and k.
The blend is the mean of the candidates, fitted on all folds except j. A group is always in one fold.

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

ROUNDS = 200  # of the bootstrap
SURE = 0.9  # the probability with which the best single run must beat the equal mean
SPREAD = 2.0  # the noise of a score on new rows, relative to what the bootstrap shows

Scored = list[GroupSums] | list[AllRows]  # one per candidate (P,), for the same rows


def candidate_shares(by_fold: list[Scored], groups: np.ndarray, candidates: Iterable[Candidate]) -> np.ndarray:
    """The chance (P,) of each candidate to be the best one on new rows; they sum to 1. Of equal ones the first counts.

    by_fold: for each fold the predictions of all candidates; groups: the numbers of the groups in these folds, sorted.
    The same groups are drawn for all candidates, because these err on the same rows. If the metric needs the rows,
    such as AUC, the folds are drawn instead.
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
    """Possible scores (P, R) on new rows: scores (P,), and `spread` times the noise of the drawn scores (P, R)."""
    return scores[:, None] + spread * (drawn - drawn.mean(1, keepdims=True))


def over_folds(by_fold: list[Scored]) -> Scored:
    """The predictions of each candidate (P,) for the rows of all folds together."""
    return [sum(parts[1:], start=parts[0]) for parts in zip(*by_fold, strict=True)]


def _count_best(drawn: np.ndarray, methods: list[str]) -> np.ndarray:
    """Whether each candidate (P,) may count: the best single run only if it beats the equal mean in enough draws."""
    if not {"best", "equal"} <= set(methods):
        return np.ones(len(methods), bool)
    wins = drawn[methods.index("best")] > drawn[methods.index("equal")]
    return np.array([method != "best" or wins.mean() >= SURE for method in methods])


def _of_drawn_folds(scores: np.ndarray) -> np.ndarray:
    """The mean score (P, R) over folds drawn with replacement; scores: (K, P)."""
    folds = len(scores)
    counts = np.random.default_rng(bootstrap.SEED).multinomial(folds, np.full(folds, 1 / folds), size=ROUNDS)
    return (counts @ scores / folds).T


# ---- the chance to beat the best single run and the equal mean
#
# Out of fold each row is predicted by one model of a run; a row to predict gets the mean of its K models. So a single
# run gains from averaging when it predicts, and a blend has less left to gain. How much cannot be seen out of fold. So
# against a single run the noise is doubled once more. In the simulated pools of `make bench BENCH=choosing` the mean
# probability was then right; without it, the blend was better in 9 of 15 pools where the probability was 0.9 or more.

NOISE = {"best single run": 2 * SPREAD, "equal mean": SPREAD}


def rival_predictions(data: OutOfFold) -> dict[str, np.ndarray]:
    """The predictions (N, C) that a blend must beat: the best single run and the equal mean."""
    singles = [scoring.score(data.competition, data.labels, run) for run in data.probs]
    fair = np.full(len(data.probs), 1 / len(data.probs))
    return {
        "best single run": data.probs[int(np.argmax(singles))],
        "equal mean": combine.apply_weights(data.probs, fair),
    }


def chance_to_beat(scores: np.ndarray, drawn: np.ndarray) -> dict[str, float]:
    """The probability to beat each rival on new rows; scores (P,) and drawn (P, R): of the blend, then of the rivals.

    A draw in which both are equal counts half.
    """
    chances = {}
    for i, (name, noise) in enumerate(NOISE.items(), 1):
        blend, rival = on_new_rows(scores[[0, i]], drawn[[0, i]], noise)
        chances[name] = float((blend > rival).mean() + (blend == rival).mean() / 2)
    return chances


# ---- the study


@dataclass(frozen=True)
class Study:
    """The blend, fitted on all rows, and its scores; higher is better.

    chosen: its method and rule, named "mixed" for the mean of several; shares: how much each candidate counts in it;
    parameters: of the rule (decisions/decision.py); table: each candidate with its score on folds that it was not
    fitted on; oof (N, C): probabilities of nested cross-validation; cross_validated: their score; interval: its 95 %
    interval, by bootstrap over groups; beats: the probability to be better than each rival on new rows.
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
    """Choose among the candidates and score the choice; progress(1) is called after each fit."""
    return study_of(data, fit_candidates(data, candidates, np.unique(data.folds), progress))


def study_of(data: OutOfFold, fitted: Fits) -> Study:
    """The choice among candidates that are fitted, and its score."""
    group = np.unique(data.groups, return_inverse=True)[1]
    by_fold = scored_folds(data, fitted, group)
    blend = candidates.mix_candidates(fitted.without(), candidate_shares(by_fold, np.unique(group), fitted.without()))
    scores = [scored.score() for scored in over_folds(by_fold)]
    return _summary(data, blend, _nested(data, fitted, group), group, list(zip(fitted.without(), scores, strict=True)))


def scored_folds(data: OutOfFold, fitted: Fits, group: np.ndarray, without: tuple = ()) -> list[Scored]:
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
    """The predictions of each candidate for fold k, as sums or rows for the metric."""
    inside, groups = data.folds == k, int(group.max()) + 1
    by_method = sorted(fitted, key=lambda candidate: candidate.method.name)  # keeps only one blend in memory
    predictions = _predictions(data, fitted, by_method, inside)
    scored = bootstrap.sums_of_predictions(data.competition, data.labels[inside], group[inside], groups, predictions)
    by_candidate = dict(zip(by_method, scored, strict=True))
    return [by_candidate[candidate] for candidate in fitted]


def _predictions(data: OutOfFold, fitted: Fitted, candidates: list[Candidate], rows) -> Iterator[np.ndarray]:
    """The predictions of each candidate for the metric; candidates are sorted by method."""
    for method, of_method in itertools.groupby(candidates, key=lambda candidate: candidate.method):
        mixed = None
        for candidate in of_method:
            weights, parameters = fitted[candidate]
            if mixed is None:
                mixed = method.mean.blended(data.probs[:, rows], weights, data.competition)
            yield candidate.rule.form.predictions(mixed, parameters, data.competition)
