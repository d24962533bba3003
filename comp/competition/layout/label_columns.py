"""The labels of the training rows as in folds.csv: a class index, several with spaces between, or a number."""

import numpy as np
import pandas as pd

from comp.competition import labels
from comp.competition.competition import Competition
from comp.competition.layout import class_names
from comp.competition.layout.photo_paths import PhotoRows
from comp.competition.layout.source_table import check_columns
from comp.competition.settings import Settings
from comp.competition.training_label_policy import label_of_attributes
from comp.errors import InputError, listed
from comp.io.unicode_names import same_text


def labels_of(
    rows: PhotoRows, competition: Competition, settings: Settings, attributes: dict[str, np.ndarray]
) -> np.ndarray | list[str]:
    """The labels (N,): int, text of class indices (multilabel), or float (regression).

    attributes: the result of `attribute_columns`. Raises InputError for labels that are not classes, or not numbers.
    """
    if attributes:
        return label_of_attributes(pd.DataFrame(attributes), competition)
    if settings.target == "regression":
        return numbers(rows, settings.label, "label")
    if not isinstance(settings.label, str):
        chosen = zeros_and_ones(rows, settings.label)[:, _places(settings.label, competition)]
        return _texts(chosen) if settings.target == "multilabel" else _one_each(chosen, rows)
    column = class_names.one_column(rows, settings)
    if settings.target == "multilabel":
        return _several(column, competition, settings, rows)
    if settings.positive:
        return column.isin(settings.listed("positive")).to_numpy(int)
    return _indices(column, competition, rows)


def attribute_columns(rows: PhotoRows, competition: Competition) -> dict[str, np.ndarray]:
    """Name of each attribute to its value (N,) int."""
    ranges = {one.attribute: one for one in competition.ranges}
    made = {}
    for name, attribute in competition.attributes.items():
        if name in ranges:
            values = numbers(rows, ranges[name].column, "ranges")
            made[name] = np.searchsorted(ranges[name].edges, values, side="right")
        else:
            made[name] = pd.Categorical(rows.table[name], categories=attribute.values).codes.astype(int)
    return made


def numbers(rows: PhotoRows, column: str, key: str) -> np.ndarray:
    """A column as (N,) float. Raises InputError for values that are not finite numbers."""
    check_columns(rows.table, (column,), key, rows.file)
    values = pd.to_numeric(rows.table[column], errors="coerce").to_numpy(np.float64)
    _check(np.isfinite(values), rows, rows.table[column], f"are not numbers in column {column}", "numbers")
    return values


def zeros_and_ones(rows: PhotoRows, columns: tuple[str, ...]) -> np.ndarray:
    """Columns of 0 and 1 as (N, L) bool. Raises InputError for other values."""
    check_columns(rows.table, columns, "label", rows.file)
    values = rows.table[list(columns)].apply(pd.to_numeric, errors="coerce").to_numpy(np.float64)
    bad = ~np.isin(values, (0, 1))
    shown = [f"{name}: {rows.table[columns[c]].iloc[r]!r} in {columns[c]}"
             for name, r, c in zip(rows.named(bad.any(1)), *_first_of_each_row(bad), strict=True)]  # fmt: skip
    if shown:
        raise InputError(f"{len(shown)} row(s) of {rows.file} with labels that are not 0 or 1:{listed(shown)}",
                         "0 or 1 in each column of `label`", "correct those lines")  # fmt: skip
    return values == 1


def _first_of_each_row(bad: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    rows = np.flatnonzero(bad.any(1))
    return rows, bad[rows].argmax(1)


def _places(columns: tuple[str, ...], competition: Competition) -> list[int]:
    """The position in `label` of each class."""
    names = [same_text(name) for name in columns]
    return [names.index(same_text(name)) for name in competition.classes]


def _one_each(chosen: np.ndarray, rows: PhotoRows) -> np.ndarray:
    counts = chosen.sum(1)
    _check(counts == 1, rows, pd.Series(counts), "do not have exactly one 1", "one 1 per row; "
           'several need target = "multilabel"')  # fmt: skip
    return chosen.argmax(1)


def _texts(chosen: np.ndarray) -> list[str]:
    return [labels.to_text(np.flatnonzero(row)) for row in chosen]


def _several(column: pd.Series, competition: Competition, settings: Settings, rows: PhotoRows) -> list[str]:
    parts = class_names.parts_of(column, settings)
    index = {same_text(name): c for c, name in enumerate(competition.classes)}
    found = [[index.get(same_text(part), -1) for part in row if part] for row in parts]
    _check(np.array([-1 not in row for row in found]), rows, column, "are not classes", _known(competition))
    return [labels.to_text(row) for row in found]


def _indices(column: pd.Series, competition: Competition, rows: PhotoRows) -> np.ndarray:
    index = {same_text(name): c for c, name in enumerate(competition.classes)}
    place = {value: index.get(same_text(value), -1) for value in column.unique()}
    found = column.map(place).to_numpy(int)
    _check(found >= 0, rows, column, "are not classes", _known(competition))
    return found


def _known(competition: Competition) -> str:
    return f"one of {', '.join(competition.classes[:50])}"


def _check(right: np.ndarray, rows: PhotoRows, values: pd.Series, problem: str, expected: str) -> None:
    """Raise InputError that lists the rows that are not right; right: (N,) bool."""
    if not right.all():
        bad = [f"{n}: {v!r}" for n, v in zip(rows.named(~right), values[~right].tolist(), strict=True)]
        raise InputError(f"{len(bad)} label(s) of {rows.file} {problem}:{listed(bad)}", expected,
                         "correct those rows, or `classes` and `label` in competition.toml")  # fmt: skip
