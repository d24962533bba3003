"""Which two submissions to select for the end of a competition: a safe and a bold one.

The safe one has the best cross-validated score. The bold one has the best leaderboard score among those whose answers
differ from the safe one's: a second submission with nearly the same answers would get nearly the same score.
"""

from dataclasses import dataclass
from pathlib import Path

from comp.competition.competition import Competition
from comp.errors import InputError
from comp.io import raw_csv
from comp.submission.leaderboard_scores import Submitted

OTHER_ROWS = 0.02  # least share of rows with another answer
CORRELATION = 0.99  # the same for probabilities and numbers: at most so large


@dataclass(frozen=True)
class Choice:
    """A submission to select. kind: "safe" or "bold"; reason: why, in a few words."""

    row: Submitted
    kind: str
    reason: str


def choices(rows: list[Submitted], outputs: Path, competition: Competition) -> tuple[list[Choice], str]:
    """The submissions to select, and why there is no safe or no bold one; the text is empty if there are both."""
    scored = [row for row in rows if row.cross_validated is not None]
    if not scored:
        return [], "no submission has a cross-validated score"
    better = competition.metric.shown
    safe = max(scored, key=lambda row: (better(row.cross_validated), row.made))
    chosen = [Choice(safe, "safe", f"the best cross-validated score ({safe.cross_validated:.4f})")]
    noted = [row for row in rows if row.public is not None and row != safe]
    if not noted:
        return chosen, "no bold one: no other submission has a leaderboard score"
    for row in sorted(noted, key=lambda row: (better(row.public), row.made), reverse=True):
        difference = _difference(safe, row, outputs, competition)
        if difference:
            reason = f"the best LB ({row.public:.4f}) among other answers ({difference})"
            return [*chosen, Choice(row, "bold", reason)], ""
    return chosen, "no bold one: all with a leaderboard score have nearly the answers of the safe one"


def _difference(safe: Submitted, other: Submitted, outputs: Path, competition: Competition) -> str:
    """How the answers of two submissions differ, in words; empty if they are nearly the same."""
    from comp.submission import answers, submission

    paths = [outputs / "submissions" / f"{row.digest}.csv" for row in (safe, other)]
    try:
        ids = raw_csv.read(paths[0], (competition.sample.id,), "make sub").column(competition.sample.id)
        made = [submission.read_answers(path, competition, ids) for path in paths]
    except InputError:
        return "other rows"  # made when the competition's sample was another one
    what, value = answers.agreement(competition, *made)
    if what == "correlation":
        return f"correlation {value:.3f}" if value <= CORRELATION else ""
    return f"{1 - value:.1%} of rows differ" if 1 - value >= OTHER_ROWS else ""
