"""The mean of several candidates, as one blend: the mean of their weights, and the mean of their rules' parameters.

Candidates of one kind of mean can be put together like this: their blends are linear in the weights (or in the weights
of logarithms, or of ranks). Their parameters are offsets or cut points, which can be averaged too.

Letters: M models, P candidates.
"""

from dataclasses import dataclass

import numpy as np

from comp.blending import combine
from comp.blending.candidates import Candidate
from comp.blending.fold_fits import Fitted
from comp.competition.competition import Competition
from comp.decisions import decision

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


def mix(fitted: Fitted, shares: np.ndarray) -> Mixed:
    """The mean of the candidates with these shares (P,), in the order of `fitted`.

    Arithmetic means, geometric means and means of ranks cannot be put together, nor can parameters of other shapes.
    So only the kind with the largest share is used; its shares are scaled to sum 1.
    """
    kinds: dict[tuple, dict[Candidate, float]] = {}
    for (candidate, (_, parameters)), share in zip(fitted.items(), shares, strict=True):
        if share > 0:
            kind = combine.kind(candidate.method), parameters.shape
            kinds.setdefault(kind, {})[candidate] = float(share)
    used = max(kinds.values(), key=lambda kind: round(sum(kind.values()), 9))  # of equal ones the first
    total = sum(used.values())
    used = {candidate: share / total for candidate, share in used.items()}
    weights, parameters = (sum(share * fitted[c][i] for c, share in used.items()) for i in (0, 1))
    return Mixed(_name(used), weights, parameters, used)


def _name(used: dict[Candidate, float]) -> Candidate:
    """The method and rule that all candidates have, else `mixed`; a mean of geometric means is a geometric one."""
    methods, rules = (list(dict.fromkeys(names)) for names in zip(*((c.method, c.rule) for c in used), strict=True))
    method = methods[0] if len(methods) == 1 else MIXED
    if method == MIXED and combine.kind(methods[0]) == "geometric":
        method = f"geometric_{MIXED}"
    return Candidate(method, rules[0] if len(rules) == 1 else MIXED)
