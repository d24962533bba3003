"""Draw the figures of a page with matplotlib as SVG. The module also has a class for the tables of a page.

There are line charts, bar charts, histograms, scatter plots and matrices of counts. Each figure comes with a table of
its numbers. Lines and bars differ by colour and also by dash, marker or hatch. Axes and texts have the text colour of
the page, so they can be read on a light and on a dark page. The same numbers always give the same SVG, byte for byte.
The Jinja macros `figure` and `table` in templates/parts.html.j2 put figures and tables into a page.
"""

import contextlib
import io
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral

import numpy as np

from comp import files
from comp.console import score_text


@dataclass(frozen=True)
class Table:
    """A table of a page.

    columns (K,): the headers of K columns. rows: a list of K cells for each row. A cell is a text, a number, or None
    for no value. title: the caption, which may be empty.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence]
    title: str = ""

    def numeric_columns(self) -> list[bool]:
        """Return for each of the K columns whether all its cells are numbers or None.

        A text that looks like a number, such as "95 %", counts as a number. A page aligns columns of numbers to the
        right.
        """
        return [all(map(_is_number, column)) for column in zip(*self.rows, strict=True)] or [False] * len(self.columns)


def shown(cell) -> str:
    """Return the text that a page shows for a cell of a table.

    A whole number gets commas: 18900 becomes 18,900. Any other number gets four decimals if it is below 10 (0.47361
    becomes 0.4736), or four digits if it is below 0.001. It gets four digits in all if it is below 1000 (123.456
    becomes 123.5), and no decimals if it is larger (12345.6 becomes 12,346). None becomes a dash.
    """
    if cell is None:
        return "–"
    if isinstance(cell, str):
        return cell
    if isinstance(cell, Integral):
        return f"{int(cell):,}"
    if abs(cell) < 10:
        return score_text(cell)
    return f"{cell:.4g}" if abs(cell) < 1000 else f"{cell:,.0f}"


def _is_number(cell) -> bool:
    """Return whether a cell is a number, None, or a text that looks like a number, such as "1,234" or "95 %"."""
    return not isinstance(cell, str) or re.fullmatch(r"[-+]?[\d,.]*\d ?%?", cell) is not None


# ---- bins of histograms

BINS = 30
# This percentage of the lowest and of the highest values joins the outermost bins. Otherwise a few extreme values could
# stretch the axis so far that almost all values fall into one bin.
BEYOND = 0.5


def bin_edges(values: np.ndarray) -> np.ndarray:
    """Return the edges (n + 1,) of n bins for a histogram of `values` (N,), which must be finite. n is at most BINS.

    If all values are whole numbers, each bin covers the same number of whole numbers. If all values are equal, there is
    one bin. Very low and very high values may lie outside the edges; `bin_counts` counts them in the first and in the
    last bin.
    """
    values = np.asarray(values, float)
    low, high = np.percentile(values, [BEYOND, 100 - BEYOND])
    if not high > low:
        low, high = values.min(), values.max()
    if (values % 1 == 0).all():
        low, high = np.floor(low), np.ceil(high)
        width = np.ceil((high - low + 1) / BINS)
        return np.arange(low, high + width + 1, width) - 0.5
    largest = max(abs(low), abs(high))
    if high - low > 2 * BINS * np.spacing(largest):  # otherwise some edges would be equal
        return np.linspace(low, high, BINS + 1)
    beyond = max(0.5, largest * 1e-6)
    return np.array([low - beyond, high + beyond])


def bin_counts(values: np.ndarray, bins: np.ndarray) -> np.ndarray:
    """Return how many values are in each of n bins, as int (n,).

    bins (n + 1,): the edges of the bins. A value below the first edge is counted in the first bin, and a value above
    the last edge in the last bin.
    """
    return np.histogram(np.clip(np.asarray(values, float), bins[0], bins[-1]), bins)[0]


def bin_percent(values: np.ndarray, bins: np.ndarray) -> np.ndarray:
    """Return which percentage of the values is in each of n bins, as float (n,).

    bins (n + 1,): the edges of the bins. A value below the first edge is counted in the first bin, and a value above
    the last edge in the last bin.
    """
    return bin_counts(values, bins) * 100 / max(len(values), 1)


# ---- drawing

INK = "#010203"  # stands for the text colour of the page; `inline_svg` writes currentColor instead
# From Okabe and Ito (2008), "Color Universal Design": colours that colour-blind people can tell apart. Yellow is last,
# because it is pale.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#F0E442")
DASHES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
FEW_POINTS = 50  # points are drawn large if there are at most this many
WIDTH, HEIGHT = 4.6, 3.1  # inches, small enough that the text can be read when a phone scales the figure down
INKED = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color", "grid.color")
SETTINGS = {
    "svg.fonttype": "none",  # keeps text as text, which can be searched, read aloud and shown in the page's font
    "svg.hashsalt": "comp",  # without it, ids are random
    "text.parse_math": False,  # names may contain $
    "font.size": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.alpha": 0.25,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "figure.constrained_layout.use": True,
    **dict.fromkeys(INKED, INK),
}
NO_METADATA = dict.fromkeys(("Date", "Creator", "Format", "Type"))


@dataclass(frozen=True)
class Figure:
    """A figure of a page.

    svg: the SVG element, as text that Jinja does not escape. numbers: a table of the values that the figure shows.
    """

    title: str
    svg: str
    numbers: Table


@contextlib.contextmanager
def drawing(height: float = HEIGHT) -> Iterator[tuple]:
    """Yield a new matplotlib Figure and its axes. Inside the `with` block, matplotlib uses the style of all pages.

    height: the height of the figure in inches.
    """
    import matplotlib
    from matplotlib.figure import Figure as Canvas

    with matplotlib.rc_context(SETTINGS):
        canvas = Canvas(figsize=(WIDTH, height))
        yield canvas, canvas.subplots()


def inline_svg(figure, title: str):
    """Return a matplotlib Figure as an SVG element for an HTML page.

    Call this function inside the `with` block of `drawing`, which sets the style. title: a text for screen readers.
    """
    from markupsafe import Markup, escape

    buffer = io.StringIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # the fonts of the browser have the missing glyphs
        figure.savefig(buffer, format="svg", transparent=True, metadata=NO_METADATA)
    text = buffer.getvalue()
    text = text[text.index("<svg") :].replace(INK, "currentColor")
    text = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|font-family: [^;\"]*;", "", text, flags=re.DOTALL)
    text = _own_ids(text, "f" + files.digest_of((title + text).encode())[:8])
    return Markup(text.replace("<svg", f'<svg role="img" aria-label="{escape(title)}"', 1))


def _own_ids(text: str, prefix: str) -> str:
    """Return the SVG text with `prefix` before each id.

    An id may occur only once in a page, but matplotlib uses the same ids in several figures.
    """
    text = re.sub(r'(\bid=")', rf"\g<1>{prefix}-", text)
    return re.sub(r'(url\(#|href="#)', rf"\g<1>{prefix}-", text)


def short_label(name: str, most: int = 28) -> str:
    """Return the name as a label for a figure, cut to at most `most` letters.

    A name that starts with "_" gets a blank in front, because matplotlib leaves such labels out of the legend.
    """
    name = name if len(name) <= most else f"{name[: most - 1]}…"
    return f" {name}" if name.startswith("_") else name


# ---- kinds of figures


def lines(
    title: str, x_label: str, y_label: str, series: Mapping[str, tuple[Sequence, Sequence]], diagonal: bool = False
) -> Figure:
    """Return a line chart.

    series: by the name of the line, the x (n,) and the y (n,) of its points; nan in y means that there is no value.
    diagonal: whether to draw also the line y = x from 0 to 1.
    """
    with drawing() as (canvas, axes):
        if diagonal:
            axes.plot([0, 1], [0, 1], color=INK, linewidth=1, linestyle=":", alpha=0.6)
        for i, (name, (x, y)) in enumerate(series.items()):
            style = {"color": COLOURS[i % 7], "linestyle": DASHES[i // 7 % 4], "marker": MARKERS[i % 7]}
            axes.plot(x, y, label=short_label(name), markersize=3.5, markevery=max(1, len(x) // 12), **style)
        if all(float(place).is_integer() for x, _ in series.values() for place in x):
            axes.xaxis.get_major_locator().set_params(integer=True)
        _finish(axes, x_label, y_label, legend=len(series) > 1)
        svg = inline_svg(canvas, title)
    return Figure(title, svg, _points(title, x_label, y_label, series))


def bars(
    title: str, x_label: str, values: Mapping[str, float], intervals: Sequence[tuple[float, float]] = ()
) -> Figure:
    """Return a chart of horizontal bars, the first bar at the top.

    values: the length of each of n bars, by the name of the bar. intervals (n,): the two ends of each bar's whisker;
    empty if the bars have no whiskers.
    """
    names, lengths = [short_label(name) for name in values], list(values.values())
    whiskers = [np.abs(np.subtract(lengths, side)) for side in zip(*intervals, strict=True)] or None
    with drawing(height=max(1.4, 0.7 + 0.28 * len(names))) as (canvas, axes):
        places = np.arange(len(names))
        style = {"color": COLOURS[0], "ecolor": INK, "height": 0.7}
        axes.barh(places, lengths, xerr=whiskers, **style)
        axes.set_yticks(places, names)
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        _finish(axes, x_label, "")
        svg = inline_svg(canvas, title)
    rows = [[name, value, *(intervals[i] if len(intervals) else ())] for i, (name, value) in enumerate(values.items())]
    return Figure(title, svg, Table(["", x_label, *(["from", "to"] if len(intervals) else [])], rows, title))


def histogram(
    title: str,
    x_label: str,
    edges: Sequence[float],
    counts: Mapping[str, Sequence[float]],
    y_label: str = "count",
    marks: Sequence[float] = (),
) -> Figure:
    """Return a figure with one or several histograms, which have the same bins.

    edges (n + 1,): the edges of n bins. counts: by the name of the histogram, the heights (n,) of its bins. y_label:
    what the heights mean. marks: the x positions of dotted vertical lines.
    """
    with drawing() as (canvas, axes):
        for i, (name, values) in enumerate(counts.items()):
            style = {"color": COLOURS[i % 7], "linestyle": DASHES[i % 4], "linewidth": 1.6}
            axes.stairs(values, edges, label=short_label(name), fill=len(counts) == 1, **style)
        for mark in marks:
            axes.axvline(mark, color=INK, linewidth=1.2, linestyle=":")
        _finish(axes, x_label, y_label, legend=len(counts) > 1)
        svg = inline_svg(canvas, title)
    rows = [[f"{a:.4g} to {b:.4g}", *cells] for a, b, *cells in zip(edges, edges[1:], *counts.values(), strict=False)]
    return Figure(title, svg, Table([x_label, *counts], rows, title))


def scatter(
    title: str, x_label: str, y_label: str, x: Sequence, y: Sequence, numbers: Table, diagonal: bool = False
) -> Figure:
    """Return a scatter plot. x (n,) and y (n,) are the coordinates of its points.

    numbers: the table that the page shows below the figure. diagonal: whether to draw also the line y = x.
    """
    with drawing(height=4.0) as (canvas, axes):
        size, alpha = (9, 0.5) if len(x) > FEW_POINTS else (40, 0.9)
        axes.scatter(x, y, s=size, alpha=alpha, color=COLOURS[0], linewidths=0)
        if diagonal and len(x):
            ends = [min(np.min(x), np.min(y)), max(np.max(x), np.max(y))]
            axes.plot(ends, ends, color=INK, linewidth=1, linestyle=":", alpha=0.6)
        _finish(axes, x_label, y_label)
        svg = inline_svg(canvas, title)
    return Figure(title, svg, numbers)


def _finish(axes, x_label: str, y_label: str, legend: bool = False) -> None:
    axes.set_xlabel(short_label(x_label))
    axes.set_ylabel(short_label(y_label))
    if legend:
        axes.legend()


def _points(title: str, x_label: str, y_label: str, series: Mapping[str, tuple[Sequence, Sequence]]) -> Table:
    """Return the table of the numbers of a line chart, with a row for each x that occurs in any line.

    series: by the name of the line, the x and the y of its points.
    """
    values = {name: dict(zip(map(float, x), map(float, y), strict=True)) for name, (x, y) in series.items()}
    every = sorted({x for points in values.values() for x in points})
    rows = [[f"{x:g}", *(_or_none(points.get(x)) for points in values.values())] for x in every]
    columns = [x_label, *(series if len(series) > 1 else [y_label])]
    return Table(columns, rows, title)


def _or_none(value: float | None) -> float | None:
    return value if value is not None and np.isfinite(value) else None


MOST_NUMBERS = 12  # with more names, the cells are too small for their counts


def matrix(title: str, names: Sequence[str], counts: np.ndarray) -> Figure:
    """Return a figure with a square table of coloured cells. A cell is darker if its count is higher.

    counts (K, K) int: the count of each cell. names (K,): the names of the rows, which are also the names of the
    columns. If there are at most MOST_NUMBERS names, the counts are also written into the cells.
    """
    from matplotlib.colors import LinearSegmentedColormap

    with drawing(height=max(2.6, 1.6 + 0.17 * len(names))) as (canvas, axes):
        shades = LinearSegmentedColormap.from_list("shades", ["#FFFFFF", COLOURS[0]])
        axes.pcolormesh(counts, cmap=shades, vmin=0, vmax=max(1, counts.max()), edgecolor="#FFFFFF", linewidth=0.5)
        if len(names) <= MOST_NUMBERS:
            _write_numbers(axes, counts)
        places, plain = np.arange(len(names)) + 0.5, [short_label(name, 18) for name in names]
        axes.set_xticks(places, plain, rotation=90)
        axes.set_yticks(places, plain)
        axes.invert_yaxis()
        axes.grid(visible=False)
        svg = inline_svg(canvas, title)
    rows = [[name, *map(int, row)] for name, row in zip(names, counts, strict=True)]
    return Figure(title, svg, Table(["", *names], rows, title))


def _write_numbers(axes, counts: np.ndarray) -> None:
    for row, column in np.ndindex(counts.shape):
        dark = counts[row, column] > 0.6 * counts.max()
        style = {"ha": "center", "va": "center", "fontsize": 8, "color": "#FFFFFF" if dark else "#000000"}
        axes.text(column + 0.5, row + 0.5, f"{counts[row, column]:,}", **style)
