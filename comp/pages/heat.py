"""A square picture of counts: how often two things occur together. The numbers are written into the cells."""

from collections.abc import Sequence

import numpy as np

from comp.pages import figures, svg
from comp.pages.figures import Figure
from comp.pages.tables import Table

MOST_NUMBERS = 12  # names up to which the cells have room for their numbers


def heat(title: str, names: Sequence[str], counts: np.ndarray) -> Figure:
    """counts (K, K) int for K names, darker where higher; up to MOST_NUMBERS names the cells show them."""
    from matplotlib.colors import LinearSegmentedColormap

    with figures.drawing(height=max(2.6, 1.6 + 0.17 * len(names))) as (canvas, axes):
        shades = LinearSegmentedColormap.from_list("shades", ["#FFFFFF", figures.COLOURS[0]])
        axes.pcolormesh(counts, cmap=shades, vmin=0, vmax=max(1, counts.max()), edgecolor="#FFFFFF", linewidth=0.5)
        if len(names) <= MOST_NUMBERS:
            _write_numbers(axes, counts)
        places, plain = np.arange(len(names)) + 0.5, [figures.plain(name, 18) for name in names]
        axes.set_xticks(places, plain, rotation=90)
        axes.set_yticks(places, plain)
        axes.invert_yaxis()
        axes.grid(visible=False)
        drawn = svg.inline(canvas, title)
    rows = [[name, *map(int, row)] for name, row in zip(names, counts, strict=True)]
    return Figure(title, drawn, Table(["", *names], rows, title))


def _write_numbers(axes, counts: np.ndarray) -> None:
    for row, column in np.ndindex(counts.shape):
        dark = counts[row, column] > 0.6 * counts.max()
        style = {"ha": "center", "va": "center", "fontsize": 8, "color": "#FFFFFF" if dark else "#000000"}
        axes.text(column + 0.5, row + 0.5, f"{counts[row, column]:,}", **style)
