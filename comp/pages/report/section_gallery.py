"""The gallery of mistakes: the data that gallery.js filters, and the thumbnails of the worst rows."""

import numpy as np
import pandas as pd

from comp.pages import thumbnails
from comp.pages.report import categories, gallery_rows, group_disagreement
from comp.pages.report.report_data import ReportData
from comp.pages.report.section import Section

THUMBNAILS = 600  # about 2 kB each
BYTES = 5_000_000  # of thumbnails, at most


def section(data: ReportData) -> Section | None:
    """Photos with truth, answers and confidence, the most confident mistakes first; None without predictions."""
    if not data.main:
        return None
    values = {
        "classes": _names(data),
        "attributes": {name: one.values for name, one in data.competition.attributes.items()},
        "columns": {name: np.unique(column).tolist() for name, column in data.columns.items()},
        "folds": int(data.rows.folds.max()) + 1,
        "number": data.competition.target == "regression",
        "source": data.main.name,
        "several_runs": len(data.runs) > 1,
        "groups": _groups(data),
        "rows": rows(data),
    }
    return Section("gallery", "Mistakes", "report/gallery.html.j2", values, scripts=("gallery.js",))


def _names(data: ReportData) -> list[str]:
    target = categories.of_target(data)
    return list(data.competition.classes if target is None else target.names)


def _groups(data: ReportData) -> list[dict]:
    """The groups whose photos are answered differently, with their number in the rows."""
    numbers = {name: i for i, name in enumerate(pd.factorize(data.rows.groups)[1].astype(str))}
    keys = ("name", "rows", "mistakes", "unlike")
    found = [dict(zip(keys, one, strict=True)) for one in group_disagreement.listed(data, data.main)]
    return [one | {"number": numbers[one["name"]]} for one in found]


def rows(data: ReportData) -> dict:
    """All rows as plain values for gallery.js, with thumbnails of some of them."""
    group, names = pd.factorize(data.rows.groups)
    badness = gallery_rows.badness(data, data.main)
    order = np.argsort(-badness, kind="stable")
    several, number = data.competition.target == "multilabel", data.competition.target == "regression"
    return {
        "several": several,
        "hasBlend": data.blend is not None,
        "hasGroups": len(names) < len(group),
        "classes": _names(data),
        "images": list(map(str, data.images)),
        "truth": gallery_rows.truths(data),
        "numbers": [float(f"{value:.6g}") for value in data.rows.labels] if number else None,
        "sources": [vars(opinion) for opinion in gallery_rows.opinions(data)],
        "wrong": gallery_rows.wrong(data, data.main).astype(int).tolist(),
        "order": order[data.main.known[order]].tolist(),
        "folds": data.rows.folds.tolist(),
        "groups": names.astype(str).tolist(),
        "group": group.tolist(),
        "attributes": [{"ofClass": list(one.of_class)} for one in data.competition.attributes.values()],
        "columns": [{"codes": np.unique(column, return_inverse=True)[1].tolist()} for column in data.columns.values()],
        **_photos(data),
    }


def _photos(data: ReportData) -> dict:
    chosen = gallery_rows.chosen(data, data.main, THUMBNAILS)
    made = thumbnails.thumbnails(data.inputs, [data.images[row] for row in chosen], budget=BYTES)
    pairs = list(zip(chosen, made, strict=True))
    return {
        "photos": {str(row): one.uri for row, one in pairs if one.uri},
        "problems": {str(row): one.problem for row, one in pairs if not one.uri},
    }
