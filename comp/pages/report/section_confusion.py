"""Confusion matrices as tables of buttons, which filter the gallery."""

import numpy as np

from comp.pages.report import confusion
from comp.pages.report.confusion import LARGEST, Confusion
from comp.pages.report.report_data import ReportData
from comp.pages.report.section import Section


def section(data: ReportData) -> Section | None:
    """The matrix of the classes (or ranges of the number), and of each attribute; None for several labels."""
    if data.competition.target == "multilabel" or not data.main:
        return None
    made = confusion.of_source(data, data.main)
    values = {"source": data.main.name, "matrices": [_shown(one) for one in made], "largest": LARGEST}
    return Section("confusion", "Confusion", "report/confusion.html.j2", values)


def _shown(one: Confusion) -> dict:
    """What the template draws: cells, or the most frequent pairs.

    A cell is its count and the strength of its colour: the root of its share of the true category, which keeps small
    shares visible.
    """
    names, totals = list(one.categories.names), one.counts.sum(1)
    rows = [
        [(int(count), float(np.sqrt(count / total)) if total else 0.0) for count in counts]
        for counts, total in zip(one.counts, totals, strict=True)
    ]
    return {
        "kind": one.kind,
        "title": one.categories.title,
        "names": names,
        "rows": rows if one.is_small else [],
        "totals": totals.tolist(),
        "pairs": one.pairs(),
        "is_small": one.is_small,
    }
