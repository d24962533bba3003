"""Read the class names and the labels of a training table.

The first section reads the names of the classes and of the attribute values. An attribute is a property that each class
has, such as a colour. The second section returns the label of each row in the form that folds.csv needs: a class index,
several class indices separated by spaces, or a number.

Letters in the shapes: N rows, C classes, L label columns of 0 and 1.
"""

from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise, product

import numpy as np
import pandas as pd

from comp.competition import labels
from comp.competition.competition import Attribute, Competition
from comp.competition.competition_toml import EDIT, Settings, toml_value
from comp.competition.label_policy import label_of_attributes
from comp.errors import InputError, listed
from comp.inputs import cell_values, source_table
from comp.inputs.photo_paths import PhotoRows
from comp.inputs.source_table import check_columns
from comp.text import WHOLE, alike, one_spelling, same_value

# ---- names of classes and attribute values


def _names_in_order(values) -> tuple[str, ...]:
    """Return the different values, sorted by size if all are numbers (2 before 10), and otherwise alphabetically.

    values: texts, which may repeat.
    """
    values = sorted(set(values))
    numbers = pd.to_numeric(pd.Series(values, dtype=str), errors="coerce")
    return tuple(values) if numbers.isna().any() else tuple(values[i] for i in numbers.argsort(kind="stable"))


def names_of_table(rows: PhotoRows, settings: Settings) -> tuple[str, ...]:
    """Return the class names, read from the training rows.

    If there are several label columns, the class names are the names of these columns. For a regression, the only name
    is "value". Raises InputError if the label column is missing or if its values cannot be classes.
    """
    if settings.target == "regression":
        return ("value",)
    if not isinstance(settings.label, str):
        return settings.label
    labels = _names_of_column(rows, settings)
    if settings.target == "multilabel":
        return _names_in_order(one_spelling(_different_parts(labels, settings)))
    if settings.target == "binary":
        return _two_classes(_names_in_order(labels), settings, rows.file)
    names = _names_in_order(labels)
    if settings.target == "ordinal" and pd.to_numeric(pd.Series(names), errors="coerce").isna().any():
        raise InputError(
            f"the grades in {rows.file} are not numbers: {', '.join(names[:20])}",
            "the order of the grades in the key `classes` of competition.toml, with the lowest grade first",
            f"write classes = {toml_value(list(names[:20]))}, in the right order, in competition.toml",
        )
    if len(names) < 2:
        raise InputError(
            f"column {settings.label} of {rows.file} has only the value {names[0]}",
            "at least two different labels in the label column",
            EDIT,
        )
    return names


def _names_of_column(rows: PhotoRows, settings: Settings) -> pd.Series:
    """Return the label column as text, one text for each row (N,).

    Raises InputError if the column does not exist. Also raises InputError, unless the target is multilabel, if a row
    has no label or if an image of a COCO JSON file has several categories.
    """
    check_columns(rows.table, (settings.label,), "label", rows.file)
    labels = rows.table[settings.label]
    empty = (labels.str.strip() == "").to_numpy(bool)
    if empty.any() and settings.target != "multilabel":
        raise InputError(
            f"{empty.sum()} row(s) of {rows.file} have no label:{listed(rows.named(empty))}",
            f"a value in column {settings.label} of each row",
            f"write the labels into those rows, or {source_table.leave_out(rows.file)}",
        )
    if settings.target != "multilabel" and settings.label == source_table.LABEL and rows.source and rows.source.is_json:
        several = labels.str.contains(source_table.SEVERAL, regex=False).to_numpy(bool)
        if several.any():
            raise InputError(
                f"{several.sum()} image(s) of {rows.file} have several categories:{listed(rows.named(several))}",
                f'one category per image, or target = "multilabel" instead of "{settings.target}"',
                EDIT,
            )
    return labels if settings.target == "multilabel" else one_spelling(labels)


def _different_parts(column: pd.Series, settings: Settings) -> pd.Series:
    """Return each label once. column: the labels of each row, separated as competition.toml says."""
    return pd.Series(cell_values.split_labels(column, settings.separator).explode().dropna().unique(), dtype=str)


def _two_classes(values: tuple[str, ...], settings: Settings, file: str) -> tuple[str, str]:
    """Return the name of the negative class and the name of the positive class of a binary target.

    The positive class has the labels that the key `positive` of competition.toml names. Without this key, there must be
    two labels, and the positive class has the label 1 or, if neither label is 1, the second label. If a class has
    several labels, its name joins them, such as UERD/JMiPOD. Raises InputError if `positive` names an unknown label, or
    if a class would have no label.
    values: the different labels in the label column, sorted; file: the path of the table, for the error.
    """
    spelled = {same_value(value): value for value in values}
    positive = tuple(spelled.get(same_value(value), value) for value in settings.listed("positive"))
    unknown = [value for value in positive if value not in values]
    if unknown:
        raise InputError(
            f"positive = {list(positive)} in competition.toml, but no row of {file} has the label {unknown[0]}",
            f"as `positive`, one or more of the labels {', '.join(values[:20])}",
            EDIT,
        )
    if not positive and len(values) == 2:
        positive = ("1",) if "1" in values else values[1:]
    negative = [value for value in values if value not in positive]
    if not positive or not negative:
        raise InputError(
            f"the labels in {file} do not form a negative and a positive class: {', '.join(values[:20])}",
            "two different labels, or positive = [the labels of the positive class] in competition.toml",
            EDIT,
        )
    return "/".join(negative), "/".join(positive)


def attributes_of(rows: PhotoRows, settings: Settings) -> dict[str, Attribute]:
    """Return a dictionary from the name of each attribute in competition.toml to its Attribute.

    An Attribute holds the possible values, which are read from `rows`, and the value in each class.

    An attribute is a property that each class has, such as a colour. There is one class for each combination of
    attribute values. From one class to the next, the last attribute changes fastest.
    rows: the training rows.
    """
    values = {name: _column_values(rows, settings, name) for name in settings.attributes}
    combinations = list(product(*(range(len(names)) for names in values.values())))
    return {
        name: Attribute(values[name], tuple(combination[i] for combination in combinations))
        for i, name in enumerate(values)
    }


def classes_of_attributes(attributes: dict[str, Attribute]) -> tuple[str, ...]:
    """Return the class names, each joined from the attribute values of the class, such as "red small 30-60".

    attributes: the attributes by name, such as colour and size. If there are none, the result is ().
    """
    columns = [[attribute.values[value] for value in attribute.of_class] for attribute in attributes.values()]
    return tuple(" ".join(names) for names in zip(*columns, strict=True))


def _column_values(rows: PhotoRows, settings: Settings, name: str) -> tuple[str, ...]:
    """Return the values that an attribute can have, such as red and green for a colour.

    These are the different values in the column of the attribute. If the attribute is a range of a number, they are
    texts such as <30, 30-60 and >=60.
    rows: the training rows; name: the name of the attribute.
    """
    if name in settings.ranges:
        edges = [f"{edge:g}" for edge in settings.ranges[name]["edges"]]
        between = [f"{low}-{high}" for low, high in pairwise(edges)]
        return (f"<{edges[0]}", *between, f">={edges[-1]}")
    check_columns(rows.table, (name,), "attributes", rows.file)
    return _names_in_order(one_spelling(rows.table[name]))


# ---- names that may be one name

ALIKE = "differ only by spaces, upper and lower case, Unicode form or the way in which a number is written"
SHOWN = 10  # at most so many sets of names are listed


def notes_on_names(what: str, names: Iterable[str]) -> list[str]:
    """Return sentences on names that were taken for one value, such as 1 and 1.0, and on names that may be one value.

    what: what has the names, such as "classes"; names: the names as the table has them.
    """
    values = defaultdict(set)
    for name in set(names):
        values[same_value(name)].add(name)
    joined = [sorted(same, key=lambda name: (len(name), name)) for same in values.values() if len(same) > 1]
    different = alike(min(same, key=lambda name: (len(name), name)) for same in values.values())
    notes = [f"these {what} are written in several ways and are taken for one: {_sets(joined)}"] if joined else []
    return [*notes, f"these {what} {ALIKE}: {_sets(different)}"] if different else notes


def _sets(sets: list[list[str]]) -> str:
    more = f"; … ({len(sets)} in all)" if len(sets) > SHOWN else ""
    return "; ".join(" and ".join(map(repr, names)) for names in sorted(sets)[:SHOWN]) + more


def notes_on_labels(rows: PhotoRows, settings: Settings) -> list[str]:
    """Return the sentences of `notes_on_names` for the classes and the groups in the training rows."""
    if settings.target == "regression":
        notes = []
    elif settings.attributes:
        columns = [name for name in settings.attributes if name not in settings.ranges]
        notes = [note for name in columns for note in notes_on_names(f"values of {name}", rows.table[name])]
    elif not isinstance(settings.label, str):
        notes = notes_on_names("label columns", settings.label)
    elif settings.target == "multilabel":
        notes = notes_on_names("labels", _different_parts(rows.table[settings.label], settings))
    else:
        notes = notes_on_names("classes", rows.table[settings.label])
    columns = [name for name in settings.listed("group") if name in rows.table]
    return [*notes, *(note for name in columns for note in notes_on_names(f"groups of {name}", rows.table[name]))]


def notes_on_indices(competition: Competition) -> list[str]:
    """Return a warning in a list if the submission gets class indices, although the names are other numbers."""
    places = [(name, str(c)) for name, c in competition.places.items()]
    numbered = all(WHOLE.fullmatch(name) for name, _ in places)
    if competition.sample.answer != "index" or not numbered or all(name == place for name, place in places):
        return []
    return [
        f'with answer = "index", a submission has {places[0][1]} for class {places[0][0]} and {places[-1][1]} for '
        f'class {places[-1][0]}. If it should have the names of the classes, write answer = "label" in competition.toml'
    ]


# ---- labels of rows


def labels_of(
    rows: PhotoRows, competition: Competition, settings: Settings, attributes: dict[str, np.ndarray]
) -> np.ndarray | list[str]:
    """Return the label of each row as a class index, in an int array (N,).

    Two targets are exceptions. For a multilabel target, the result is a list of N texts with class indices separated by
    spaces. For a regression, it is a float array (N,). Raises InputError for a label that is not a class or, for a
    regression, not a number.
    attributes: the result of `attribute_columns`. If it is not empty, the class of a row is the combination of its
    attribute values.
    """
    if attributes:
        return label_of_attributes(pd.DataFrame(attributes), competition)
    if settings.target == "regression":
        return numbers_of(rows, settings.label, "label", settings)
    if not isinstance(settings.label, str):
        chosen = _zeros_and_ones(rows, settings)[:, _places(settings.label, competition)]
        texts = settings.target == "multilabel"
        return [labels.to_text(np.flatnonzero(row)) for row in chosen] if texts else _one_each(chosen, rows)
    column = _names_of_column(rows, settings)
    if settings.target == "multilabel":
        return _several(column, competition, settings, rows)
    if settings.positive:
        return column.map(same_value).isin(map(same_value, settings.listed("positive"))).to_numpy(int)
    return _indices(column, competition, rows)


def attribute_columns(rows: PhotoRows, competition: Competition, settings: Settings) -> dict[str, np.ndarray]:
    """Return a dictionary from the name of each attribute to an int array (N,): the index of its value in each row.

    An attribute is a property that each class has, such as a colour.
    """
    ranges = {number_range.attribute: number_range for number_range in competition.ranges}
    columns = {}
    for name, attribute in competition.attributes.items():
        if name in ranges:
            values = numbers_of(rows, ranges[name].column, "ranges", settings)
            columns[name] = np.searchsorted(ranges[name].edges, values, side="right")
        else:
            columns[name] = pd.Categorical(one_spelling(rows.table[name]), attribute.values).codes.astype(int)
    return columns


def numbers_of(rows: PhotoRows, column: str, key: str, settings: Settings) -> np.ndarray:
    """Return the values of a column as a float array (N,). Raises InputError for values that are not finite numbers.

    key: the key of competition.toml that names the column, for the error if the column is missing.
    """
    check_columns(rows.table, (column,), key, rows.file)
    texts = rows.table[column]
    values = cell_values.to_numbers(texts, settings.decimal).to_numpy(np.float64)
    right, problem = np.isfinite(values), f"have no number in column {column}"
    if not right.all() and not (settings.decimal or cell_values.decimal_sign(texts)):
        expected = "the key decimal in competition.toml, because 1,234 may mean 1234 or 1.234"
        run = 'write decimal = "." in competition.toml if the comma stands between thousands, or decimal = ","'
        _check(right, rows, texts, problem, expected, run)
    _check(right, rows, texts, problem, "a number in each row")
    return values


def _zeros_and_ones(rows: PhotoRows, settings: Settings) -> np.ndarray:
    """Return a bool array (N, L), True where the value of a row in a label column is 1 or means yes.

    Raises InputError if one of the L label columns does not exist, or for a value that means neither yes nor no.
    """
    columns = settings.label
    check_columns(rows.table, columns, "label", rows.file)
    positive = settings.listed("positive")
    values = rows.table[list(columns)].apply(cell_values.zeros_and_ones, ones=positive).to_numpy(np.float64)
    bad = np.isnan(values)
    bad_rows = np.flatnonzero(bad.any(1))
    shown = [
        f"{name}: {rows.table[columns[c]].iloc[r]!r} in {columns[c]}"
        for name, r, c in zip(rows.named(bad.any(1)), bad_rows, bad[bad_rows].argmax(1), strict=True)
    ]
    if shown:
        raise InputError(
            f"{len(shown)} row(s) of {rows.file} have labels other than 0 and 1:{listed(shown)}",
            "0 or 1, or yes or no, in each column that the key `label` in competition.toml names",
            'write positive = ["1"] in competition.toml, with all values that mean 1; every other value then means 0',
        )
    return values == 1


def _places(columns: tuple[str, ...], competition: Competition) -> list[int]:
    """Return, for each class, the position in `columns` of the label column that has the name of the class."""
    names = [same_value(name) for name in columns]
    return [names.index(same_value(name)) for name in competition.classes]


def _one_each(chosen: np.ndarray, rows: PhotoRows) -> np.ndarray:
    counts = chosen.sum(1)
    _check(
        counts == 1,
        rows,
        pd.Series(counts),
        "do not have a 1 in exactly one of the label columns",
        'one 1 per row, or target = "multilabel" if a row may have several labels',
    )
    return chosen.argmax(1)


def _several(column: pd.Series, competition: Competition, settings: Settings, rows: PhotoRows) -> list[str]:
    parts = cell_values.split_labels(column, settings.separator)
    classes = [[competition.places.get(same_value(part), -1) for part in row] for row in parts]
    right = np.array([-1 not in row for row in classes])
    _check(right, rows, column, "have a label that is not a class", _known(competition))
    return [labels.to_text(row) for row in classes]


def _indices(column: pd.Series, competition: Competition, rows: PhotoRows) -> np.ndarray:
    place = {value: competition.places.get(same_value(value), -1) for value in column.unique()}
    classes = column.map(place).to_numpy(int)
    _check(classes >= 0, rows, column, "have a label that is not a class", _known(competition))
    return classes


def _known(competition: Competition) -> str:
    return f"one of the classes {', '.join(competition.classes[:50])}"


def _check(right: np.ndarray, rows: PhotoRows, values: pd.Series, problem: str, expected: str, run: str = "") -> None:
    """Raise InputError with a list of the wrong rows and their values, unless all rows are right.

    right: a bool array (N,), True for the rows that are right; values (N,): the values of the rows; problem: what the
    error says about the wrong rows, such as "have a label that is not a class"; expected: what the error says is
    expected; run: what it advises, or "" to correct these rows or keys of competition.toml.
    """
    if not right.all():
        bad = [f"{n}: {v!r}" for n, v in zip(rows.named(~right), values[~right].tolist(), strict=True)]
        raise InputError(
            f"{len(bad)} row(s) of {rows.file} {problem}:{listed(bad)}",
            expected,
            run or "correct the keys `classes` and `label` in competition.toml, or the values in those rows",
        )
