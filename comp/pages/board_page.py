"""outputs/board.html: all runs side by side, by family, and beside the leaderboard."""

from collections.abc import Sequence
from pathlib import Path

from comp.competition.competition import Competition
from comp.pages import leaderboard_section, part_scores, sections
from comp.pages.board_table import run_table
from comp.pages.family_bars import family_bars
from comp.pages.run_rows import RunRow
from comp.pages.sections import Section
from comp.pages.tables import Table

LEAD = ("All runs, external predictions and the blend. Scores are out of fold: every photo was predicted by a model "
        "that did not train on it.")  # fmt: skip
NO_RUNS = ("No run has predictions yet.", "make train MODEL=<a model>")
MOST_PARTS = part_scores.MOST


def write(path: Path, rows: Sequence[RunRow], notes: Sequence[str], competition: Competition, outputs: Path) -> None:
    """Write the page. rows: of run_rows.rows_of; notes: of `explained`."""
    made = [
        _runs(rows, notes, competition),
        _families(rows, competition),
        leaderboard_section.section(outputs, competition),
    ]
    sections.write(path, "Run board", LEAD, made, missing=[] if rows else [NO_RUNS])


def _runs(rows: Sequence[RunRow], notes: Sequence[str], competition: Competition) -> Section:
    made = Section("runs", "Runs")
    if not rows:
        made.notes.append("There is nothing to compare.")
        return made
    made.notes += notes
    table = run_table(rows, competition, MOST_PARTS)
    made.tables.append(table)
    problems = [[row.name, row.state, row.why] for row in rows if row.why]
    if problems:
        made.tables.append(Table(["run", "state", "why"], problems, "runs that are not complete"))
    return made


def _families(rows: Sequence[RunRow], competition: Competition) -> Section:
    """The bar chart; a section of its own, so that it stands below the table."""
    chart = family_bars(rows, competition)
    made = Section("families", "By model family", figures=[chart] if chart else [])
    if chart:
        made.notes.append("Whiskers are the standard deviation over folds. A run with missing folds shows their mean.")
    else:
        made.notes.append("No run has a score yet.")
    return made


def explained(rows: Sequence[RunRow], competition: Competition, usual: str, interval) -> list[str]:
    """What the columns of the table mean. usual: the settings of the most runs; interval: of run_rows, or None."""
    notes = [f"Where a run does not say otherwise: {usual}."] if usual else []
    if any(row.parts for row in rows):
        part = "label" if competition.target == "multilabel" else "attribute"
        notes.append(f"Columns of a single {part} show its {part_scores.metric_of(competition).name}.")
    if interval:
        score, low, high = interval
        notes.append(f"The blend as it was fitted: cross-validated {competition.metric.name} {score:.4f}, 95 % "
                     f"interval {low:.4f} to {high:.4f}.")  # fmt: skip
    return notes
