"""The decision rules turn blended probabilities into answers. The target and the metric decide which rules exist.

| decided     | rules, from the simplest                | parameters                           | module           |
|-------------|-----------------------------------------|--------------------------------------|------------------|
| class       | argmax, prior, attributes, classes      | offsets (C,) of log-probabilities    | class_offsets    |
| labels      | half, common, labels                    | offsets (C,) of log-odds             | label_thresholds |
| grade       | round, cuts                             | cut points (C - 1,)                  | grade_cuts       |
| none        | none                                    | (0,)                                 |                  |

Every rule is fitted to blended out-of-fold probabilities. `adjusted` changes probabilities so that the plain decision
(argmax, 0.5, rounding) gives the answers of the rule. So no other module needs to know the rules.
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
    """The rules for the competition's target and metric, the simplest first."""
    module = _module(competition)
    return module.rules(competition) if module else ("none",)


def fit(rule: str, probs: np.ndarray, labels: np.ndarray, groups: np.ndarray, competition: Competition) -> np.ndarray:
    """Parameters of a rule for blended probs (N, C). groups (N,): subsamples keep the rows of a group together."""
    module = _module(competition)
    return module.fit(rule, probs, labels, groups, competition) if module else np.zeros(0)


def adjusted(probs: np.ndarray, parameters: np.ndarray, competition: Competition) -> np.ndarray:
    """Probabilities (N, C) float32, changed so that the plain decision gives the answers of the rule."""
    module = _module(competition)
    return module.adjusted(probs, parameters) if module else probs


def predictions(probs: np.ndarray, parameters: np.ndarray, competition: Competition) -> np.ndarray:
    """The predictions for the competition's metric: the answers of the rule, or probabilities if none are needed."""
    if _module(competition) is class_offsets:
        return class_offsets.decide(probs, parameters)
    return scoring.predictions(competition, competition.metric, adjusted(probs, parameters, competition))


def named(parameters: np.ndarray, competition: Competition) -> dict[str, float]:
    """The parameters by the name of their class, or of the two grades that a cut point separates."""
    names = competition.classes
    if _module(competition) is grade_cuts:
        names = [f"{low} | {high}" for low, high in pairwise(names)]
    return dict(zip(names, parameters.tolist(), strict=True)) if len(parameters) else {}


def _module(competition: Competition) -> ModuleType | None:
    return _MODULES.get(competition.metric.decides(competition.target))
