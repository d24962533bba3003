"""Write, read and check folds.csv, the fold table, which has one row for each training photo.

folds.json has the hash of folds.csv and the settings of `make folds` with which folds.csv was made.

| column                | content                                                                                     |
|-----------------------|---------------------------------------------------------------------------------------------|
| image                 | path relative to inputs/, unique                                                            |
| group                 | the same text for rows that must be in one fold                                             |
| label                 | class index; multilabel: class indices with spaces between, or empty; regression: the number |
| fold                  | 0 … K-1                                                                                     |
| id                    | prediction id of the photo, only if the competition combines photos                         |
| attributes and others | one column for each attribute of the classes, then other columns of the training table      |
"""

import csv
from pathlib import Path, PurePosixPath

import pandas as pd

from comp import files
from comp.competition import labels
from comp.competition.competition import Competition
from comp.errors import InputError, quoted
from comp.files import digest
from comp.tables import read_table

COLUMNS = ("image", "group", "label", "fold")
USUAL_FOLDS = 5
DEFAULTS = {"folds": USUAL_FOLDS, "seed": 0, "search": 1}  # the default arguments of make folds


def folds_text(table: pd.DataFrame) -> str:
    """Return the fold table as CSV text, sorted by image, so that equal folds give equal bytes."""
    return table.sort_values("image").to_csv(index=False, lineterminator="\n", quoting=csv.QUOTE_MINIMAL)


def save_folds(path: Path, table: pd.DataFrame, made_with: dict | None = None) -> None:
    """Write the fold table to `path`, and write folds.json with the hash of this file and the entries of made_with.

    made_with: the settings of `make folds`, or None.
    """
    files.write_text(path, folds_text(table))
    files.write_json(path.with_suffix(".json"), {"csv": digest(path), **(made_with or {})})


def data_hash(path: Path) -> str | None:
    """Return the hash of all photos that was saved when folds.csv was made, or None if no hash was saved.

    path: the path of folds.csv.
    """
    beside = path.with_suffix(".json")
    return (
        files.read_json(beside, "the file as `make folds` wrote it", f"rm {quoted(beside)}").get("data")
        if beside.is_file()
        else None
    )


def remake(path: Path) -> str:
    """Return the command that makes folds.csv again with its earlier settings, so that existing runs fit the folds.

    path: the path of folds.csv.
    """
    try:
        kept = files.read_json(path.with_suffix(".json"), "", "")
    except InputError:
        kept = {}
    words = [f"{name.upper()}={kept[name]}" for name, usual in DEFAULTS.items() if kept.get(name, usual) != usual]
    remove = f"rm {quoted(path)} && " if path.is_file() else ""
    return remove + " ".join(["make folds", *words])


def load_folds(path: Path, competition: Competition) -> pd.DataFrame:
    """Return the fold table that is saved in folds.csv. path: the path of folds.csv.

    Raises InputError if the file is missing, was changed after folds.json was written, or is not valid. A valid file
    has the required columns, no image twice, no image outside of inputs/, and labels and folds in their ranges.
    """
    columns = required_columns(competition)
    text = ("image", "group", *(["label"] if competition.target == "multilabel" else []), *columns[len(COLUMNS) :])
    run = remake(path)
    table = read_table(path, columns, run, text=text)
    problem = folds_problem(table, competition)
    if problem:
        expected = f"a file with the columns {','.join(columns)}, as `make folds` writes it"
        raise InputError(f"{path}: {problem}", expected, run)
    _check_unchanged(path)
    return table


def fold_count(table: pd.DataFrame) -> int:
    """Return the number K of folds in a fold table."""
    return int(table["fold"].max()) + 1


def required_columns(competition: Competition) -> tuple[str, ...]:
    """Return the columns that folds.csv must have. They include `id` only if the competition combines photos."""
    return (*COLUMNS, "id") if competition.combine else COLUMNS


def folds_problem(table: pd.DataFrame, competition: Competition) -> str:
    """Return a text on the first problem of a fold table, or "" if there is none."""
    filled = [column for column in required_columns(competition) if column != "label"]
    if table[filled].isna().any().any() or (table[filled] == "").any().any():
        return f"a field is empty in one of the columns {', '.join(filled)}"
    outside = table["image"].map(_leaves)
    if outside.any():
        return f"image {table['image'][outside].iloc[0]} is outside of inputs/"
    if table["image"].duplicated().any():
        return f"image {table['image'][table['image'].duplicated()].iloc[0]} occurs twice"
    return _label_problem(table["label"], competition) or _fold_problem(table["fold"])


def _label_problem(column: pd.Series, competition: Competition) -> str:
    whole = f"column label has a value that is not a whole number from 0 to {competition.size - 1}"
    if competition.sums_to_one and not pd.api.types.is_integer_dtype(column):
        return whole
    try:
        labels.to_array(column, competition)
    except (ValueError, TypeError, OverflowError) as error:
        return whole if competition.sums_to_one else f"column label has a value that is not valid: {error}"
    return ""


def _fold_problem(column: pd.Series) -> str:
    if not pd.api.types.is_integer_dtype(column) or not column.between(0, len(column) - 1).all():
        return f"column fold has a value that is not a whole number from 0 to {len(column) - 1}"
    if set(column) != set(range(column.max() + 1)):
        return f"column fold has the values {sorted(set(column))}, but folds must be 0 … K-1 without a gap"
    return ""


def _leaves(image: str) -> bool:
    """Return whether a path may lead out of inputs/: it is absolute, or has a part ".." or a zero byte."""
    path = PurePosixPath(image)
    return path.is_absolute() or ".." in path.parts or "\0" in image


def _check_unchanged(path: Path) -> None:
    beside = path.with_suffix(".json")
    if not beside.is_file():
        return
    run = remake(path)
    recorded = files.read_json(beside, "the file as `make folds` wrote it", run).get("csv")
    if recorded != digest(path):
        changed = f"{path} was changed since it was made. Its hash is {digest(path)}, not {recorded}"
        expected = f"the file as `make folds` wrote it, or no {beside.name} if you changed {path.name} on purpose"
        raise InputError(changed, expected, f"{run}; or to keep the changed file: rm {quoted(beside)}")
