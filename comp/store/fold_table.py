"""Write, read and check folds.csv, which has one row for each training photo and says in which fold the photo is.

The file folds.json next to it has the hash of folds.csv, and the settings of `make folds` with which it was made.

| column       | content                                                                                              |
|--------------|------------------------------------------------------------------------------------------------------|
| image        | path of the photo relative to inputs/; no path occurs twice                                          |
| group        | the same text for rows that must be in one fold                                                      |
| label        | class index; multilabel: class indices with spaces between, or empty; regression: the number         |
| fold         | number of the fold, from 0                                                                           |
| id           | id in the sample submission; only if several photos share one id and get one answer                  |
| more columns | the attributes of the class, such as its colour, if there are any; columns of the training table     |
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
DEFAULTS = {"folds": USUAL_FOLDS, "seed": 0, "search": 1, "split_twins": 0}  # the default arguments of make folds


def folds_text(table: pd.DataFrame) -> str:
    """Return the table of folds as CSV text. The rows are sorted by image, so that equal tables give equal texts."""
    return table.sort_values("image").to_csv(index=False, lineterminator="\n", quoting=csv.QUOTE_MINIMAL)


def save_folds(path: Path, table: pd.DataFrame, made_with: dict | None = None) -> None:
    """Write the table of folds to `path`. Write folds.json with the hash of this file and the entries of `made_with`.

    made_with: the settings of `make folds`, such as the seed, or None.
    """
    files.write_text(path, folds_text(table))
    files.write_json(path.with_suffix(".json"), {"csv": digest(path), **(made_with or {})})


def data_hash(path: Path) -> str | None:
    """Return the hash of all photos that `make folds` saved in folds.json, or None if no hash was saved.

    path: the path of folds.csv. folds.json is in the same folder.
    """
    beside = path.with_suffix(".json")
    return (
        files.read_json(beside, "the file as `make folds` wrote it", f"rm {quoted(beside)}").get("data")
        if beside.is_file()
        else None
    )


def remake(path: Path) -> str:
    """Return the command that makes folds.csv again with the settings in folds.json. It first deletes folds.csv.

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
    """Read and check folds.csv, and return its table. path: the path of folds.csv.

    Raises InputError if the file is missing or not valid, or was changed after `make folds` wrote it. A valid file has
    the required columns, no photo twice, no photo outside of inputs/, and valid labels and fold numbers.
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
    """Return the number of folds in the table of folds.csv."""
    return int(table["fold"].max()) + 1


def required_columns(competition: Competition) -> tuple[str, ...]:
    """Return the names of the columns that folds.csv must have.

    The column `id` is one of them only if several photos share one id of the sample submission and get one answer.
    """
    return (*COLUMNS, "id") if competition.combine else COLUMNS


def folds_problem(table: pd.DataFrame, competition: Competition) -> str:
    """Return a text that describes the first problem in the table of folds.csv, or "" if the table is valid."""
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
        return f"column fold has the values {sorted(set(column))}, but folds must be numbered from 0 without a gap"
    return ""


def _leaves(image: str) -> bool:
    """Return whether a path may lead out of inputs/, because it is absolute, or has ".." or a zero byte."""
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
        raise InputError(
            changed,
            expected,
            f"{run}; or, to use the changed file, delete the record of the old one: rm {quoted(beside)}",
        )
