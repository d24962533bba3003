"""Read and fill templates of paths, ids and groups, such as train/{label}/{id}.jpg or {patient_id}_{side}.

A field of a template is the name of a column in braces. The functions find the fields, replace the fields by values,
and make a regular expression that finds the values of the fields in a path.
"""

import re
from collections.abc import Callable

import pandas as pd

from comp.errors import InputError
from comp.text import same_texts

FIELD = re.compile(r"\{([^{}]*)\}")
NOTHING = r"(?:^|(?<=/))\./|(?<=/)/+"  # matches superfluous parts of a path: ./ and doubled slashes
ABSOLUTE = r"^/|^[A-Za-z]:/"
BLANKS = r"^\s+|(?<=/)\s+|\s+(?=/|$|\.\w+$)"  # matches blanks at the ends of a name, also before its extension
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


def plain_paths(paths: pd.Series, exists: Callable[[str], bool]) -> pd.Series:
    """Return paths (N,) from a table in one form: in Unicode NFC, with forward slashes, and relative to inputs.

    So images\\a.png, ./images/a.png and images//a.png become images/a.png. An absolute path, such as
    /kaggle/input/birds/images/a.png or C:\\birds\\images\\a.png, loses its first folders if the rest of the path
    exists, and otherwise stays absolute.
    exists: a function that tells whether a photo exists at a path relative to the inputs folder.
    """
    paths = same_texts(paths)
    if any("/" in path or "\\" in path for path in paths):
        paths = paths.str.replace("\\", "/", regex=False).str.replace(NOTHING, "", regex=True)
        absolute = paths[paths.str.contains(ABSOLUTE)]
        outside = _outer_folders(absolute.iloc[0], exists) if len(absolute) else ""
        return paths.str.removeprefix(outside)
    return paths


def _outer_folders(path: str, exists: Callable[[str], bool]) -> str:
    """Return the first folders of an absolute path, without which the path exists in the inputs folder, or ""."""
    parts = path.split("/")
    ends = ["/".join(parts[k:]) for k in range(1, len(parts))] if ".." not in parts else []
    return next((path.removesuffix(end) for end in ends if exists(end)), "")


def loose_paths(paths: pd.Series) -> pd.Series:
    """Return paths (N,) in lower case and without blanks at the ends of names."""
    return paths.str.lower().str.replace(BLANKS, "", regex=True)


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


def parts(template: str) -> list[str]:
    """Return the folders and the file name of a template. A slash in the name of a column divides nothing."""
    return re.findall(r"(?:\{[^{}]*\}|[^/{])+", template)


def literal_folder(template: str) -> str:
    """Return the folders before the first name in braces, such as "train/images" for train/images/{path}/{n}.jpg.

    If there is no such folder, the result is "".
    """
    return template.partition("{")[0].rpartition("/")[0]
