"""Read and fill templates of paths, ids and groups, such as train/{label}/{id}.jpg or {patient_id}_{side}.

A field of a template is the name of a column in braces. The functions find the fields, replace the fields by values,
and make a regular expression that finds the values of the fields in a path.
"""

import re

import pandas as pd

from comp.errors import InputError

FIELD = re.compile(r"\{([^{}]*)\}")
PART = re.compile(r"([^{}]*)(?:\{([^{}]*)\})?")  # literal text, and then a field or the end of the template


def fields(template: str) -> list[str]:
    """Return the names in the braces of a template, such as label and id for train/{label}/{id}.jpg.

    Each name is returned once, in the order of the template. Raises InputError for wrong braces.
    """
    names = FIELD.findall(template)
    rest = FIELD.sub("", template)
    if "{" in rest or "}" in rest or "" in names:
        raise InputError(
            f'wrong braces in the template "{template}" of competition.toml',
            "column names in braces, such as {id}",
            "edit competition.toml",
        )
    return list(dict.fromkeys(names))


def is_writable(name: str) -> bool:
    """Return whether a template can contain `name`, as a folder or as the name of a column. It must have no braces."""
    return not {"{", "}"} & set(name)


def fill(template: str, table: pd.DataFrame) -> pd.Series:
    """Return a text for each row (N,): the template in which each name in braces is replaced by the value of the row.

    table: N rows with text columns, among them a column for each name in braces.
    """
    text = pd.Series("", index=table.index, dtype=str)
    for literal, name in re.findall(PART, template):
        text = text + literal
        if name:
            text = text + table[name]
    return text


def pattern(template: str) -> str:
    """Return a regular expression for a template such as train/{label}/{id}.jpg.

    It has a capturing group for each name in braces, in their order. The value of a name is at least one character and
    has no slash. If a name occurs twice in the template, its value must be the same both times.
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
    """Return the folders before the first name in braces, such as "train/images" for train/images/{path}/{n}.jpg.

    If there is no such folder, the result is "".
    """
    return template.partition("{")[0].rpartition("/")[0]
