"""The decision rules: how blended probabilities become answers. Which rules there are depends on target and metric.

| decided     | rules, from the simplest                | parameters                           | module           |
|-------------|-----------------------------------------|--------------------------------------|------------------|
| one class   | argmax, prior, attributes, classes      | offsets (C,) of log-probabilities    | class_offsets    |
| labels      | half, common, labels                    | offsets (C,) of log-odds             | label_thresholds |
| a grade     | round, cuts                             | cut points (C - 1,)                  | grade_cuts       |
| nothing     | none                                    | (0,)                                 |                  |

Every rule is fitted to blended out-of-fold probabilities. `adjusted` gives probabilities whose plain decision (argmax,
0.5, rounding) is the rule's, so that nothing else needs to know of rules.
"""

from itertools import pairwise
from types import ModuleType

import numpy as np

from comp.competition import scoring
from comp.competition.competition import Competition
from comp.decisions import class_offsets, grade_cuts, label_thresholds

NAMES = ("argmax", "prior", "attributes", "classes", "half", "common", "labels", "round", "cuts")
PLAIN = ("argmax", "half", "round", "none")  # the rules without a fitted parameter
_MODULES = {"class": class_offsets, "labels": label_thresholds, "grade": grade_cuts}


def rules(competition: Competition) -> tuple[str, ...]:
    """The rules for the competition's target and metric, from the simplest to the least simple."""
    module = _module(competition)
    return module.rules(competition) if module else ("none",)


def fit(rule: str, probs: np.ndarray, labels: np.ndarray, groups: np.ndarray, competition: Competition) -> np.ndarray:
    """Parameters of a rule for blended probs (N, C). groups (N,): rows of one stay together in subsamples."""
    module = _module(competition)
    return module.fit(rule, probs, labels, groups, competition) if module else np.zeros(0)


def adjusted(probs: np.ndarray, parameters: np.ndarray, competition: Competition) -> np.ndarray:
    """Probabilities (N, C) float32 whose plain decision is the one of the rule with these parameters."""
    module = _module(competition)
    return module.adjusted(probs, parameters) if module else probs


def predictions(probs: np.ndarray, parameters: np.ndarray, competition: Competition) -> np.ndarray:
    """What the competition's metric takes: the rule's answers, or probabilities where nothing is decided."""
    if _module(competition) is class_offsets:
        return class_offsets.decide(probs, parameters)
    return scoring.predictions(competition, competition.metric, adjusted(probs, parameters, competition))


def named(parameters: np.ndarray, competition: Competition) -> dict[str, float]:
    """The parameters with the name of the class, or of the two grades, that each belongs to."""
    names = competition.classes
    if _module(competition) is grade_cuts:
        names = [f"{low} | {high}" for low, high in pairwise(names)]
    return dict(zip(names, parameters.tolist(), strict=True)) if len(parameters) else {}


def _module(competition: Competition) -> ModuleType | None:
    return _MODULES.get(competition.metric.decides(competition.target))
