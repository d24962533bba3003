"""List the decision rules, which turn blended probabilities into classes, labels or grades.

The target and the metric of a competition determine what is decided, and which rules are possible:

| kind   | what is decided for each row | rules, the simplest rule first                             |
|--------|------------------------------|------------------------------------------------------------|
| class  | one class                    | argmax; expected (if the metric has terms)                 |
| labels | any number of labels         | half; expected (if the metric has terms), otherwise common |
| grade  | one grade                    | round; expected (if the metric has rows)                   |
| none   | nothing                      | none                                                       |

The kind is none for a regression, and if the metric takes probabilities. A metric has terms if it is computed from
counts of each class, and it has rows if it is computed from means over rows. The plain decisions are `argmax`, `half`
(a threshold of 0.5) and `round` (the rounded expected grade). `common` fits one threshold for all labels. `expected`
calibrates the probabilities by log loss, and then takes the classes, labels or grades with the best expected value of
the metric. Where `expected` is possible, it is the only fitted rule, because it beat all rules whose parameters were
fitted to the metric itself (docs/features.md).

Each rule fits parameters, and has a Form with functions that apply them. Parameters of rules with the same Form can be
averaged. `Form.adjusted` changes probabilities so that the plain decision gives the decisions of the rule. So no other
module needs to know the rules.

Letters in the shapes: N rows, C classes.
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

    key: the key in weights.json under which the parameters are stored. adjusted: a function of probabilities (N, C),
    parameters and the competition. It returns probabilities (N, C) float32, changed so that a plain decision (argmax, a
    threshold of 0.5, or rounding) gives the decisions of the rule. named: a function of the parameters and the
    competition, which returns a dictionary from the name to the value of each parameter. decide: a function with the
    arguments of `adjusted`, which returns the decisions (N,) directly; None if the decisions are made from the changed
    probabilities.
    """

    key: str
    adjusted: Callable[[np.ndarray, np.ndarray, Competition], np.ndarray]
    named: Callable[[np.ndarray, Competition], dict[str, float]]
    decide: Callable[[np.ndarray, np.ndarray, Competition], np.ndarray] | None = None

    def predictions(self, probs: np.ndarray, parameters: np.ndarray, competition: Competition) -> np.ndarray:
        """Return the classes, labels or grades that the rule predicts, or probabilities if the metric takes these.

        probs (N, C): the blended probabilities. parameters: the fitted parameters of the rule.
        """
        if self.decide:
            return self.decide(probs, parameters, competition)
        return scoring.predictions(competition, competition.metric, self.adjusted(probs, parameters, competition))


def _always(competition: Competition) -> bool:
    return True


@dataclass(frozen=True)
class Rule:
    """A decision rule, which turns probabilities into classes, labels or grades.

    name: the name for the option RULE of `make blend`. form: the meaning of the parameters, and the functions that
    apply them. fit: a function of the probabilities (N, C), the labels, the group of each row (N,) and the competition,
    which returns the parameters. plain: whether this rule is argmax, a threshold of 0.5, or rounding. fits: a function
    of the competition, which returns whether the rule can be used there.
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
    """Return the decision rules that can be used with the competition's target and metric, the simplest rule first."""
    kind = competition.decides(competition.metric)
    return tuple(rule for rule in RULES[kind] if rule.fits(competition))


def rule_for(name: str, competition: Competition) -> Rule:
    """Return the decision rule called `name`. Raise KeyError if the competition has no rule with this name."""
    return {rule.name: rule for rule in rules_for(competition)}[name]
