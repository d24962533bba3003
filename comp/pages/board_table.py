"""The table of all runs, for the terminal and the page."""

from collections.abc import Sequence

from comp.competition.competition import Competition
from comp.pages.run_rows import RunRow
from comp.pages.tables import Table

WORDS = "what differs"
MOST_EPOCHS = 10  # folds whose best epochs are listed


def run_table(rows: Sequence[RunRow], competition: Competition, parts: int) -> Table:
    """A row per run, in the order of `rows`. parts: no scores of attributes or labels if there are more than that."""
    metric = competition.metric.name
    names = list(dict.fromkeys(name for row in rows for name in row.parts))
    names = names if len(names) <= parts else []
    columns = ["run", metric, "folds", "±", "state", WORDS, *names, "minutes", "images/s", "best epochs"]
    cells = [[row.name, row.score, row.mean, row.spread, row.state, row.settings or None,
              *(row.parts.get(name) for name in names), _rounded(row.times.minutes),
              _rounded(row.times.images_per_second), _epochs(row)] for row in rows]  # fmt: skip
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
