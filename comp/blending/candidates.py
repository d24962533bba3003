"""The candidates for a blend: each is a method that fits weights, with a decision rule."""

from dataclasses import dataclass

from comp.blending import methods
from comp.competition.competition import Competition
from comp.decisions import decision

# Methods whose blends get decision rules, by what is decided: rules cost more time than weights.
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

    @property
    def is_plain(self) -> bool:
        """Whether it fits no weights and no rule: the best single model or the equal mean, with the plain decision."""
        return self.method in ("best", "equal") and self.rule in decision.PLAIN


def candidates(competition: Competition, method: str = "", rule: str = "", parts: bool = False) -> list[Candidate]:
    """From the simplest to the least simple; method and rule, if given, are the only ones.

    parts: the models are parts of runs by attribute, which only geometric means put together again. Raises InputError
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
