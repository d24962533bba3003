"""Which method and rule to blend with, and the honest score of that: everything is fitted and chosen on other folds.

A candidate is a method of comp/blend.py with a rule of comp/decision.py. For the score of fold j the candidate is
chosen on the other folds, from predictions for each of them, k, that were fitted without j and k; it is then fitted on
all folds but j. Nothing about fold j is known to what answers for it, and persons are never on two sides.

Where that score is below what the best single run or the equal mean reaches, the choice is not worth its noise: there
are too few rows to choose by, and the better of those two is taken.

Letters: M models, N rows, C classes, K folds, P candidates, R runs.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import joblib
import numpy as np

from comp.blending import bootstrap, combine, decision, methods
from comp.competition import metrics
from comp.errors import InputError

WITH_RULES = ("equal", "greedy", "search", "geometric_search")  # rules cost more time than weights: not for all
SMALL = 500_000  # probabilities below which worker processes start later than the work is done


@dataclass(frozen=True)
class Candidate:
    method: str
    rule: str

    def __str__(self) -> str:
        return self.method if self.rule == "argmax" else f"{self.method} + {self.rule}"


PLAIN = (Candidate("best", "argmax"), Candidate("equal", "argmax"))


@dataclass(frozen=True)
class Data:
    """probs (M, N, C), labels, folds and groups (N,), metric, and attributes: name to each class's value (C,).

    runs (R, N, C): what the blend has to beat, where probs are parts of runs (`combine.by_attribute`); None: probs.
    """

    probs: np.ndarray
    labels: np.ndarray
    folds: np.ndarray
    groups: np.ndarray
    metric: str
    attributes: dict
    runs: np.ndarray | None = None


@dataclass(frozen=True)
class Study:
    """The chosen candidate, fitted on all rows, and what is known of it. Scores: better up.

    table: each candidate with its cross-fitted score, the chosen one's being the one that the choice was made by;
    honest: the score with the choice, too, made on other folds; interval: 95 % of the bootstrap over persons of honest.
    """

    chosen: Candidate
    weights: np.ndarray
    offsets: np.ndarray
    in_sample: float
    honest: float
    interval: tuple[float, float]
    beats: dict[str, float]
    table: list[tuple[Candidate, float]]
    oof: np.ndarray  # (N, C): each row by what was fitted and chosen on other folds
    fell_back: bool  # to the best single run or the equal mean


Fitted = dict[Candidate, tuple[np.ndarray, np.ndarray]]  # weights (M,), offsets (C,)


def candidates(metric: str, classes: int, method: str = "", rule: str = "", parts: bool = False) -> list[Candidate]:
    """From the simplest to the least simple; method and rule, if given, are the only ones.

    parts: of runs by attribute, which only geometric means put together again.
    """
    ways, rules = methods.usable(metric, classes), decision.RULES if metric in metrics.ARGMAX else decision.RULES[:1]
    ways = [name for name in ways if name.startswith("geometric") or not parts]
    for name, value, known in (("METHOD", method, ways), ("RULE", rule, rules)):
        if value and value not in known:
            raise InputError(f"{name}={value}", f"one of {', '.join(known)}, for {metric}")
    pairs = [
        (i + j, Candidate(m, r))
        for i, m in enumerate(ways)
        for j, r in enumerate(rules)
        if (method == m or (not method and (r == "argmax" or m in WITH_RULES))) and rule in ("", r)
    ]
    return [candidate for _, candidate in sorted(pairs, key=lambda pair: pair[0])]


def study(data: Data, pool: list[Candidate], progress: Callable[[int], None] = lambda count: None) -> Study:
    """Choose among the candidates and score the choice; progress is told of each of `fits(K)` fits that is done."""
    numbers = np.unique(data.folds)
    fitted = _fit_all(data, pool, numbers, progress)
    labels, group = data.labels, np.unique(data.groups, return_inverse=True)[1]
    single = {k: _answers(data, fitted[(k,)], k) for k in numbers}
    oof = np.empty(data.probs.shape[1:], np.float32)
    for j in numbers:
        others = [k for k in numbers if k != j]
        inner = {k: _answers(data, fitted[_pair(j, k)], k) for k in others} if len(others) > 1 else {}
        chosen = choose(data, pool, inner) if inner else pool[0]
        oof[data.folds == j] = _blended(data, data.folds == j, chosen, fitted[(j,)])
    final, scores = choose(data, pool, single), _scores(data, single)
    plain = [i for i, candidate in enumerate(pool) if candidate in PLAIN]
    safest = max(plain, key=lambda i: scores[i], default=None)
    fell_back = safest is not None and scores[safest] > metrics.score(data.metric, labels, oof)
    if fell_back:
        final = pool[safest]
        for k in numbers:
            oof[data.folds == k] = _blended(data, data.folds == k, final, fitted[(k,)])
    weights, offsets = fitted[()][final]
    inside = _blended(data, slice(None), final, fitted[()])
    rivals = _rivals(data)
    drawn = bootstrap.scores(data.metric, labels, group, [oof, *rivals.values()])
    return Study(
        chosen=final,
        weights=weights,
        offsets=offsets,
        in_sample=metrics.score(data.metric, labels, inside),
        honest=metrics.score(data.metric, labels, oof),
        interval=tuple(float(x) for x in np.percentile(drawn[0], [2.5, 97.5])),
        beats={name: float((drawn[0] > rival).mean() + (drawn[0] == rival).mean() / 2)
               for name, rival in zip(rivals, drawn[1:], strict=True)},
        table=list(zip(pool, scores, strict=True)),
        oof=oof,
        fell_back=fell_back,
    )  # fmt: skip


def _blended(data: Data, rows, candidate: Candidate, fitted: Fitted) -> np.ndarray:
    weights, offsets = fitted[candidate]
    return decision.adjusted(combine.blended(candidate.method, data.probs[:, rows], weights), offsets)


def fits(folds: int) -> int:
    """How many times everything is fitted: without two folds, without one, on all."""
    return folds * (folds - 1) // 2 * (folds > 2) + folds + 1


def _pair(j, k) -> tuple:
    return tuple(sorted((j, k)))


def _fit_all(data: Data, pool: list[Candidate], numbers: np.ndarray, progress) -> dict[tuple, Fitted]:
    """Every candidate, by the folds that it was fitted without."""
    without = [(), *((k,) for k in numbers)]
    if len(numbers) > 2:
        without += [_pair(j, k) for j, k in itertools.combinations(numbers, 2)]
    order, of = combine.distinct(data.probs)
    jobs = 1 if data.probs.size < SMALL else -1
    tasks = (joblib.delayed(_fit)(data, order, pool, out) for out in without)
    results = {}
    for out, fitted in zip(without, joblib.Parallel(n_jobs=jobs, return_as="generator")(tasks), strict=True):
        results[out] = {c: (combine.shared(weights, of), offsets) for c, (weights, offsets) in fitted.items()}
        progress(1)
    return results


def _fit(data: Data, order: np.ndarray, pool: list[Candidate], without: tuple) -> Fitted:
    """Weights of the distinct models, in their order, and offsets, without some folds."""
    rows = ~np.isin(data.folds, without)
    labels, groups = data.labels[rows], np.unique(data.groups[rows], return_inverse=True)[1]
    inside = data.probs[np.ix_(order, np.flatnonzero(rows))]
    problem = methods.Problem.of(inside, labels, groups, data.metric)
    fitted = {}
    for method in dict.fromkeys(candidate.method for candidate in pool):
        weights = methods.METHODS[method](problem)
        mixed = combine.blended(method, inside, weights)
        for candidate in pool:
            if candidate.method == method:
                offsets = decision.fit(candidate.rule, mixed, labels, groups, data.metric, data.attributes)
                fitted[candidate] = weights, offsets
    return {candidate: fitted[candidate] for candidate in pool}  # in the order of the pool, as all lists of candidates


def _answers(data: Data, fitted: Fitted, k) -> list[np.ndarray]:
    """Each candidate's answers for fold k, or its probabilities where the metric is of those."""
    inside, blended, answers = data.folds == k, {}, []
    for candidate, (weights, offsets) in fitted.items():
        if candidate.method not in blended:
            blended[candidate.method] = combine.blended(candidate.method, data.probs[:, inside], weights)
        mixed = blended[candidate.method]
        answers.append(decision.decide(mixed, offsets) if data.metric in metrics.ARGMAX else mixed)
    return answers


def choose(data: Data, pool: list[Candidate], answers: dict) -> Candidate:
    """The simplest candidate within one standard error of the best; the error is that of the difference to the best.

    answers: for each fold each candidate's answers. The difference, because candidates err on the same rows: it is
    known far better than either score. Its error is by bootstrap over persons; over folds for metrics of probabilities.
    """
    scores = _scores(data, answers)
    best = int(np.argmax(scores))
    if data.metric in metrics.ARGMAX:
        rows = np.concatenate([np.flatnonzero(data.folds == k) for k in answers])
        made = [np.concatenate([parts[i] for parts in answers.values()]) for i in range(len(pool))]
        group = np.unique(data.groups[rows], return_inverse=True)[1]
        drawn = bootstrap.scores(data.metric, data.labels[rows], group, made, rounds=200, classes=data.probs.shape[2])
        error = (drawn[best] - drawn).std(1)
    else:
        by_fold = np.array([[_score(data, parts[i], k) for k, parts in answers.items()] for i in range(len(pool))])
        error = (by_fold[best] - by_fold).std(1) / np.sqrt(len(answers))
    return pool[int(np.flatnonzero(scores[best] - scores <= error)[0])]


def _score(data: Data, made: np.ndarray, k) -> float:
    return metrics.score(data.metric, data.labels[data.folds == k], made)


def _scores(data: Data, answers: dict) -> np.ndarray:
    """The metric of each candidate (P,) over the rows of these folds."""
    labels = np.concatenate([data.labels[data.folds == k] for k in answers])
    count = len(next(iter(answers.values())))
    made = [np.concatenate([parts[i] for parts in answers.values()]) for i in range(count)]
    if data.metric in metrics.ARGMAX:
        return np.array([metrics.score_of_answers(data.metric, labels, one, data.probs.shape[2]) for one in made])
    return np.array([metrics.score(data.metric, labels, one) for one in made])


def _rivals(data: Data) -> dict[str, np.ndarray]:
    """What a blend has to beat: the best single model, and the equal mean."""
    runs = data.probs if data.runs is None else data.runs
    singles = [metrics.score(data.metric, data.labels, one) for one in runs]
    fair = np.full(len(runs), 1 / len(runs))
    return {"best single run": runs[int(np.argmax(singles))], "equal mean": combine.apply_weights(runs, fair)}
