"""The candidates for a blend: the list of candidates that are tried, their fits, and the mean of several candidates.

A candidate is a method that fits weights, together with a decision rule. Each candidate is fitted without each fold and
without each pair of folds, so that choice.py can score the candidates, and the choice among them, on rows that no fit
has seen. Candidates with the same kind of mean and the same form of parameters can be averaged, because their blends
are linear in the weights, and offsets or cut points can be averaged too.

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
        """The blend (N, C) of probs (M, N, C). The plain decision on the blend gives the answers of the rule."""
        mixed = self.method.mean.blended(probs, weights, competition)
        return self.rule.form.adjusted(mixed, parameters, competition)


def candidates_for(competition: Competition, method: str = "", rule: str = "") -> list[Candidate]:
    """The candidates for the competition, the simplest first.

    method, rule: a name, so that only this method or only this rule is tried; an empty text tries all of them. If the
    metric has the rule `expected`, the plain decision is tried with only the two simplest methods, because with more
    methods its total share would grow with their number (choice.py). Fitted rules are tried with the methods whose
    `with_rules` lists them. Raises InputError for a method or a rule that does not fit the target and the metric.
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

Fitted = dict[Candidate, tuple[np.ndarray, np.ndarray]]  # each candidate to its weights (M,) and its rule's parameters


@dataclass(frozen=True)
class OutOfFold:
    """Out-of-fold predictions of M runs.

    probs: (M, N, C). labels: in the form of the target. folds, groups (N,): the fold and the group of each row.
    """

    competition: Competition
    probs: np.ndarray
    labels: np.ndarray
    folds: np.ndarray
    groups: np.ndarray


@dataclass(frozen=True)
class Fits:
    """The fits of all candidates. results: each set of folds that was left out to the fits without these folds."""

    results: dict[frozenset, Fitted]

    def without(self, *folds) -> Fitted:
        """The fits of all candidates without the given folds, of which there may be none, one or two."""
        return self.results[frozenset(folds)]


def number_of_fits(folds: int) -> int:
    """The number of fits of each candidate: one on all folds, one without each fold and one without each pair of folds.

    With two folds there are no fits without a pair.
    """
    return len(list(_left_out(range(folds))))


def _left_out(numbers) -> Iterator[frozenset]:
    """Yield the sets of folds to leave out: no fold, each fold, and each pair if there are more than two folds."""
    for size in (0, 1, 2) if len(numbers) > 2 else (0, 1):
        yield from map(frozenset, itertools.combinations(numbers, size))


def fit_candidates(data: OutOfFold, candidates: list[Candidate], numbers: np.ndarray, progress) -> Fits:
    """Fit every candidate without each set of folds, and call progress(1) after each set.

    numbers: the numbers of all folds.
    """
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
    """The weights (D,) and the parameters of the rule of each candidate, fitted without the folds `left_out`.

    order (D,): positions of the distinct models, in the order of their weights.
    """
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
    """A blend that is the mean of one or more candidates.

    candidate: the method and the rule of the blend. weights (M,). parameters: those of the rule. shares: each candidate
    to its share in the mean; the shares sum to 1.
    """

    candidate: Candidate
    weights: np.ndarray
    parameters: np.ndarray
    shares: dict[Candidate, float]

    def blended(self, probs: np.ndarray, competition: Competition) -> np.ndarray:
        """The blend (N, C) of probs (M, N, C). The plain decision on the blend gives the answers of the rule."""
        return self.candidate.adjusted(probs, self.weights, self.parameters, competition)


def mix_candidates(fitted: Fitted, shares: np.ndarray) -> Mixed:
    """The mean of the candidates with these shares (P,), which are in the order of `fitted`.

    Candidates with different kinds of mean, or with parameters of different forms, cannot be averaged. So only the
    candidates of the kind with the largest total share are used. The shares of these candidates are scaled to sum to 1.
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
    """A candidate with the method and the rule of the given candidates.

    If their methods differ, the method has the name of a mixture, and likewise the rule.
    """
    method, rule = candidates[0].method, candidates[0].rule
    if any(c.method != method for c in candidates):
        method = replace(method, name=method.mean.mixed)
    if any(c.rule != rule for c in candidates):
        rule = replace(rule, name=MIXED, plain=False)
    return Candidate(method, rule)
