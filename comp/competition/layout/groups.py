"""The group of each training photo: rows of one group stay in one fold."""

import pandas as pd

from comp.competition.layout import template
from comp.competition.layout.photo_paths import PhotoRows
from comp.competition.layout.source_table import check_columns
from comp.competition.settings import Settings
from comp.errors import InputError, listed

BETWEEN = "_"  # joins the values of several columns


def groups_of(rows: PhotoRows, settings: Settings) -> pd.Series:
    """The group (N,) of each photo as text, from columns, a template, or a pattern that is found in the path.

    A photo is a group of its own, named by its path, if no groups are given or if its columns are empty. Raises
    InputError for a missing column, and for a path that the pattern does not match.
    """
    if settings.group_pattern:
        return _by_pattern(rows, settings.group_pattern)
    if not settings.group:
        return rows.images
    text = _template(settings.listed("group"))
    columns = template.fields(text)
    check_columns(rows.table, columns, "group", rows.file)
    empty = (rows.table[columns] == "").all(axis=1)
    return template.fill(text, rows.table).where(~empty, rows.images)


def _template(names: tuple[str, ...]) -> str:
    """The given template, or a template that joins the given columns."""
    if len(names) == 1 and "{" in names[0]:
        return names[0]
    return BETWEEN.join(f"{{{name}}}" for name in names)


def _by_pattern(rows: PhotoRows, pattern: str) -> pd.Series:
    found = rows.images.str.extract(pattern)[0]
    if found.isna().any():
        paths = rows.images[found.isna()].tolist()
        raise InputError(f"group_pattern = {pattern!r} does not match {len(paths)} path(s):{listed(paths)}",
                         "a match in each photo's path", "edit group_pattern in competition.toml")  # fmt: skip
    return found
