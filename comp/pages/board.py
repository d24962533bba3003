"""The command `make board`, which prints a table of all runs and writes the page outputs/board.html.

The page has the same table, a bar chart of the scores by model family (such as resnet), and a comparison of
cross-validated scores with leaderboard scores. The leaderboard scores are those that the user saved with `make lb`.
"""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from comp import console
from comp.competition.competition import Competition
from comp.console import score_text
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

LEAD = (
    "This page compares all runs, external predictions and the blend. Scores are out of fold: every photo was "
    "predicted by a model that did not train on it."
)
MOST_ON_TERMINAL = 4  # if there are more attributes or labels, the terminal shows no columns for them
NO_RUNS = ("No run has predictions yet.", "make train MODEL=<a model>")


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
    """Print the table of runs and the notes below it, and warn of each run that is not complete.

    rows: the rows of the table. notes: sentences that explain the table.
    """
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
    """Write the page with the table of runs to the file `path`.

    rows: the rows of the table, the best run first. notes: sentences that explain the table.
    """
    sections = [
        _run_section(rows, notes, project.competition),
        _family_section(rows, project.competition),
        leaderboard_section(project),
    ]
    page.write_page(path, "Run board", sections, lead=LEAD, missing=[] if rows else [NO_RUNS])


# ---- the table of runs

WHAT_DIFFERS = "what differs"
MOST_FOLDS = 10  # the best epochs of at most this many folds are listed


def _run_section(rows: Sequence[RunRow], notes: Sequence[str], competition: Competition) -> Section:
    section = Section("runs", "Runs")
    if not rows:
        section.notes.append("There are no runs to compare yet.")
        return section
    section.notes += notes
    table = run_table(rows, competition, board_rows.MOST_PARTS)
    section.tables.append(table)
    problems = [[row.name, row.state, row.why] for row in rows if row.why]
    if problems:
        section.tables.append(Table(["run", "state", "why"], problems, "runs that are not complete"))
    return section


def run_table(rows: Sequence[RunRow], competition: Competition, most_parts: int) -> Table:
    """Return a table with a row for each run, in the order of `rows`. Columns without any value are left out.

    The table can also have a column of scores for each label or, if the classes have attributes (properties such as a
    colour), for each attribute. If there would be more than `most_parts` of these columns, they are left out.
    """
    metric = competition.metric.name
    names = list(dict.fromkeys(name for row in rows for name in row.parts))
    names = names if len(names) <= most_parts else []
    columns = ["run", metric, "folds", "±", "state", WHAT_DIFFERS, *names, "minutes", "images/s", "best epochs"]
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
    """Split the table of runs into two tables that fit a terminal.

    The first table ends with the column "what differs" (the settings of a run that are not the usual ones) or, without
    such a column, with the column "state". The second table has the names of the runs again, and all further columns.
    It is left out if there are no further columns.
    """
    last = max(i for i, column in enumerate(table.columns) if column in (WHAT_DIFFERS, "state"))
    places = range(last + 1), (0, *range(last + 1, len(table.columns)))
    titles = table.title, "further columns of the same runs"
    return [
        Table([table.columns[i] for i in part], [[row[i] for i in part] for row in table.rows], title)
        for part, title in zip(places, titles, strict=True)
        if len(part) > 1
    ]


def _rounded(value: float | None) -> str | None:
    """Return a number as text, with one decimal below 10 and without decimals from 10 on. Return None for None."""
    return None if value is None else f"{value:,.0f}" if value >= 10 else f"{value:.1f}"


def _epochs(row: RunRow) -> str | None:
    """Return a text with the best epoch of each fold, or None if no best epoch is known.

    The text "4 5 3 of 6" means that each fold was trained for 6 epochs, and that epochs 4, 5 and 3 were the best in
    folds 0, 1 and 2. If the folds had different numbers of epochs, the text is, for example, "4/6 5/7". Only the first
    MOST_FOLDS folds are listed.
    """
    pairs = [text.split("/") for text in row.times.epochs[:MOST_FOLDS]]
    if not pairs:
        return None
    more = " …" if len(row.times.epochs) > MOST_FOLDS else ""
    if len({total for _, total in pairs}) == 1:
        return " ".join(best for best, _ in pairs) + f"{more} of {pairs[0][1]}"
    return " ".join(row.times.epochs[:MOST_FOLDS]) + more


def explained(rows: Sequence[RunRow], competition: Competition, usual: str, interval) -> list[str]:
    """Return sentences that explain the table of runs.

    usual: the settings that most runs have, as a text; it may be empty. interval: the score of the blend, and the lower
    and the upper end of its 95 % interval; None if they are not known.
    """
    notes = [f"A run has these settings, unless its row names others: {usual}."] if usual else []
    if any(row.parts for row in rows):
        part = "label" if competition.target == "multilabel" else "attribute"
        notes.append(
            f"The column of each {part} shows the {board_rows.metric_of_parts(competition).name} of this {part} alone."
        )
    if interval:
        score, low, high = interval
        notes.append(
            f"When the blend was fitted, its cross-validated {competition.metric.name} was {score_text(score)}, with a "
            f"95 % interval from {score_text(low)} to {score_text(high)}."
        )
    return notes


# ---- the bar chart

HATCHES = ("", "//", "..", "xx", "\\\\", "oo", "++")  # families differ by colour and by hatch
BAR = 0.3  # inches that each bar and each family add to the height of the chart


def _family_section(rows: Sequence[RunRow], competition: Competition) -> Section:
    """Return the section of the page that has a bar chart of the scores, grouped by model family."""
    chart = family_bars(rows, competition)
    section = Section("families", "By model family", figures=[chart] if chart else [])
    if chart:
        section.notes.append(
            "Whiskers show the standard deviation over folds. If a run has missing folds, its bar shows the mean score "
            "of the predicted folds."
        )
    else:
        section.notes.append("No run has a score yet.")
    return section


def family_bars(rows: Sequence[RunRow], competition: Competition) -> Figure | None:
    """Return a bar chart with a bar for each run that has a score, or None if no run has a score.

    The bars are grouped by model family, such as resnet. The family of the best run comes first, and in each family the
    best run comes first. Whiskers show the standard deviation over folds. If a run is not complete, its bar shows the
    mean score of the folds that are predicted.
    """
    families = _families(rows, competition)
    flat = [(place, row) for place, name in enumerate(families) for row in families[name]]
    if not flat:
        return None
    name = competition.metric.name + ("" if competition.metric.higher_is_better else " (lower is better)")
    title = f"out-of-fold {name} by model family"
    with figures.drawing(height=1.2 + BAR * (len(flat) + len(families))) as (canvas, axes):
        places = [i + place for i, (place, _) in enumerate(flat)]  # a gap between families
        for height, (place, row) in zip(places, flat, strict=True):
            _bar(axes, height, place, row, list(families)[place])
        axes.set_yticks(places, [figures.short_label(row.name) for _, row in flat])
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.margins(x=0.12)
        axes.set_xlabel(name)
        canvas.legend(loc="outside upper left", ncols=3, title="family", alignment="left")
        svg = figures.inline_svg(canvas, title)
    numbers = [[list(families)[place], row.name, _length(row), row.spread] for place, row in flat]
    return Figure(title, svg, Table(["family", "run", name, "± over folds"], numbers, title))


def _families(rows: Sequence[RunRow], competition: Competition) -> dict[str, list[RunRow]]:
    """Return the runs that have a score, as a dictionary from the name of a model family to a list of its runs.

    The family of the best run comes first, and in each family the best run comes first.
    """
    families: dict[str, list[RunRow]] = defaultdict(list)
    scored = [row for row in rows if row.mean is not None]
    for row in sorted(scored, key=lambda row: -competition.metric.shown(_length(row))):
        families[row.family].append(row)
    return families


def _length(row: RunRow) -> float:
    return row.mean if row.score is None else row.score


def _bar(axes, height: int, place: int, row: RunRow, family: str) -> None:
    """Draw the bar of one run.

    height: the position of the bar on the y axis. place: the position of the run's model family in the list of
    families, which decides the colour and the hatch of the bar. family: the name of this family, for the legend.
    """
    style = {"color": COLOURS[place % 7], "hatch": HATCHES[place % 7], "ecolor": figures.INK, "edgecolor": "#FFFFFF"}
    label, known = figures.short_label(family), axes.get_legend_handles_labels()[1]
    length = _length(row)
    axes.barh(height, length, xerr=row.spread, height=0.75, label=None if label in known else label, **style)
    end = length + np.sign(length) * (row.spread or 0)
    axes.annotate(shown(length), (end, height), (3, 0), textcoords="offset points", va="center", fontsize=9)


# ---- cross-validated scores against the leaderboard

PLACES = {"public": "leaderboard", "private": "private leaderboard"}


def leaderboard_section(project: Project) -> Section:
    """Return the section of the page that compares cross-validated scores with leaderboard scores.

    The leaderboard scores are those that the user saved with `make lb`. The section has scatter plots, sentences with
    the correlations, and a table of the submissions that have a leaderboard score.
    """
    section = Section("leaderboard", "Cross-validated and leaderboard scores")
    try:
        submissions = leaderboard.submitted(project)
    except InputError as error:
        section.missing.append((error.found, error.run))
        return section
    noted = [entry for entry in submissions if entry.public is not None or entry.private is not None]
    if not noted:
        section.missing.append(_no_scores(len(submissions)))
        return section
    section.notes.append(f"A leaderboard score was noted for {len(noted)} of {len(submissions)} submissions.")
    for place, name in PLACES.items():
        _compare(section, [entry for entry in noted if entry.cross_validated is not None], place, name)
    section.tables.append(_leaderboard_table(noted, project.competition))
    return section


def _no_scores(submissions: int) -> tuple[str, str]:
    if not submissions:
        return "Nothing was submitted yet, so there is no leaderboard score.", "make blend"
    return f"No leaderboard score was noted for any of the {submissions} submissions.", "make lb SCORE=<the score>"


def _compare(section: Section, scored: list[Submitted], place: str, name: str) -> None:
    """Add a scatter plot of leaderboard scores against cross-validated scores, and a sentence about it, to the section.

    scored: the submissions that have a cross-validated score. place: which leaderboard to use, "public" or "private".
    name: the name of this leaderboard in the plot and in the sentence.
    """
    pairs = [(entry.cross_validated, getattr(entry, place)) for entry in scored if getattr(entry, place) is not None]
    if not pairs:
        return
    cv, lb = np.array(pairs).T
    section.notes.append(_agreement(pairs, name))
    numbers = Table(["cross-validated", name], [list(pair) for pair in pairs])
    title = f"cross-validated score against {name}"
    section.figures.append(figures.scatter(title, "cross-validated", name, cv, lb, numbers))


def _agreement(pairs: list[tuple[float, float]], name: str) -> str:
    """Return a sentence that says how well leaderboard scores agree with cross-validated scores.

    pairs: for each submission, its cross-validated score and its leaderboard score. name: the name of the leaderboard
    in the sentence.
    """
    agreement = leaderboard.agreement(pairs)
    if agreement is None:
        return (
            f"Too few submissions have both a cross-validated score and a {name} score: a correlation needs at least "
            f"{leaderboard.FEWEST}."
        )
    text = (
        f"For {agreement.count} submissions, the {name} score minus the cross-validated score is "
        f"{score_text(agreement.gap, agreement.scale, '+')} on average, with a standard deviation of "
        f"{score_text(agreement.spread, agreement.scale)}."
    )
    if agreement.pearson is None:
        return text
    few = ", but so few submissions say little" if agreement.count < leaderboard.FEW else ""
    return (
        f"{text} The correlation of the two scores is {agreement.pearson:.2f}, and the correlation of their ranks is "
        f"{agreement.spearman:.2f}{few}."
    )


def _leaderboard_table(noted: list[Submitted], competition: Competition) -> Table:
    """Return a table of submissions, the best leaderboard score first. Times are in UTC.

    noted: the submissions that have a public or a private leaderboard score. The public score decides the order; the
    private score is used only for a submission without a public score.
    """
    metric = competition.metric
    best_first = sorted(
        noted, key=lambda entry: -metric.shown(entry.public if entry.public is not None else entry.private)
    )
    rows = [
        [
            entry.digest,
            entry.cross_validated,
            f"{score_text(entry.interval[0])} to {score_text(entry.interval[1])}" if entry.interval else None,
            entry.public,
            entry.private,
            entry.what,
            entry.made[:16].replace("T", " "),
        ]
        for entry in best_first
    ]
    columns = ["submission", "cross-validated", "95 % interval", *PLACES.values(), "source", "made (UTC)"]
    return Table(columns, rows, f"submissions, {metric.name}")
