"""Templates of paths, ids and groups: text with {fields}, such as train/{label}/{id}.jpg or {patient_id}_{side}."""

import re
from collections.abc import Iterable

import pandas as pd

from comp.errors import InputError

FIELD = re.compile(r"\{([^{}]*)\}")
PART = re.compile(r"([^{}]*)(?:\{([^{}]*)\})?")  # literal text, then a field or the end


def fields(template: str) -> list[str]:
    """The distinct names of the fields in the order of the template. Raises InputError for unbalanced braces."""
    names = FIELD.findall(template)
    rest = FIELD.sub("", template)
    if "{" in rest or "}" in rest or "" in names:
        raise InputError(
            f'template "{template}" in competition.toml', "names in braces, such as {id}", "edit competition.toml"
        )
    return list(dict.fromkeys(names))


def fill(template: str, table: pd.DataFrame) -> pd.Series:
    """The template (N,), each field replaced by the values of the column of that name."""
    text = pd.Series("", index=table.index, dtype=str)
    for literal, name in re.findall(PART, template):
        text = text + literal
        if name:
            text = text + table[name]
    return text


def pattern(template: str) -> str:
    """A regular expression for the template, with one (...) for each of its `fields`, in their order.

    A field matches a part of one file or folder name. A field that occurs twice must have the same value twice.
    """
    names, made = fields(template), ""
    for literal, name in re.findall(PART, template):
        made += re.escape(literal)
        number = names.index(name) + 1 if name else 0
        if name and made.count("([^/]+?)") < number:
            made += "([^/]+?)"
        elif name:
            made += rf"(?:\{number})"
    return made


def literal_folder(template: str) -> str:
    """The folders before the first field: "train/images" for train/images/{path}/{shot}.*; "" if there are none."""
    return template.partition("{")[0].rpartition("/")[0]


def check_known(template: str, known: Iterable[str], key: str) -> None:
    """Raise InputError for a field that is not a column."""
    known = list(known)
    unknown = [name for name in fields(template) if name not in known]
    if unknown:
        raise InputError(
            f'{key} = "{template}" has the field {unknown[0]}, which is not a column',
            f"one of {', '.join(map(str, known))}",
            f"edit {key} in competition.toml",
        )
