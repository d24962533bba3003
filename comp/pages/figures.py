"""Figures and tables of a page. matplotlib draws the figures as SVG, and each figure has a table of its numbers.

There are figures with lines, bars, histograms, scatter plots and matrices of counts. The module also makes bins for
histograms. The same numbers always give the same bytes. The lines or bars of a figure differ by colour and also by
dash, marker or hatch. Axes and text have the colour of the page's text, in the light and in the dark style. The macros
`figure` and `table` of parts.html.j2 put figures and tables into a page.
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


@dataclass(frozen=True)
class Table:
    """A table of a page.

    columns (K,): the headers of K columns. rows: lists of K cells. A cell is a text or a number, or None if there is no
    value. title: the caption, which may be empty.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence]
    title: str = ""

    def numeric_columns(self) -> list[bool]:
        """Return for each of the K columns whether all of its cells are numbers or empty.

        A page aligns such columns to the right.
        """
        return [all(map(_is_number, column)) for column in zip(*self.rows, strict=True)] or [False] * len(self.columns)


def shown(cell) -> str:
    """Return the text that a page shows for a cell of a table.

    A whole number such as 18900 becomes 18,900. Another number has four decimals below 10 (0.47361 becomes 0.4736) and
    four digits from 10 on (1234.5 becomes 1,234). None becomes a dash. On the terminal, `console.table` writes whole
    numbers without commas, so that they can be copied.
    """
    if cell is None:
        return "–"
    if isinstance(cell, str):
        return cell
    if isinstance(cell, Integral):
        return f"{int(cell):,}"
    return f"{cell:.4f}" if abs(cell) < 10 else f"{cell:,.4g}"


def _is_number(cell) -> bool:
    """Return whether a cell is a number, None, or a text that looks like a number, such as "1,234" or "95 %"."""
    return not isinstance(cell, str) or re.fullmatch(r"[-+]?[\d,.]*\d ?%?", cell) is not None


# ---- bins of histograms

BINS = 30
# This percentage of the lowest and of the highest values joins the outermost bins. Otherwise a few extreme values could
# stretch the axis so far that almost all values fall into one bin.
BEYOND = 0.5


def bin_edges(values: np.ndarray) -> np.ndarray:
    """Return the edges (n + 1,) of n bins for a histogram of `values` (N,), which are finite. n is at most BINS.

    If all values are whole numbers, each bin covers equally many whole numbers. If all values are equal, there is one
    bin. A few very low and very high values may lie outside of the edges; `bin_counts` counts them in the first and in
    the last bin.
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
    """Return the number of values (n,) int in each of n bins.

    bins (n + 1,): the edges of the bins. A value below the first edge is counted in the first bin, and a value above
    the last edge in the last bin.
    """
    return np.histogram(np.clip(np.asarray(values, float), bins[0], bins[-1]), bins)[0]


def bin_percent(values: np.ndarray, bins: np.ndarray) -> np.ndarray:
    """Return the percentage of the values in each of n bins, (n,) float.

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

    svg: the SVG element, as text that is not escaped again. numbers: a table of the values that the figure shows.
    """

    title: str
    svg: str
    numbers: Table


@contextlib.contextmanager
def drawing(height: float = HEIGHT) -> Iterator[tuple]:
    """Yield a matplotlib Figure and its axes, with the settings that all figures share.

    height: the height of the figure in inches.
    """
    import matplotlib
    from matplotlib.figure import Figure as Canvas

    with matplotlib.rc_context(SETTINGS):
        canvas = Canvas(figsize=(WIDTH, height))
        yield canvas, canvas.subplots()


def inline_svg(figure, title: str):
    """Return the SVG element of a matplotlib Figure, for use inside an HTML page.

    Call this function inside `drawing`. title: a text for screen readers.
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
    """Return the SVG text with a prefix before each id.

    Ids must be unique in a page, but matplotlib uses the same ids in several figures.
    """
    text = re.sub(r'(\bid=")', rf"\g<1>{prefix}-", text)
    return re.sub(r'(url\(#|href="#)', rf"\g<1>{prefix}-", text)


def short_label(name: str, most: int = 28) -> str:
    """Return the name as a label of a figure, cut to at most `most` letters.

    A label that starts with "_" gets a blank in front, because matplotlib leaves out labels that start with "_".
    """
    name = name if len(name) <= most else f"{name[: most - 1]}…"
    return f" {name}" if name.startswith("_") else name


# ---- kinds of figures


def lines(
    title: str, x_label: str, y_label: str, series: Mapping[str, tuple[Sequence, Sequence]], diagonal: bool = False
) -> Figure:
    """Return a figure with a line for each series.

    series: the points of each line as x (n,) and y (n,), by the name of the line; nan in y means that there is no
    value. diagonal: whether the figure also has the line y = x from 0 to 1.
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
    """Return a figure with horizontal bars, the first bar at the top.

    values: the length of each of n bars, by the name of the bar. intervals (n,): the two ends of the whisker of each
    bar; empty if the bars have no whiskers.
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
    """Return a figure with the outlines of one or several histograms, which share their bins.

    edges (n + 1,): the edges of n bins. counts: the heights (n,) of the bins of each histogram, by its name. y_label:
    what the heights mean. marks: the x of dotted vertical lines.
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
    """Return a figure with the points x (n,), y (n,).

    numbers: the table that the page shows below the figure. diagonal: whether the figure also has the line y = x.
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
    """Return the table of the numbers of a line figure. It has a row for each x that occurs in a line."""
    values = {name: dict(zip(map(float, x), map(float, y), strict=True)) for name, (x, y) in series.items()}
    every = sorted({x for points in values.values() for x in points})
    rows = [[f"{x:g}", *(_or_none(points.get(x)) for points in values.values())] for x in every]
    columns = [x_label, *(series if len(series) > 1 else [y_label])]
    return Table(columns, rows, title)


def _or_none(value: float | None) -> float | None:
    return value if value is not None and np.isfinite(value) else None


MOST_NUMBERS = 12  # with more names, the cells are too small for their counts


def matrix(title: str, names: Sequence[str], counts: np.ndarray) -> Figure:
    """Return a figure with a square table of coloured cells, where higher counts are darker.

    counts (K, K) int: the number for each cell. names (K,): the names of the rows, which are also the names of the
    columns. If there are few names, the counts are also written into the cells.
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
