"""Fit every candidate without each fold, and without each pair of folds.

Letters: M models, N rows, C classes, K folds, R runs.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import joblib
import numpy as np

from comp.blending import combine, methods
from comp.blending.candidates import Candidate
from comp.competition.competition import Competition
from comp.decisions import decision

SMALL = 500_000  # with fewer probabilities, starting worker processes takes longer than the work

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


def fits(folds: int) -> int:
    """How many fits there are: without two folds, without one, and on all."""
    return len(list(_left_out(range(folds))))


def _left_out(numbers) -> Iterator[frozenset]:
    """The sets of folds to leave out: none, each fold, and each pair if there are more than two folds."""
    for size in (0, 1, 2) if len(numbers) > 2 else (0, 1):
        yield from map(frozenset, itertools.combinations(numbers, size))


def fit_all(data: OutOfFold, candidates: list[Candidate], numbers: np.ndarray, progress) -> Fits:
    """Fit every candidate without each set of folds."""
    left_out = list(_left_out(numbers))
    order, number = combine.distinct(data.probs)
    jobs = 1 if data.probs.size < SMALL else -1
    tasks = (joblib.delayed(_fit)(data, order, candidates, out) for out in left_out)
    results = {}
    for out, fitted in zip(left_out, joblib.Parallel(n_jobs=jobs, return_as="generator")(tasks), strict=True):
        results[out] = {c: (combine.shared(weights, number), parameters) for c, (weights, parameters) in fitted.items()}
        progress(1)
    return Fits(results)


def _fit(data: OutOfFold, order: np.ndarray, candidates: list[Candidate], left_out: frozenset) -> Fitted:
    """Weights of the distinct models (in `order`) and parameters of the rules, fitted without some folds."""
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
