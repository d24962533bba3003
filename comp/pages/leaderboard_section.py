"""The section of the board that sets cross-validated scores beside those of the leaderboard."""

from pathlib import Path

import numpy as np

from comp.competition.competition import Competition
from comp.errors import InputError
from comp.pages import figures
from comp.pages.sections import Section
from comp.pages.tables import Table
from comp.submission import cv_and_leaderboard, leaderboard_scores
from comp.submission.leaderboard_scores import Submitted

PLACES = {"public": "leaderboard", "private": "private leaderboard"}


def section(outputs: Path, competition: Competition) -> Section:
    """Table, scatter and correlation of the submissions whose leaderboard score was noted."""
    made = Section("leaderboard", "Cross-validated and leaderboard")
    try:
        every = leaderboard_scores.submitted(outputs, competition)
    except InputError as error:
        made.missing.append((error.found, error.run))
        return made
    noted = [one for one in every if one.public is not None or one.private is not None]
    if not noted:
        made.missing.append(_nothing(every))
        return made
    made.notes.append(f"A leaderboard score was noted for {len(noted)} of {len(every)} submissions.")
    for place, name in PLACES.items():
        _compare(made, [one for one in noted if one.cross_validated is not None], place, name)
    made.tables.append(_table(noted, competition))
    return made


def _nothing(every: list[Submitted]) -> tuple[str, str]:
    if not every:
        return "Nothing was submitted yet, so there is no leaderboard score.", "make blend"
    return f"No leaderboard score was noted for any of the {len(every)} submissions.", "make lb SCORE=<the score>"


def _compare(made: Section, both: list[Submitted], place: str, name: str) -> None:
    """A scatter of the scores, and their correlation where there are enough of them."""
    pairs = [(one.cross_validated, getattr(one, place)) for one in both if getattr(one, place) is not None]
    if not pairs:
        return
    cv, lb = np.array(pairs).T
    made.notes.append(_told(pairs, name))
    numbers = Table(["cross-validated", name], [list(pair) for pair in pairs])
    title = f"cross-validated score against {name}"
    made.figures.append(figures.scatter(title, "cross-validated", name, cv, lb, numbers))


def _told(pairs: list[tuple[float, float]], name: str) -> str:
    found = cv_and_leaderboard.agreement(pairs)
    if found is None:
        return f"How well the {name} agrees can be said from {cv_and_leaderboard.FEWEST} submissions on."
    text = (f"Over {found.count} submissions the {name} minus the cross-validated score is {found.gap:+.4f} "
            f"± {found.spread:.4f}")  # fmt: skip
    if found.pearson is None:
        return f"{text}."
    few = "; so few submissions say little" if found.count < cv_and_leaderboard.FEW else ""
    return f"{text}; their correlation is {found.pearson:.2f} (of ranks {found.spearman:.2f}){few}."


def _table(noted: list[Submitted], competition: Competition) -> Table:
    """The noted submissions, the best one on the leaderboard first."""
    metric = competition.metric
    first = sorted(noted, key=lambda one: -metric.shown(one.public if one.public is not None else one.private))
    rows = [[one.digest, one.cross_validated, _interval(one), one.public, one.private, one.what, _minute(one.made)]
            for one in first]  # fmt: skip
    columns = ["submission", "cross-validated", "95 % interval", *PLACES.values(), "of", "made"]
    return Table(columns, rows, f"submissions, {metric.name}")


def _minute(made: str) -> str:
    """An ISO time without seconds and zone; all are UTC."""
    return made[:16].replace("T", " ")


def _interval(one: Submitted) -> str | None:
    return f"{one.interval[0]:.4f} to {one.interval[1]:.4f}" if one.interval else None
