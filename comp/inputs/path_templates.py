"""Templates of paths, ids and groups: text with {fields}, such as train/{label}/{id}.jpg or {patient_id}_{side}.

A field is the name of a column. The functions find the fields of a template, fill them in, and build a regular
expression that reads their values from a path.
"""

import re

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
    """The text (N,) of each row: the template with its fields replaced by the row's values. table: text columns (N)."""
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
    names, expression, seen = fields(template), "", set()
    for literal, name in re.findall(PART, template):
        expression += re.escape(literal)
        if name in seen:
            expression += rf"(?:\{names.index(name) + 1})"
        elif name:
            expression += "([^/]+?)"
            seen.add(name)
    return expression


def literal_folder(template: str) -> str:
    """The folders before the first field: "train/images" for train/images/{path}/{shot}.*; "" if there are none."""
    return template.partition("{")[0].rpartition("/")[0]
