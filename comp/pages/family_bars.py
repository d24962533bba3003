"""The bar chart of the board: scores of all runs, grouped by model family."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from comp.competition.competition import Competition
from comp.pages import figures, svg
from comp.pages.figures import COLOURS, Figure
from comp.pages.run_rows import RunRow
from comp.pages.tables import Table, shown

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
        axes.set_yticks(places, [figures.plain(row.name) for _, row in flat])
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.margins(x=0.12)
        axes.set_xlabel(name)
        canvas.legend(loc="outside upper left", ncols=3, title="family", alignment="left")
        drawn = svg.inline(canvas, title)
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
    style = {"color": COLOURS[place % 7], "hatch": HATCHES[place % 7], "ecolor": svg.INK, "edgecolor": "#FFFFFF"}
    seen = axes.get_legend_handles_labels()[1]
    label = figures.plain(family)
    axes.barh(at, _length(row), xerr=row.spread, height=0.75, label=None if label in seen else label, **style)
    reach = _length(row) + np.sign(_length(row)) * (row.spread or 0)
    axes.annotate(shown(_length(row)), (reach, at), (3, 0), textcoords="offset points", va="center", fontsize=9)
