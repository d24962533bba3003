"""The candidates for a blend. Each one is a method that fits weights, and a decision rule."""

from dataclasses import dataclass

from comp.blending import methods
from comp.competition.competition import Competition
from comp.decisions import decision

# The kind of decision: the methods that are tried with all rules. Fitting a rule takes longer than fitting weights.
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

    parts: whether runs were split by attribute; only geometric means put such parts together again. Raises InputError
    for a method or rule that does not fit the target and metric.
    """
    ways = [name for name in methods.usable(competition) if name.startswith("geometric") or not parts]
    rules = decision.rules(competition)
    if method:
        methods.check(method, ways, "METHOD", competition)
    if rule:
        methods.check(rule, rules, "RULE", competition)
    with_rules = WITH_RULES.get(competition.metric.decides(competition.target), ())
    pairs = [
        (i + j, Candidate(m, r))
        for i, m in enumerate(ways)
        for j, r in enumerate(rules)
        if (method == m or (not method and (j == 0 or m in with_rules))) and rule in ("", r)
    ]
    return [candidate for _, candidate in sorted(pairs, key=lambda pair: pair[0])]
