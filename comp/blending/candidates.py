"""The candidates for a blend. Each one is a method that fits weights, and a decision rule.

Fit every candidate without each fold, and without each pair of folds.

Letters: M models, N rows, C classes, K folds, R runs.

The mean of several candidates, as one blend: the mean of their weights, and the mean of their rules' parameters.

Candidates of one kind of mean can be put together like this: their blends are linear in the weights (or in the weights
of logarithms, or of ranks). Their parameters are offsets or cut points, which can be averaged too.

Letters: M models, P candidates.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import joblib
import numpy as np

from comp.blending import combine, methods
from comp.competition.competition import Competition
from comp.decisions import decision

# The kind of decision: the methods that are tried with fitted rules.
WITH_RULES = {
    "class": ("equal", "greedy", "search", "geometric_search"),
    "labels": ("equal", "log_loss", "greedy"),
    "grade": ("equal", "squares", "greedy"),
}


@dataclass(frozen=True)
class Candidate:
    """A blend method with a decision rule."""

    method: str
    rule: str

    def __str__(self) -> str:
        return self.method if self.rule in decision.PLAIN else f"{self.method} + {self.rule}"


def candidates_for(competition: Competition, method: str = "", rule: str = "", parts: bool = False) -> list[Candidate]:
    """The candidates, the simplest first. If method or rule is given, only that one is used.

    If the metric has the rule `expected`, it is the only fitted rule that is tried unless another one is given: on
    other rows it scored more than the rules that are fitted to labels. The plain decision is then tried with the two
    simplest methods alone; with more, the shares of choice.py would go to it by their number.

    parts: whether runs were split by attribute; only geometric means put such parts together again. Raises InputError
    for a method or rule that does not fit the target and metric.
    """
    ways = [name for name in methods.usable(competition) if name.startswith("geometric") or not parts]
    rules = decision.rules(competition)
    if method:
        methods.check_name(method, ways, "METHOD", competition)
    if rule:
        methods.check_name(rule, rules, "RULE", competition)
    expected = decision.EXPECTED in rules and not rule
    tried = (rule,) if rule else (rules[0], decision.EXPECTED) if expected else rules
    fitted_with = WITH_RULES.get(competition.metric.decides(competition.target), ())
    plain_with = ways[:2] if expected else ways
    pairs = [
        (i + j, Candidate(m, r))
        for i, m in enumerate(ways)
        for j, r in enumerate(tried)
        if method == m or (not method and m in (plain_with if r == rules[0] else fitted_with))
    ]
    return [candidate for _, candidate in sorted(pairs, key=lambda pair: pair[0])]


SMALL_PROBLEM = 500_000  # with fewer probabilities, starting worker processes takes longer than the work

Fitted = dict[Candidate, tuple[np.ndarray, np.ndarray]]  # weights (M,), parameters of the rule


@dataclass(frozen=True)
class OutOfFold:
    """Out-of-fold predictions of M models: probs (M, N, C), labels as the target has them, folds and groups (N,).

    runs (R, N, C): the whole runs if probs are parts of runs (see by_attribute.py); None: probs are the runs.
    """

    competition: Competition
    probs: np.ndarray
    labels: np.ndarray
    folds: np.ndarray
    groups: np.ndarray
    runs: np.ndarray | None = None


@dataclass(frozen=True)
class Fits:
    """The fits of every candidate, by the folds that were left out."""

    results: dict[frozenset, Fitted]

    def without(self, *folds) -> Fitted:
        """The fits without these folds: none, one or two."""
        return self.results[frozenset(folds)]


def number_of_fits(folds: int) -> int:
    """How many fits there are: without two folds, without one, and on all."""
    return len(list(_left_out(range(folds))))


def _left_out(numbers) -> Iterator[frozenset]:
    """The sets of folds to leave out: none, each fold, and each pair if there are more than two folds."""
    for size in (0, 1, 2) if len(numbers) > 2 else (0, 1):
        yield from map(frozenset, itertools.combinations(numbers, size))


def fit_candidates(data: OutOfFold, candidates: list[Candidate], numbers: np.ndarray, progress) -> Fits:
    """Fit every candidate without each set of folds."""
    left_out = list(_left_out(numbers))
    order, number = combine.distinct_models(data.probs)
    jobs = 1 if data.probs.size < SMALL_PROBLEM else -1
    tasks = (joblib.delayed(_fit)(data, order, candidates, out) for out in left_out)
    results = {}
    for out, fitted in zip(left_out, joblib.Parallel(n_jobs=jobs, return_as="generator")(tasks), strict=True):
        results[out] = {
            c: (combine.shared_weights(weights, number), parameters) for c, (weights, parameters) in fitted.items()
        }
        progress(1)
    return Fits(results)


def _fit(data: OutOfFold, order: np.ndarray, candidates: list[Candidate], left_out: frozenset) -> Fitted:
    """Weights of the distinct models (in `order`) and parameters of the rules, fitted without some folds."""
    rows = ~np.isin(data.folds, list(left_out))
    labels, groups = data.labels[rows], np.unique(data.groups[rows], return_inverse=True)[1]
    inside = data.probs[np.ix_(order, np.flatnonzero(rows))]
    weights = methods.fit_methods([c.method for c in candidates], inside, labels, groups, data.competition)
    fitted = {}
    for method, found in weights.items():
        mixed = combine.blended(method, inside, found, data.competition)
        for c in candidates:
            if c.method == method:
                fitted[c] = found, decision.fit(c.rule, mixed, labels, groups, data.competition)
    return {c: fitted[c] for c in candidates}


MIXED = "mixed"  # the name of a method or rule that is the mean of several


@dataclass(frozen=True)
class Mixed:
    """A blend. candidate: its method and rule; weights (M,); parameters of the rule; shares: of what it is the mean."""

    candidate: Candidate
    weights: np.ndarray
    parameters: np.ndarray
    shares: dict[Candidate, float]

    def blended(self, probs: np.ndarray, competition: Competition) -> np.ndarray:
        """The blend (N, C) of probs (M, N, C); its plain decision gives the answers of the rule."""
        made = combine.blended(self.candidate.method, probs, self.weights, competition)
        return decision.adjusted(made, self.parameters, competition)


def mix_candidates(fitted: Fitted, shares: np.ndarray) -> Mixed:
    """The mean of the candidates with these shares (P,), in the order of `fitted`.

    Arithmetic means, geometric means and means of ranks cannot be put together, nor can parameters of other shapes.
    So only the kind with the largest share is used; its shares are scaled to sum 1.
    """
    kinds: dict[tuple, dict[Candidate, float]] = {}
    for (candidate, (_, parameters)), share in zip(fitted.items(), shares, strict=True):
        if share > 0:
            kind = combine.kind_of_mean(candidate.method), parameters.shape
            kinds.setdefault(kind, {})[candidate] = float(share)
    used = max(kinds.values(), key=lambda kind: round(sum(kind.values()), 9))  # of equal ones the first
    total = sum(used.values())
    used = {candidate: share / total for candidate, share in used.items()}
    weights, parameters = (sum(share * fitted[c][i] for c, share in used.items()) for i in (0, 1))
    return Mixed(_mixed_name(used), weights, parameters, used)


def _mixed_name(used: dict[Candidate, float]) -> Candidate:
    """The method and rule that all candidates have, else `mixed`; a mean of geometric means is a geometric one."""
    methods, rules = (list(dict.fromkeys(names)) for names in zip(*((c.method, c.rule) for c in used), strict=True))
    method = methods[0] if len(methods) == 1 else MIXED
    if method == MIXED and combine.kind_of_mean(methods[0]) == "geometric":
        method = f"geometric_{MIXED}"
    return Candidate(method, rules[0] if len(rules) == 1 else MIXED)
