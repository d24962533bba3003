"""Figures of a page, drawn by matplotlib: lines, bars, histogram, scatter. Each has its numbers in a table beside it.

The macro `figure` of parts.html.j2 draws one. Series differ by colour, and by dash or marker: never by colour alone.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from comp.pages import svg
from comp.pages.tables import Table

# Okabe and Ito (2008), "Color Universal Design": the colour-blind can tell them apart. Yellow is last: it is pale.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#F0E442")
DASHES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
FEW = 50  # points that are drawn large
WIDTH, HEIGHT = 4.6, 3.1  # inches: small enough that the text can be read where a phone scales the figure down


@dataclass(frozen=True)
class Figure:
    """svg: Markup of the SVG element; numbers: what it shows."""

    title: str
    svg: str
    numbers: Table


@contextlib.contextmanager
def drawing(height: float = HEIGHT) -> Iterator[tuple]:
    """Yield a matplotlib Figure and its axes, with the settings that all figures share. height: in inches."""
    import matplotlib
    from matplotlib.figure import Figure as Canvas

    with matplotlib.rc_context(svg.SETTINGS):
        canvas = Canvas(figsize=(WIDTH, height))
        yield canvas, canvas.subplots()


def lines(title: str, x_label: str, y_label: str, series: Mapping[str, tuple[Sequence, Sequence]],
          diagonal: bool = False) -> Figure:  # fmt: skip
    """Lines through points. series: name to x (n,) and y (n,), nan for no value; diagonal: also draw y = x."""
    with drawing() as (canvas, axes):
        if diagonal:
            axes.plot([0, 1], [0, 1], color=svg.INK, linewidth=1, linestyle=":", alpha=0.6)
        for i, (name, (x, y)) in enumerate(series.items()):
            style = {"color": COLOURS[i % 7], "linestyle": DASHES[i // 7 % 4], "marker": MARKERS[i % 7]}
            axes.plot(x, y, label=plain(name), markersize=3.5, markevery=max(1, len(x) // 12), **style)
        if all(float(place).is_integer() for x, _ in series.values() for place in x):
            axes.xaxis.get_major_locator().set_params(integer=True)
        _finish(axes, x_label, y_label, legend=len(series) > 1)
        drawn = svg.inline(canvas, title)
    return Figure(title, drawn, _points(title, x_label, y_label, series))


def bars(title: str, x_label: str, values: Mapping[str, float],
         intervals: Sequence[tuple[float, float]] = ()) -> Figure:  # fmt: skip
    """Horizontal bars from the top down. values: name to length; intervals (n,): ends of whiskers, if any."""
    names, lengths = [plain(name) for name in values], list(values.values())
    whiskers = [np.abs(np.subtract(lengths, side)) for side in zip(*intervals, strict=True)] or None
    with drawing(height=max(1.4, 0.7 + 0.28 * len(names))) as (canvas, axes):
        places = np.arange(len(names))
        style = {"color": COLOURS[0], "ecolor": svg.INK, "height": 0.7}
        axes.barh(places, lengths, xerr=whiskers, **style)
        axes.set_yticks(places, names)
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        _finish(axes, x_label, "")
        drawn = svg.inline(canvas, title)
    rows = [[name, value, *(intervals[i] if len(intervals) else ())] for i, (name, value) in enumerate(values.items())]
    return Figure(title, drawn, Table(["", x_label, *(["from", "to"] if len(intervals) else [])], rows, title))


def histogram(title: str, x_label: str, edges: Sequence[float], counts: Mapping[str, Sequence[float]],
              y_label: str = "count", marks: Sequence[float] = ()) -> Figure:  # fmt: skip
    """Outlines of histograms with common bins. edges (n + 1,); counts: name of each series to its counts (n,).

    y_label: what is counted; marks: places of dotted vertical lines.
    """
    with drawing() as (canvas, axes):
        for i, (name, values) in enumerate(counts.items()):
            style = {"color": COLOURS[i % 7], "linestyle": DASHES[i % 4], "linewidth": 1.6}
            axes.stairs(values, edges, label=plain(name), fill=len(counts) == 1, **style)
        for mark in marks:
            axes.axvline(mark, color=svg.INK, linewidth=1.2, linestyle=":")
        _finish(axes, x_label, y_label, legend=len(counts) > 1)
        drawn = svg.inline(canvas, title)
    rows = [[f"{a:.4g} to {b:.4g}", *cells] for a, b, *cells in zip(edges, edges[1:], *counts.values(), strict=False)]
    return Figure(title, drawn, Table([x_label, *counts], rows, title))


def scatter(title: str, x_label: str, y_label: str, x: Sequence, y: Sequence, numbers: Table,
            diagonal: bool = False) -> Figure:  # fmt: skip
    """Points (n,). numbers: a table that says the same, since points can be many; diagonal: also draw y = x."""
    with drawing(height=4.0) as (canvas, axes):
        size, alpha = (9, 0.5) if len(x) > FEW else (40, 0.9)
        axes.scatter(x, y, s=size, alpha=alpha, color=COLOURS[0], linewidths=0)
        if diagonal and len(x):
            ends = [min(np.min(x), np.min(y)), max(np.max(x), np.max(y))]
            axes.plot(ends, ends, color=svg.INK, linewidth=1, linestyle=":", alpha=0.6)
        _finish(axes, x_label, y_label)
        drawn = svg.inline(canvas, title)
    return Figure(title, drawn, numbers)


def _finish(axes, x_label: str, y_label: str, legend: bool = False) -> None:
    axes.set_xlabel(plain(x_label))
    axes.set_ylabel(plain(y_label))
    if legend:
        axes.legend()


def plain(name: str, most: int = 28) -> str:
    """A name for a label: shortened, and not one that matplotlib leaves out because it starts with "_"."""
    name = name if len(name) <= most else f"{name[: most - 1]}…"
    return f" {name}" if name.startswith("_") else name


def _points(title: str, x_label: str, y_label: str, series: Mapping[str, tuple[Sequence, Sequence]]) -> Table:
    """The numbers of lines: one row per x of any of them."""
    values = {name: dict(zip(map(float, x), map(float, y), strict=True)) for name, (x, y) in series.items()}
    every = sorted({x for points in values.values() for x in points})
    rows = [[f"{x:g}", *(_or_none(points.get(x)) for points in values.values())] for x in every]
    columns = [x_label, *(series if len(series) > 1 else [y_label])]
    return Table(columns, rows, title)


def _or_none(value: float | None) -> float | None:
    return value if value is not None and np.isfinite(value) else None
