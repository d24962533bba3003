"""List the candidates for a blend, fit them, and average several candidates into one blend.

A candidate is a blend method, which fits weights, together with a decision rule, which fits parameters. Each candidate
is fitted on all folds, without each fold, and without each pair of folds. So choice.py can score the candidates, and
the choice among them, on rows that were not used in the fit. The weights and the parameters of several candidates can
be averaged if the candidates have the same kind of mean and the same form of parameters.

Letters in the shapes: M models, N rows, C classes, P candidates, D models with distinct predictions.
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
    """A blend method together with a decision rule."""

    method: Method
    rule: Rule

    def __str__(self) -> str:
        return self.method.name if self.rule.plain else f"{self.method.name} + {self.rule.name}"

    def adjusted(
        self, probs: np.ndarray, weights: np.ndarray, parameters: np.ndarray, competition: Competition
    ) -> np.ndarray:
        """Return the blend (N, C), changed so that a plain decision gives the same result as the decision rule.

        The plain decision is argmax, a threshold of 0.5, or rounding. probs (M, N, C): the predictions of M models.
        weights (M,): the weights of the models. parameters: the fitted parameters of the decision rule.
        """
        mixed = self.method.mean.blended(probs, weights, competition)
        return self.rule.form.adjusted(mixed, parameters, competition)


def candidates_for(competition: Competition, method: str = "", rule: str = "") -> list[Candidate]:
    """Return the candidates, which are pairs of a blend method and a decision rule, the simplest pair first.

    method, rule: the name of the only method or of the only rule to try; "" means that all are tried. Rules with fitted
    parameters are tried only with some methods (`Method.with_rules`). If the rule `expected` is possible, the plain
    decision (argmax, or a threshold of 0.5, or rounding) is tried only with the two simplest methods, because many
    similar candidates would together get too large a share of the blend (choice.py). Raise InputError if the method or
    the rule cannot be used in the competition.
    """
    tried_methods, rules = methods.methods_for(competition), decision.rules_for(competition)
    kind = competition.decides(competition.metric)
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


# ---- the fits of the candidates

SMALL_PROBLEM = 500_000  # with fewer probabilities, the fits take less time than the start of worker processes

Fitted = dict[Candidate, tuple[np.ndarray, np.ndarray]]  # maps a candidate to its weights and parameters


@dataclass(frozen=True)
class OutOfFold:
    """The out-of-fold predictions of several runs for the same rows, and the labels of these rows.

    probs (M, N, C): the predictions of M runs for N rows. labels: the true labels, as (N,) or, for multilabel data, as
    (N, C) of 0 and 1. folds, groups (N,): the fold and the group of each row.
    """

    competition: Competition
    probs: np.ndarray
    labels: np.ndarray
    folds: np.ndarray
    groups: np.ndarray


@dataclass(frozen=True)
class Fits:
    """The fits of all candidates. Each candidate is fitted several times, each time with other folds left out.

    results: a dictionary from each set of left-out folds to the weights and parameters of all candidates.
    """

    results: dict[frozenset, Fitted]

    def without(self, *folds) -> Fitted:
        """Return the weights and parameters of all candidates, fitted without these folds. folds: their numbers."""
        return self.results[frozenset(folds)]


def number_of_fits(folds: int) -> int:
    """Return how many times each candidate is fitted in a competition with `folds` folds.

    A candidate is fitted once on all folds, once without each fold and, if there are more than two folds, once without
    each pair of folds.
    """
    return len(list(_left_out(range(folds))))


def _left_out(numbers) -> Iterator[frozenset]:
    """Yield the sets of folds to leave out of a fit: no fold, each fold alone, and each pair of folds.

    Pairs are yielded only if there are three or more folds. numbers: the numbers of all folds.
    """
    for size in (0, 1, 2) if len(numbers) > 2 else (0, 1):
        yield from map(frozenset, itertools.combinations(numbers, size))


def fit_candidates(data: OutOfFold, candidates: list[Candidate], numbers: np.ndarray, progress) -> Fits:
    """Fit every candidate several times: on all folds, on all folds but one, and on all folds but two.

    Each fold is left out once, and each pair of folds once (if there are three or more folds). numbers: the numbers of
    all folds. progress: a function that is called as progress(1) whenever all candidates have been fitted once more.
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
    """Fit each candidate without the folds `left_out`. Return for each candidate its weights (D,) and its parameters.

    order (D,): the positions of D models with distinct predictions. The weights are in this order.
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


# ---- the mean of several candidates

MIXED = "mixed"  # the name of the rule of a blend that is the mean of several rules


@dataclass(frozen=True)
class Mixed:
    """A blend that is the mean of one or more candidates, each of which is a blend method with a decision rule.

    candidate: the method and the rule of the blend. weights (M,): the weights of the models. parameters: the parameters
    of the rule. shares: a dictionary from each candidate to its share in the mean; the shares sum to 1.
    """

    candidate: Candidate
    weights: np.ndarray
    parameters: np.ndarray
    shares: dict[Candidate, float]

    def blended(self, probs: np.ndarray, competition: Competition) -> np.ndarray:
        """Return the blend (N, C), changed so that a plain decision gives the same result as the decision rule.

        The plain decision is argmax, a threshold of 0.5, or rounding. probs (M, N, C): the predictions of the models.
        """
        return self.candidate.adjusted(probs, self.weights, self.parameters, competition)


def mix_candidates(fitted: Fitted, shares: np.ndarray) -> Mixed:
    """Average the weights and the parameters of the fitted candidates, and return the candidate that has the averages.

    Each candidate counts in proportion to its share. Only candidates that combine the models in the same way (such as
    by a geometric mean), and whose parameters have the same form, can be averaged. If there are several sets of such
    candidates, only the set with the largest total share is used. fitted: a dictionary from each candidate to its
    weights and parameters. shares (P,): the share of each candidate, in the order of `fitted`.
    """
    kinds: dict[tuple, dict[Candidate, float]] = {}
    for candidate, share in zip(fitted, shares, strict=True):
        if share > 0:
            kinds.setdefault((candidate.method.mean, candidate.rule.form), {})[candidate] = float(share)
    used = max(kinds.values(), key=lambda kind: round(sum(kind.values()), 9))  # the first of equal kinds
    total = sum(used.values())
    used = {candidate: share / total for candidate, share in used.items()}
    weights, parameters = (sum(share * fitted[c][i] for c, share in used.items()) for i in (0, 1))
    return Mixed(_mean_of(list(used)), weights, parameters, used)


def _mean_of(candidates: list[Candidate]) -> Candidate:
    """Return a Candidate that names the method and the rule of the mean of several candidates.

    If the candidates have different methods, the method is named "mixed", or a name such as "geometric_mixed" that also
    says the kind of mean. If they have different rules, the rule is named "mixed".
    """
    method, rule = candidates[0].method, candidates[0].rule
    if any(c.method != method for c in candidates):
        method = replace(method, name=method.mean.mixed)
    if any(c.rule != rule for c in candidates):
        rule = replace(rule, name=MIXED, plain=False)
    return Candidate(method, rule)
