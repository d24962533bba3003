"""The candidates for a blend: which ones are tried, their fits, and the mean of several candidates.

A candidate is a method that fits weights, and a decision rule. Each one is fitted without each fold and without each
pair of folds, so that choice.py can score it, and the choice, on rows that it has not seen. Candidates of one kind of
mean and one form of parameters can be averaged: their blends are linear in the weights, and offsets or cut points can
be averaged too.

Letters: M models, N rows, C classes, P candidates.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

import joblib
import numpy as np

from comp.blending import combine, methods
from comp.blending.methods import Method
from comp.competition.competition import Competition
from comp.decisions import decision
from comp.decisions.decision import Rule

# ---- which candidates are tried


@dataclass(frozen=True)
class Candidate:
    """A blend method with a decision rule."""

    method: Method
    rule: Rule

    def __str__(self) -> str:
        return self.method.name if self.rule.plain else f"{self.method.name} + {self.rule.name}"

    def adjusted(
        self, probs: np.ndarray, weights: np.ndarray, parameters: np.ndarray, competition: Competition
    ) -> np.ndarray:
        """The blend (N, C) of probs (M, N, C); its plain decision gives the answers of the rule."""
        mixed = self.method.mean.blended(probs, weights, competition)
        return self.rule.form.adjusted(mixed, parameters, competition)


def candidates_for(competition: Competition, method: str = "", rule: str = "") -> list[Candidate]:
    """The candidates, the simplest first. If the name of a method or rule is given, only that one is used.

    If the metric has the rule `expected`, the plain decision is tried with the two simplest methods alone: with more,
    its shares would grow by their number (choice.py). Fitted rules are tried with the methods that are listed for them.
    Raises InputError for a method or rule that does not fit the target and metric.
    """
    tried_methods, rules = methods.methods_for(competition), decision.rules_for(competition)
    kind = competition.metric.decides(competition.target)
    plain_with = tried_methods
    fitted_with = [each for each in tried_methods if kind in each.with_rules]
    if rule:
        methods.check_name(rule, [each.name for each in rules], "RULE", competition)
        tried_rules = (decision.rule_for(rule, competition),)
    else:
        tried_rules = rules
        if decision.EXPECTED in (each.name for each in rules):
            plain_with = tried_methods[:2]
    if method:
        tried_methods = plain_with = fitted_with = [methods.method_for(method, competition)]
    pairs = [
        (i + j, Candidate(m, r))
        for i, m in enumerate(tried_methods)
        for j, r in enumerate(tried_rules)
        if m in (plain_with if r.plain else fitted_with)
    ]
    return [candidate for _, candidate in sorted(pairs, key=lambda pair: pair[0])]


# ---- their fits

SMALL_PROBLEM = 500_000  # with fewer probabilities, starting worker processes takes longer than the work

Fitted = dict[Candidate, tuple[np.ndarray, np.ndarray]]  # weights (M,), parameters of the rule


@dataclass(frozen=True)
class OutOfFold:
    """Out-of-fold predictions of M runs: probs (M, N, C), labels as the target has them, folds and groups (N,)."""

    competition: Competition
    probs: np.ndarray
    labels: np.ndarray
    folds: np.ndarray
    groups: np.ndarray


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
    """Fit every candidate without each set of folds; progress(1) is called after each fit."""
    left_out = list(_left_out(numbers))
    order, number = combine.distinct_models(data.probs)
    jobs = 1 if data.probs.size < SMALL_PROBLEM else -1
    tasks = (joblib.delayed(_fit)(data, order, candidates, out) for out in left_out)
    results = {}
    for out, fitted in zip(left_out, joblib.Parallel(n_jobs=jobs, return_as="generator")(tasks), strict=True):
        shared = [(combine.shared_weights(weights, number), parameters) for weights, parameters in fitted]
        results[out] = dict(zip(candidates, shared, strict=True))
        progress(1)
    return Fits(results)


def _fit(
    data: OutOfFold, order: np.ndarray, candidates: list[Candidate], left_out: frozenset
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Weights of the distinct models (in `order`) and parameters of the rule of each candidate, without some folds."""
    rows, competition = ~np.isin(data.folds, list(left_out)), data.competition
    labels, groups = data.labels[rows], np.unique(data.groups[rows], return_inverse=True)[1]
    inside = data.probs[np.ix_(order, np.flatnonzero(rows))]
    weights = methods.fit_methods([c.method for c in candidates], inside, labels, groups, competition)
    fitted = {}
    for method, of_method in weights.items():
        mixed = method.mean.blended(inside, of_method, competition)
        for c in candidates:
            if c.method == method:
                fitted[c] = of_method, c.rule.fit(mixed, labels, groups, competition)
    return [fitted[c] for c in candidates]


# ---- the mean of several

MIXED = "mixed"  # the name of a rule that is the mean of several


@dataclass(frozen=True)
class Mixed:
    """A blend. candidate: its method and rule; weights (M,); parameters of the rule; shares: of what it is the mean."""

    candidate: Candidate
    weights: np.ndarray
    parameters: np.ndarray
    shares: dict[Candidate, float]

    def blended(self, probs: np.ndarray, competition: Competition) -> np.ndarray:
        """The blend (N, C) of probs (M, N, C); its plain decision gives the answers of the rule."""
        return self.candidate.adjusted(probs, self.weights, self.parameters, competition)


def mix_candidates(fitted: Fitted, shares: np.ndarray) -> Mixed:
    """The mean of the candidates with these shares (P,), in the order of `fitted`.

    Different kinds of mean cannot be put together, nor can parameters of different forms. So only the kind with the
    largest share is used; its shares are scaled to sum 1.
    """
    kinds: dict[tuple, dict[Candidate, float]] = {}
    for candidate, share in zip(fitted, shares, strict=True):
        if share > 0:
            kinds.setdefault((candidate.method.mean, candidate.rule.form), {})[candidate] = float(share)
    used = max(kinds.values(), key=lambda kind: round(sum(kind.values()), 9))  # of equal ones the first
    total = sum(used.values())
    used = {candidate: share / total for candidate, share in used.items()}
    weights, parameters = (sum(share * fitted[c][i] for c, share in used.items()) for i in (0, 1))
    return Mixed(_mean_of(list(used)), weights, parameters, used)


def _mean_of(candidates: list[Candidate]) -> Candidate:
    """The method and rule that all candidates have, else one that is named as a mixture."""
    method, rule = candidates[0].method, candidates[0].rule
    if any(c.method != method for c in candidates):
        method = replace(method, name=method.mean.mixed)
    if any(c.rule != rule for c in candidates):
        rule = replace(rule, name=MIXED, plain=False)
    return Candidate(method, rule)
