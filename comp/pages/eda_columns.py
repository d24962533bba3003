"""The section of the audit on further columns: the numbers behind classes, kept columns, and group sizes."""

import numpy as np
import pandas as pd

from comp.competition.competition import Competition
from comp.data.audit_tables import AuditTables
from comp.pages import bins, figures
from comp.pages.figures import Figure
from comp.pages.sections import Section

SHOWN = 20  # most frequent values of a column of text


def section(audit: AuditTables) -> Section:
    """Further columns: the numbers behind classes by attribute, kept columns, and group sizes."""
    made = Section("columns", "Numbers and columns")
    competition, train = audit.competition, audit.train
    ranges = {one.column for one in competition.ranges}
    for one in competition.ranges:
        if one.column in train:
            made.figures += _behind(one, train, competition)
    known = {"image", "group", "label", "fold", "id", *competition.attributes, *ranges}
    made.figures += [_column(name, train[name]) for name in train if name not in known]
    sizes = train["group"].value_counts()
    if len(sizes) < len(train):
        _groups(made, sizes)
    else:
        made.notes.append("Every photo is a group of its own.")
    return made


def _groups(made: Section, sizes: pd.Series) -> None:
    """sizes: photos by group, the largest first."""
    if sizes.min() == sizes.max():
        made.notes.append(f"{len(sizes):,} groups with {sizes.max():,} photos each.")
        return
    made.notes.append(f"{len(sizes):,} groups with {sizes.min():,} to {sizes.max():,} photos each (median "
                      f"{sizes.median():g}); the largest is {sizes.index[0]}.")  # fmt: skip
    edges = bins.edges(sizes.to_numpy())
    counts = {"groups": bins.counts(sizes.to_numpy(), edges)}
    made.figures.append(figures.histogram("groups by their number of photos", "photos of a group", edges, counts))


def _behind(one, train: pd.DataFrame, competition: Competition) -> list[Figure]:
    """Histograms of the number that a range cuts into values, by each other attribute; all photos without any."""
    numbers = pd.to_numeric(train[one.column], errors="coerce")
    edges = bins.edges(numbers.dropna().to_numpy())
    others = [name for name in competition.attributes if name != one.attribute and name in train] or [""]
    title = f"{one.column}, which decides {one.attribute} (from {', '.join(f'{edge:g}' for edge in one.edges)} on)"
    return [
        figures.histogram(title + (f", by {name}" if name else ""), one.column, edges,
                          _counts_by(name, numbers, train, competition, edges), marks=one.edges)
        for name in others
    ]  # fmt: skip


def _counts_by(name: str, numbers: pd.Series, train: pd.DataFrame, competition: Competition, edges) -> dict:
    if not name:
        return {"photos": bins.counts(numbers.dropna(), edges)}
    return {
        value: bins.counts(numbers[(train[name].astype(int) == i) & numbers.notna()], edges)
        for i, value in enumerate(competition.attributes[name].values)
    }


def _column(name: str, column: pd.Series) -> Figure:
    """A histogram of a column of numbers; bars of the most frequent values of any other."""
    text = column.astype(str).where(column.notna(), "")
    numbers = pd.to_numeric(text.where(text != ""), errors="coerce").replace([np.inf, -np.inf], np.nan)
    if numbers.notna().any() and not (numbers.isna() & (text != "")).any():
        edges = bins.edges(numbers.dropna().to_numpy())
        return figures.histogram(f"column {name}", name, edges, {"photos": bins.counts(numbers.dropna(), edges)})
    counts = text.replace("", "(empty)").value_counts()
    more = f": the {SHOWN} most frequent of {len(counts):,}" if len(counts) > SHOWN else ""
    return figures.bars(f"column {name}{more}", "photos", counts.head(SHOWN).to_dict())
