"""The decision rules turn blended probabilities into answers. The target and the metric decide which rules exist.

| decided | rules, from the simplest           | parameters                        | module           |
|---------|------------------------------------|-----------------------------------|------------------|
| class   | argmax, prior, attributes, classes | offsets (C,) of log-probabilities | class_offsets    |
|         | expected, after argmax             | calibration and gains, two axes   | expected_classes |
| labels  | half, common, labels               | offsets (C,) of log-odds          | label_thresholds |
|         | expected, after half               | the same                          | expected_labels  |
| grade   | round, cuts                        | cut points (C - 1,)               | grade_cuts       |
|         | expected, after round              | the same                          | expected_grades  |
| none    | none                               | (0,)                              |                  |

Every rule is fitted to blended out-of-fold probabilities. `expected` calibrates them by log loss and takes the answers
with the best expected value of the metric; all others are fitted to the value itself. `adjusted` changes probabilities
so that the plain decision (argmax, 0.5, rounding) gives the answers of the rule. So no other module needs to know the
rules.
"""

from itertools import pairwise
from types import ModuleType

import numpy as np

from comp.competition import scoring
from comp.competition.competition import Competition
from comp.decisions import class_offsets, expected, grade_cuts, label_thresholds

EXPECTED = "expected"
NAMES = ("argmax", "half", "round", EXPECTED, "prior", "attributes", "classes", "common", "labels", "cuts")
PLAIN = ("argmax", "half", "round", "none")  # the rules without a fitted parameter
_MODULES = {"class": class_offsets, "labels": label_thresholds, "grade": grade_cuts}
_EXPECTED = {"class": expected.fit_classes, "labels": expected.fit_labels, "grade": expected.fit_grades}


def rules(competition: Competition) -> tuple[str, ...]:
    """The rules for the competition's target and metric, the simplest first."""
    module, metric = _module(competition), competition.metric
    if module is None:
        return ("none",)
    plain, *others = module.rules(competition)
    has_parts = metric.rows if module is grade_cuts else metric.terms
    return (plain, EXPECTED, *others) if has_parts else (plain, *others)


def fit(
    rule: str, probs: np.ndarray, labels: np.ndarray, groups: np.ndarray, competition: Competition, on=None
) -> np.ndarray:
    """Parameters of a rule for blended probs (N, C). groups (N,): subsamples keep the rows of a group together.

    on (T, C): for the rule `expected`, probabilities of the rows whose expected value is maximised, such as test
    photos; None: of the rows that it is calibrated on.
    """
    if rule == EXPECTED:
        return _EXPECTED[_kind(competition)](probs, labels, groups, competition, on)
    module = _module(competition)
    return module.fit(rule, probs, labels, groups, competition) if module else np.zeros(0)


def adjusted(probs: np.ndarray, parameters: np.ndarray, competition: Competition) -> np.ndarray:
    """Probabilities (N, C) float32, changed so that the plain decision gives the answers of the rule."""
    module = _module(competition, parameters)
    if module is expected:
        return expected.adjusted_classes(probs, parameters, competition)
    return module.adjusted(probs, parameters) if module else probs


def predictions(probs: np.ndarray, parameters: np.ndarray, competition: Competition) -> np.ndarray:
    """The predictions for the competition's metric: the answers of the rule, or probabilities if none are needed."""
    module = _module(competition, parameters)
    if module is expected:
        return expected.decide_classes(probs, parameters, competition)
    if module is class_offsets:
        return class_offsets.decide(probs, parameters)
    return scoring.predictions(competition, competition.metric, adjusted(probs, parameters, competition))


def named(parameters: np.ndarray, competition: Competition) -> dict[str, float]:
    """The parameters by the name of their class, or of the two grades that a cut point separates."""
    names, module = competition.classes, _module(competition, parameters)
    if module is expected:
        return expected.named_classes(parameters, competition)
    if module is grade_cuts:
        names = [f"{low} | {high}" for low, high in pairwise(names)]
    return dict(zip(names, parameters.tolist(), strict=True)) if len(parameters) else {}


def _kind(competition: Competition) -> str:
    return competition.metric.decides(competition.target)


def _module(competition: Competition, parameters: np.ndarray | None = None) -> ModuleType | None:
    """The module that applies these parameters. Those of the rule `expected` for classes have two axes."""
    module = _MODULES.get(_kind(competition))
    return expected if module is class_offsets and np.ndim(parameters) == 2 else module
