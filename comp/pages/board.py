"""The board of all runs (`make board`): a table on the terminal and outputs/board.html.

The page has the table, a bar chart of the scores by model family, and the cross-validated scores against those of the
leaderboard.
"""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from comp import console
from comp.competition.competition import Competition
from comp.errors import InputError
from comp.pages import board_rows, figures, page
from comp.pages.board_rows import RunRow
from comp.pages.figures import COLOURS, Figure, Table, shown
from comp.pages.page import Section
from comp.project import Project
from comp.recipes import recipe_json
from comp.store.paths import page_file
from comp.submission import leaderboard
from comp.submission.leaderboard import Submitted

WORDS = "what differs"
MOST_EPOCHS = 10  # folds whose best epochs are listed


def run_table(rows: Sequence[RunRow], competition: Competition, parts: int) -> Table:
    """A row per run, in the order of `rows`. parts: no scores of attributes or labels if there are more than that."""
    metric = competition.metric.name
    names = list(dict.fromkeys(name for row in rows for name in row.parts))
    names = names if len(names) <= parts else []
    columns = ["run", metric, "folds", "±", "state", WORDS, *names, "minutes", "images/s", "best epochs"]
    cells = [
        [
            row.name,
            row.score,
            row.mean,
            row.spread,
            row.state,
            row.settings or None,
            *(row.parts.get(name) for name in names),
            _rounded(row.times.minutes),
            _rounded(row.times.images_per_second),
            _epochs(row),
        ]
        for row in rows
    ]
    kept = [i for i, column in enumerate(columns) if column == "run" or any(line[i] is not None for line in cells)]
    return Table(
        [columns[i] for i in kept],
        [[line[i] for i in kept] for line in cells],
        f"runs by out-of-fold {metric}" + ("" if competition.metric.higher_is_better else ", lower is better"),
    )


def in_two(table: Table) -> list[Table]:
    """The table of all runs as two that fit a terminal: up to what differs, and the rest, if there is any."""
    last = max(i for i, column in enumerate(table.columns) if column in (WORDS, "state"))
    places = range(last + 1), (0, *range(last + 1, len(table.columns)))
    titles = table.title, "their parts and times"
    return [
        Table([table.columns[i] for i in part], [[row[i] for i in part] for row in table.rows], title)
        for part, title in zip(places, titles, strict=True)
        if len(part) > 1
    ]


def _rounded(value: float | None) -> str | None:
    """With one decimal below 10, whole from 10 on."""
    return None if value is None else f"{value:,.0f}" if value >= 10 else f"{value:.1f}"


def _epochs(row: RunRow) -> str | None:
    """ "4 5 3 of 6", or "4/6 5/7" where folds ended after different epochs."""
    pairs = [text.split("/") for text in row.times.epochs[:MOST_EPOCHS]]
    if not pairs:
        return None
    more = " …" if len(row.times.epochs) > MOST_EPOCHS else ""
    if len({total for _, total in pairs}) == 1:
        return " ".join(best for best, _ in pairs) + f"{more} of {pairs[0][1]}"
    return " ".join(row.times.epochs[:MOST_EPOCHS]) + more


HATCHES = ("", "//", "..", "xx", "\\\\", "oo", "++")  # families differ by colour and by hatch
BAR = 0.3  # inches


def family_bars(rows: Sequence[RunRow], competition: Competition) -> Figure | None:
    """A bar per run that has a score, the best family first; whiskers: standard deviation over folds. None without any.

    The bar of an incomplete run is the mean of the folds that it has.
    """
    families = _families(rows, competition)
    flat = [(place, row) for place, name in enumerate(families) for row in families[name]]
    if not flat:
        return None
    name = competition.metric.name + ("" if competition.metric.higher_is_better else " (lower is better)")
    title = f"out-of-fold {name} by model family"
    with figures.drawing(height=1.2 + BAR * (len(flat) + len(families))) as (canvas, axes):
        places = [i + place for i, (place, _) in enumerate(flat)]  # a gap between families
        for at, (place, row) in zip(places, flat, strict=True):
            _bar(axes, at, place, row, list(families)[place])
        axes.set_yticks(places, [figures.plain_number(row.name) for _, row in flat])
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.margins(x=0.12)
        axes.set_xlabel(name)
        canvas.legend(loc="outside upper left", ncols=3, title="family", alignment="left")
        drawn = figures.inline_svg(canvas, title)
    numbers = [[list(families)[place], row.name, _length(row), row.spread] for place, row in flat]
    return Figure(title, drawn, Table(["family", "run", name, "± over folds"], numbers, title))


def _families(rows: Sequence[RunRow], competition: Competition) -> dict[str, list[RunRow]]:
    """Runs with a score by family; both in the order of the best score."""
    made: dict[str, list[RunRow]] = defaultdict(list)
    scored = [row for row in rows if row.mean is not None]
    for row in sorted(scored, key=lambda row: -competition.metric.shown(_length(row))):
        made[row.family].append(row)
    return made


def _length(row: RunRow) -> float:
    return row.mean if row.score is None else row.score


def _bar(axes, at: int, place: int, row: RunRow, family: str) -> None:
    style = {"color": COLOURS[place % 7], "hatch": HATCHES[place % 7], "ecolor": figures.INK, "edgecolor": "#FFFFFF"}
    seen = axes.get_legend_handles_labels()[1]
    label = figures.plain_number(family)
    axes.barh(at, _length(row), xerr=row.spread, height=0.75, label=None if label in seen else label, **style)
    reach = _length(row) + np.sign(_length(row)) * (row.spread or 0)
    axes.annotate(shown(_length(row)), (reach, at), (3, 0), textcoords="offset points", va="center", fontsize=9)


PLACES = {"public": "leaderboard", "private": "private leaderboard"}


def cv_leaderboard_section(project: Project) -> Section:
    """Table, scatter and correlation of the submissions whose leaderboard score was noted."""
    made = Section("leaderboard", "Cross-validated and leaderboard")
    try:
        every = leaderboard.submitted(project)
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
    made.tables.append(_leaderboard_table(noted, project.competition))
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
    found = leaderboard.agreement(pairs)
    if found is None:
        return f"How well the {name} agrees can be said from {leaderboard.FEWEST} submissions on."
    text = (
        f"Over {found.count} submissions the {name} minus the cross-validated score is {found.gap:+.4f} "
        f"± {found.spread:.4f}"
    )
    if found.pearson is None:
        return f"{text}."
    few = "; so few submissions say little" if found.count < leaderboard.FEW else ""
    return f"{text}; their correlation is {found.pearson:.2f} (of ranks {found.spearman:.2f}){few}."


def _leaderboard_table(noted: list[Submitted], competition: Competition) -> Table:
    """The noted submissions, the best one on the leaderboard first."""
    metric = competition.metric
    first = sorted(noted, key=lambda one: -metric.shown(one.public if one.public is not None else one.private))
    rows = [
        [one.digest, one.cross_validated, _interval_text(one), one.public, one.private, one.what, _minute(one.made)]
        for one in first
    ]
    columns = ["submission", "cross-validated", "95 % interval", *PLACES.values(), "of", "made"]
    return Table(columns, rows, f"submissions, {metric.name}")


def _minute(made: str) -> str:
    """An ISO time without seconds and zone; all are UTC."""
    return made[:16].replace("T", " ")


def _interval_text(one: Submitted) -> str | None:
    return f"{one.interval[0]:.4f} to {one.interval[1]:.4f}" if one.interval else None


LEAD = (
    "All runs, external predictions and the blend. Scores are out of fold: every photo was predicted by a model "
    "that did not train on it."
)
NO_RUNS = ("No run has predictions yet.", "make train MODEL=<a model>")
MOST_PARTS = board_rows.MOST_PARTS
MOST_ON_TERMINAL = 4  # attributes or labels with a column on the terminal


def make_board(project: Project) -> None:
    """Print the table of all runs and write outputs/board.html."""
    settings = recipe_json.read_run_settings(project.outputs)
    rows = board_rows.board_rows(project, settings)
    notes = explained(rows, project.competition, settings.usual, board_rows.blend_interval(project))
    _show(rows, notes, project.competition)
    path = page_file(project.outputs, "board")
    write_board(path, project, rows, notes)
    console.say(f"wrote {path}")


def _show(rows: Sequence[RunRow], notes: Sequence[str], competition: Competition) -> None:
    """Print the table, and why runs are not complete."""
    if not rows:
        text, command = NO_RUNS
        console.say(f"{text} Run: {command}")
        return
    for table in in_two(run_table(rows, competition, MOST_ON_TERMINAL)):
        console.table(table.title, table.columns, [[shown(cell) for cell in row] for row in table.rows])
    for note in notes:
        console.say(note)
    for row in rows:
        if row.why:
            console.warn(f"{row.name}: {row.why}")


def write_board(path: Path, project: Project, rows: Sequence[RunRow], notes: Sequence[str]) -> None:
    """Write the page. rows: of `board_rows`; notes: of `explained`."""
    sections = [
        _run_section(rows, notes, project.competition),
        _family_section(rows, project.competition),
        cv_leaderboard_section(project),
    ]
    page.write_sections(path, "Run board", LEAD, sections, missing=[] if rows else [NO_RUNS])


def _run_section(rows: Sequence[RunRow], notes: Sequence[str], competition: Competition) -> Section:
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


def _family_section(rows: Sequence[RunRow], competition: Competition) -> Section:
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
        notes.append(f"Columns of a single {part} show its {board_rows.metric_of_parts(competition).name}.")
    if interval:
        score, low, high = interval
        notes.append(
            f"The blend as it was fitted: cross-validated {competition.metric.name} {score:.4f}, 95 % "
            f"interval {low:.4f} to {high:.4f}."
        )
    return notes
