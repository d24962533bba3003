"""What `make lb` prints: all submissions, the agreement of CV and leaderboard, and which ones to select."""

from datetime import datetime
from pathlib import Path

from comp import console
from comp.competition.competition import Competition
from comp.submission import cv_and_leaderboard, final_choice
from comp.submission.cv_and_leaderboard import FEW, FEWEST
from comp.submission.final_choice import Choice
from comp.submission.leaderboard_scores import Submitted

SHORT = 8  # letters of a hash: enough for FILE=
WIDTH = 30  # letters of a submission's source, at most


def show(rows: list[Submitted], outputs: Path, competition: Competition) -> None:
    """Print the table of submissions (at least one) and what follows from it."""
    over = any(row.private is not None for row in rows)
    chosen, problem = ([], "") if over else final_choice.choices(rows, outputs, competition)
    _show_table(rows, competition, chosen, over)
    _show_agreement([(row.cross_validated, row.public) for row in rows], "LB")
    if over:
        _show_agreement([(row.cross_validated, row.private) for row in rows], "private")
    for choice in chosen:
        console.say(f"{choice.kind}: {choice.row.digest[:SHORT]}, {choice.reason}")
    if problem:
        console.say(problem)
    if any(row.public is None for row in rows):
        console.say("note a score: make lb SCORE=<score> FILE=<as in the table>")


def _show_table(rows: list[Submitted], competition: Competition, chosen: list[Choice], over: bool) -> None:
    select = {choice.row: choice.kind for choice in chosen}
    columns = ["submission of", "file", "made", "CV", "LB", *(["private"] if over else ["select"])]
    cells = [[_cut(row.what), row.digest[:SHORT], _when(row.made), _score(row.cross_validated), _score(row.public),
              _score(row.private) if over else select.get(row, "")] for row in rows]  # fmt: skip
    metric = competition.metric
    name = metric.name if metric.higher_is_better else f"{metric.name}, lower is better"
    console.table(f"submissions, {name} (CV: when it was made, LB: leaderboard)", columns, cells)


def _cut(text: str) -> str:
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 1]}…"


def _when(made: str) -> str:
    """Day and local time of an ISO time."""
    try:
        return datetime.fromisoformat(made).astimezone().strftime("%d %b %H:%M")
    except ValueError:
        return "-"


def _score(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _show_agreement(pairs: list[tuple[float | None, float | None]], name: str) -> None:
    """Print the correlation of both scores, or what it needs."""
    both = [pair for pair in pairs if None not in pair]
    found = cv_and_leaderboard.agreement(both)
    if found is None:
        console.say(f"CV and {name}: {len(both)} submission(s) have both, a correlation needs {FEWEST}")
        return
    if found.pearson is None:
        console.say(f"CV and {name}: no correlation, because all values of one of them are the same")
    else:
        interval = f" (95 % {found.interval[0]:.2f} to {found.interval[1]:.2f})" if found.interval else ""
        console.say(f"CV and {name}: Pearson {found.pearson:.2f}{interval}, Spearman {found.spearman:.2f}, "
                    f"of {found.count} submissions")  # fmt: skip
        if found.count < FEW:
            console.say(f"{found.count} submissions are too few for a correlation to mean much")
    console.say(f"{name} - CV: {found.gap:+.4f} on average, standard deviation {found.spread:.4f}")
