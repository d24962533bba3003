"""Which method and decision rule to blend with, and the cross-validated score of that choice (nested cross-validation).

Fold j is predicted only by what was fitted and chosen without it. To predict fold j, a candidate (a method with a rule)
is chosen by its predictions for each other fold k, for which it was fitted without j and k. The chosen candidate is
then fitted on all folds but j. Groups never stand on both sides.

Where that score is below the one of the best single run or of the equal mean, there are too few rows to choose by, and
the better of those two is taken.

Letters: M models, N rows, C classes, K folds, P candidates, R runs.
"""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import joblib
import numpy as np

from comp.blending import bootstrap, choice, combine, decision, group_sums, methods
from comp.blending.candidates import Candidate
from comp.competition import scoring
from comp.competition.competition import Competition

SMALL = 500_000  # probabilities below which worker processes start later than the work is done


@dataclass(frozen=True)
class OutOfFold:
    """Out-of-fold predictions of M models: probs (M, N, C), labels as the target has them, folds and groups (N,).

    runs (R, N, C): what the blend has to beat, where probs are parts of runs (`combine.by_attribute`); None: probs.
    """

    competition: Competition
    probs: np.ndarray
    labels: np.ndarray
    folds: np.ndarray
    groups: np.ndarray
    runs: np.ndarray | None = None

    def blended(self, rows, candidate: Candidate, fitted: "Fitted") -> np.ndarray:
        """A candidate's probabilities (n, C) for some rows, adjusted so that their plain decision is its rule's."""
        weights, parameters = fitted[candidate]
        mixed = combine.blended(candidate.method, self.probs[:, rows], weights, self.competition)
        return decision.adjusted(mixed, parameters, self.competition)


@dataclass(frozen=True)
class Study:
    """The chosen candidate, fitted on all rows, and what is known of it. Scores: better up.

    parameters: of its rule (see decision.py); table: each candidate with its score for folds that it was not fitted on;
    cross_validated: the score with the choice, too, made on other folds (nested cross-validation), interval: its 95 %
    by bootstrap over groups; beats: how probably it is better than each rival; fell_back: to the best run or the mean.
    oof (N, C): the probabilities that cross_validated is the score of.
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


Fitted = dict[Candidate, tuple[np.ndarray, np.ndarray]]  # weights (M,), parameters of the rule


@dataclass(frozen=True)
class Fits:
    """Every candidate, fitted without some folds."""

    results: dict[frozenset, Fitted]

    def without(self, *folds) -> Fitted:
        """Fitted without these folds: none, one or two."""
        return self.results[frozenset(folds)]


def fits(folds: int) -> int:
    """How many times everything is fitted: without two folds, without one, on all."""
    return len(list(_left_out(range(folds))))


def study(
    data: OutOfFold, candidates: list[Candidate], progress: Callable[[int], None] = lambda count: None
) -> Study:
    """Choose among the candidates and score the choice; progress is told of each of `fits(K)` fits that is done."""
    numbers = np.unique(data.folds)
    fitted = _fit_all(data, candidates, numbers, progress)
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
    """Probabilities (N, C) of nested cross-validation. With two folds nothing can be chosen without both: the first."""
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
    made = [scoring.predictions(competition, competition.metric, one) for one in (oof, *rivals.values())]
    groups = int(group.max()) + 1
    drawn = bootstrap.scores(group_sums.of_predictions(competition, labels, group, groups, made), groups)
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


def _left_out(numbers) -> Iterator[frozenset]:
    """The folds that something is fitted without: none, each, and each pair where more than two folds exist."""
    for size in (0, 1, 2) if len(numbers) > 2 else (0, 1):
        yield from map(frozenset, itertools.combinations(numbers, size))


def _fit_all(data: OutOfFold, candidates: list[Candidate], numbers: np.ndarray, progress) -> Fits:
    """Every candidate by the folds that it was fitted without."""
    left_out = list(_left_out(numbers))
    order, of = combine.distinct(data.probs)
    jobs = 1 if data.probs.size < SMALL else -1
    tasks = (joblib.delayed(_fit)(data, order, candidates, out) for out in left_out)
    results = {}
    for out, fitted in zip(left_out, joblib.Parallel(n_jobs=jobs, return_as="generator")(tasks), strict=True):
        results[out] = {c: (combine.shared(weights, of), parameters) for c, (weights, parameters) in fitted.items()}
        progress(1)
    return Fits(results)


def _fit(data: OutOfFold, order: np.ndarray, candidates: list[Candidate], left_out: frozenset) -> Fitted:
    """Weights of the distinct models, in their order, and the rules' parameters, without some folds."""
    rows = ~np.isin(data.folds, list(left_out))
    labels, groups = data.labels[rows], np.unique(data.groups[rows], return_inverse=True)[1]
    inside = data.probs[np.ix_(order, np.flatnonzero(rows))]
    weights = methods.fit([c.method for c in candidates], inside, labels, groups, data.competition)
    fitted = {}
    for method, found in weights.items():
        mixed = combine.blended(method, inside, found, data.competition)
        for c in candidates:
            if c.method == method:
                fitted[c] = found, decision.fit(c.rule, mixed, labels, groups, data.competition)
    return {c: fitted[c] for c in candidates}


def _scored(data: OutOfFold, fitted: Fitted, k, group: np.ndarray) -> choice.Scored:
    """What the metric needs of each candidate's predictions for fold k."""
    inside, groups = data.folds == k, int(group.max()) + 1
    by_method = sorted(fitted, key=lambda candidate: candidate.method)  # so that one blend at a time is in memory
    made = _predictions(data, fitted, by_method, inside)
    scored = group_sums.of_predictions(data.competition, data.labels[inside], group[inside], groups, made)
    of = dict(zip(by_method, scored, strict=True))
    return [of[candidate] for candidate in fitted]


def _predictions(data: OutOfFold, fitted: Fitted, candidates: list[Candidate], rows) -> Iterator[np.ndarray]:
    """What the metric takes of each candidate; they are sorted by method."""
    for method, of_method in itertools.groupby(candidates, key=lambda candidate: candidate.method):
        mixed = None
        for candidate in of_method:
            weights, parameters = fitted[candidate]
            if mixed is None:
                mixed = combine.blended(method, data.probs[:, rows], weights, data.competition)
            yield decision.predictions(mixed, parameters, data.competition)


def _rivals(data: OutOfFold) -> dict[str, np.ndarray]:
    """What a blend has to beat: the best single model, and the equal mean."""
    runs = data.probs if data.runs is None else data.runs
    singles = [scoring.score(data.competition, data.labels, one) for one in runs]
    fair = np.full(len(runs), 1 / len(runs))
    return {"best single run": runs[int(np.argmax(singles))], "equal mean": combine.apply_weights(runs, fair)}
