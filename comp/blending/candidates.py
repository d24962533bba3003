"""The candidates for a blend. Each one is a method that fits weights, and a decision rule."""

from dataclasses import dataclass

from comp.blending import methods
from comp.competition.competition import Competition
from comp.decisions import decision

# The kind of decision: the methods that are tried with fitted rules.
WITH_RULES = {
    "class": ("equal", "greedy", "search", "geometric_search"),
    "labels": ("equal", "log_loss", "greedy"),
    "grade": ("equal", "squares", "greedy"),
}


@dataclass(frozen=True)
class Candidate:
    """A blend method with a decision rule."""

    method: str
    rule: str

    def __str__(self) -> str:
        return self.method if self.rule in decision.PLAIN else f"{self.method} + {self.rule}"


def candidates(competition: Competition, method: str = "", rule: str = "", parts: bool = False) -> list[Candidate]:
    """The candidates, the simplest first. If method or rule is given, only that one is used.

    If the metric has the rule `expected`, it is the only fitted rule that is tried unless another one is given: on
    other rows it scored more than the rules that are fitted to labels. The plain decision is then tried with the two
    simplest methods alone; with more, the shares of choice.py would go to it by their number.

    parts: whether runs were split by attribute; only geometric means put such parts together again. Raises InputError
    for a method or rule that does not fit the target and metric.
    """
    ways = [name for name in methods.usable(competition) if name.startswith("geometric") or not parts]
    rules = decision.rules(competition)
    if method:
        methods.check(method, ways, "METHOD", competition)
    if rule:
        methods.check(rule, rules, "RULE", competition)
    expected = decision.EXPECTED in rules and not rule
    tried = (rule,) if rule else (rules[0], decision.EXPECTED) if expected else rules
    fitted_with = WITH_RULES.get(competition.metric.decides(competition.target), ())
    plain_with = ways[:2] if expected else ways
    pairs = [
        (i + j, Candidate(m, r))
        for i, m in enumerate(ways)
        for j, r in enumerate(tried)
        if method == m or (not method and m in (plain_with if r == rules[0] else fitted_with))
    ]
    return [candidate for _, candidate in sorted(pairs, key=lambda pair: pair[0])]
