"""The names of the classes and of the attributes' values, as the training table spells them."""

from itertools import pairwise, product

import pandas as pd

from comp.competition.competition import Attribute
from comp.competition.layout import coco
from comp.competition.layout.photo_paths import PhotoRows
from comp.competition.layout.source_table import check_columns
from comp.competition.settings import Settings
from comp.errors import InputError, listed

EDIT = "edit competition.toml"


def in_order(values) -> tuple[str, ...]:
    """The distinct values, sorted by size if all are numbers (2 before 10), else alphabetically."""
    values = sorted(set(values))
    numbers = pd.to_numeric(pd.Series(values, dtype=str), errors="coerce")
    return tuple(values) if numbers.isna().any() else tuple(values[i] for i in numbers.argsort(kind="stable"))


def of_table(rows: PhotoRows, settings: Settings) -> tuple[str, ...]:
    """The classes (C,) from the training table alone. Raises InputError for a missing or empty label column."""
    if settings.target == "regression":
        return ("value",)
    if not isinstance(settings.label, str):
        return settings.label
    labels = one_column(rows, settings)
    if settings.target == "multilabel":
        return in_order(part for part in parts_of(labels, settings).explode().dropna() if part)
    if settings.target == "binary":
        return two_classes(in_order(labels), settings, rows.file)
    names = in_order(labels)
    if settings.target == "ordinal" and pd.to_numeric(pd.Series(names), errors="coerce").isna().any():
        raise InputError(f"grades of {rows.file} are not numbers: {', '.join(names[:20])}",
                         "the order of the grades, lowest first",
                         f"classes = {list(names[:20])} in competition.toml, in the right order")  # fmt: skip
    if len(names) < 2:
        raise InputError(f"column {settings.label} of {rows.file} has only the value {names[0]}",
                         "at least two classes", EDIT)  # fmt: skip
    return names


def one_column(rows: PhotoRows, settings: Settings) -> pd.Series:
    """The label column (N,) as text. Raises InputError if it is missing, or empty in a row that must have a label."""
    check_columns(rows.table, (settings.label,), "label", rows.file)
    labels = rows.table[settings.label]
    empty = (labels.str.strip() == "").to_numpy(bool)
    if empty.any() and settings.target != "multilabel":
        raise InputError(f"{empty.sum()} row(s) of {rows.file} without a label:{listed(rows.named(empty))}",
                         f"a value in column {settings.label} of each row", "fill or delete those rows")  # fmt: skip
    if settings.target != "multilabel" and settings.label == coco.LABEL and rows.source and rows.source.is_json:
        several = labels.str.contains(coco.SEVERAL, regex=False).to_numpy(bool)
        if several.any():
            raise InputError(
                f"{several.sum()} image(s) of {rows.file} with several categories:{listed(rows.named(several))}",
                f'one category per image, or target = "multilabel" in place of {settings.target}', EDIT,
            )  # fmt: skip
    return labels


def parts_of(labels: pd.Series, settings: Settings) -> pd.Series:
    """The labels of each row (N,) as lists."""
    if settings.separator.strip():
        return labels.str.split(settings.separator, regex=False).map(lambda parts: [part.strip() for part in parts])
    return labels.str.split()  # by any white space


def two_classes(values: tuple[str, ...], settings: Settings, file: str) -> tuple[str, str]:
    """The names of the negative and the positive class. Several values of one class are joined, as in UERD/JMiPOD."""
    positive = settings.listed("positive")
    unknown = [value for value in positive if value not in values]
    if unknown:
        raise InputError(f"positive = {list(positive)}: no row of {file} has the label {unknown[0]}",
                         f"some of {', '.join(values[:20])}", EDIT)  # fmt: skip
    if not positive and len(values) == 2:
        positive = ("1",) if "1" in values else values[1:]
    negative = [value for value in values if value not in positive]
    if not positive or not negative:
        raise InputError(f"labels of {file}: {', '.join(values[:20])}", "two classes, or positive = [the labels of the "
                         "positive class]", EDIT)  # fmt: skip
    return "/".join(negative), "/".join(positive)


def attributes_of(rows: PhotoRows, settings: Settings) -> dict[str, Attribute]:
    """The attributes; the classes are all combinations of their values, the last attribute changing fastest."""
    values = {name: _values(rows, settings, name) for name in settings.attributes}
    combinations = list(product(*(range(len(names)) for names in values.values())))
    return {name: Attribute(values[name], tuple(one[i] for one in combinations)) for i, name in enumerate(values)}


def of_attributes(attributes: dict[str, Attribute]) -> tuple[str, ...]:
    """The class names (C,), made of the values of the attributes, such as "red small 30-60"; () without attributes."""
    columns = [[one.values[value] for value in one.of_class] for one in attributes.values()]
    return tuple(" ".join(names) for names in zip(*columns, strict=True))


def _values(rows: PhotoRows, settings: Settings, name: str) -> tuple[str, ...]:
    """The names of an attribute's values: ranges as <30, 30-60, >=60; others as the table spells them."""
    if name in settings.ranges:
        edges = [f"{edge:g}" for edge in settings.ranges[name]["edges"]]
        between = [f"{low}-{high}" for low, high in pairwise(edges)]
        return (f"<{edges[0]}", *between, f">={edges[-1]}")
    check_columns(rows.table, (name,), "attributes", rows.file)
    return in_order(rows.table[name])
