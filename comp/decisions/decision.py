"""List the decision rules, which turn blended probabilities into answers.

The target and the metric of a competition determine the kind of decision and its rules:

| kind   | rules, the simplest first                                  | parameters                               |
|--------|------------------------------------------------------------|------------------------------------------|
| class  | argmax; expected (if the metric has terms)                 | offsets (C,) for ties; gains (A + 4, C)  |
| labels | half; expected (if the metric has terms), otherwise common | offsets (C,) of log-odds                 |
| grade  | round; expected (if the metric has rows)                   | cut points (C - 1,)                      |
| none   | none                                                       | no parameters                            |

A metric has terms if it is computed from counts of each class, and it has rows if it is computed from means over rows.
The rule `expected` calibrates probabilities by log loss, and then takes the answers with the best expected value of the
metric. In competitions with the rule `expected`, it is the only fitted rule, because it beat all rules whose parameters
were fitted to the metric itself (docs/features.md).

Each rule fits parameters. Each rule has a Form, whose functions apply the parameters. Parameters of rules with the same
Form can be averaged. `Form.adjusted` changes probabilities so that the plain decision (argmax, a threshold of 0.5, or
rounding) gives the answers of the rule. So no other module needs to know the rules.

Letters in the shapes: N rows, C classes, A attributes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from comp.competition import scoring
from comp.competition.competition import Competition
from comp.decisions import expected, grade_cuts, offsets

NONE = "none"


@dataclass(frozen=True)
class Form:
    """The meaning of the parameters of a decision rule, and the functions that apply the parameters.

    key: the name of the parameters in weights.json. adjusted: a function of probabilities (N, C), parameters and the
    competition, which returns changed probabilities (N, C) float32; their plain decision (argmax, 0.5 or rounding)
    gives the answers of the rule. named: a function of the parameters and the competition, which returns a dictionary
    from the name to the value of each parameter. decide: a function with the arguments of `adjusted`, which returns the
    answers (N,) directly, or None if the answers are always made from the adjusted probabilities.
    """

    key: str
    adjusted: Callable[[np.ndarray, np.ndarray, Competition], np.ndarray]
    named: Callable[[np.ndarray, Competition], dict[str, float]]
    decide: Callable[[np.ndarray, np.ndarray, Competition], np.ndarray] | None = None

    def predictions(self, probs: np.ndarray, parameters: np.ndarray, competition: Competition) -> np.ndarray:
        """Return the answers of the rule, or the adjusted probabilities if the metric takes probabilities.

        probs (N, C): the blended probabilities. parameters: the fitted parameters of the rule.
        """
        if self.decide:
            return self.decide(probs, parameters, competition)
        return scoring.predictions(competition, competition.metric, self.adjusted(probs, parameters, competition))


def _always(competition: Competition) -> bool:
    return True


@dataclass(frozen=True)
class Rule:
    """A decision rule, which turns probabilities into answers.

    name: the name for RULE= of `make blend`. form: the meaning of the parameters and the functions that apply them.
    fit: a function of the probabilities (N, C), the labels, the group (N,) of each row and the competition, which
    returns the parameters. plain: whether this rule is the plain decision (argmax, 0.5 or rounding). fits: a function
    that returns whether the rule can be used in a competition.
    """

    name: str
    form: Form
    fit: Callable[[np.ndarray, np.ndarray, np.ndarray, Competition], np.ndarray]
    plain: bool = False
    fits: Callable[[Competition], bool] = _always


def _of_classes(parameters: np.ndarray, competition: Competition) -> dict[str, float]:
    return dict(zip(competition.classes, parameters.tolist(), strict=True))


def _of_pairs(parameters: np.ndarray, competition: Competition) -> dict[str, float]:
    pairs = [f"{low} | {high}" for low, high in pairwise(competition.classes)]
    return dict(zip(pairs, parameters.tolist(), strict=True))


def _has_terms(competition: Competition) -> bool:
    return competition.metric.terms is not None


def _has_no_terms(competition: Competition) -> bool:
    return competition.metric.terms is None


def _has_rows(competition: Competition) -> bool:
    return competition.metric.rows is not None


def _unchanged(probs: np.ndarray, parameters: np.ndarray, competition: Competition) -> np.ndarray:
    return probs


def _no_names(parameters: np.ndarray, competition: Competition) -> dict[str, float]:
    return {}


def _nothing(probs: np.ndarray, labels: np.ndarray, groups: np.ndarray, competition: Competition) -> np.ndarray:
    return np.zeros(0)


CLASS_OFFSETS = Form("offsets", offsets.adjusted_classes, _of_classes, offsets.decide_classes)
GAINS = Form("parameters", expected.adjusted_classes, expected.named_classes, expected.decide_classes)
LABEL_OFFSETS = Form("parameters", offsets.adjusted_labels, _of_classes)
CUTS = Form("parameters", grade_cuts.adjusted, _of_pairs)
PROBABILITIES = Form("parameters", _unchanged, _no_names)

EXPECTED = "expected"
RULES: dict[str, tuple[Rule, ...]] = {  # maps a kind of decision to its rules, the simplest rule first
    "class": (
        Rule("argmax", CLASS_OFFSETS, offsets.tie_breaks, plain=True),
        Rule(EXPECTED, GAINS, expected.fit_classes, fits=_has_terms),
    ),
    "labels": (
        Rule("half", LABEL_OFFSETS, offsets.half, plain=True),
        Rule(EXPECTED, LABEL_OFFSETS, expected.fit_labels, fits=_has_terms),
        Rule("common", LABEL_OFFSETS, offsets.common, fits=_has_no_terms),
    ),
    "grade": (
        Rule("round", CUTS, grade_cuts.halfway, plain=True),
        Rule(EXPECTED, CUTS, expected.fit_grades, fits=_has_rows),
    ),
    NONE: (Rule(NONE, PROBABILITIES, _nothing, plain=True),),
}
NAMES = tuple(dict.fromkeys(rule.name for rules in RULES.values() for rule in rules if rule.name != NONE))


def rules_for(competition: Competition) -> tuple[Rule, ...]:
    """Return the decision rules for the competition's target and metric. The rule of the plain decision comes first."""
    kind = competition.metric.decides(competition.target)
    return tuple(rule for rule in RULES[kind] if rule.fits(competition))


def rule_for(name: str, competition: Competition) -> Rule:
    """Return the decision rule called `name`. Raise KeyError if the competition has no rule with this name."""
    return {rule.name: rule for rule in rules_for(competition)}[name]
