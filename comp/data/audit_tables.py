"""Read the tables that `make eda` shows on a page about the input data.

The training rows come from folds.csv or, if this file is missing or faulty, from the training table. `make eda` must
also work if some data is faulty. So a fault in folds.csv or in the test table is returned as text for the page, and
raises no error.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import pandas as pd

from comp.competition.competition import Competition
from comp.data import folds
from comp.errors import InputError
from comp.inputs import loading
from comp.project import Project
from comp.store.paths import folds_file


@dataclass(frozen=True)
class AuditTables:
    """The tables that `make eda` shows.

    train: the training rows, with a column `fold` only if they come from folds.csv.
    test: the test rows, with the column image. The table is empty if the test rows cannot be read.
    given: the training table and the test table as the competition provides them, with all columns as text. Both are
    empty if one of them is missing or cannot be read.
    problems: pairs (text, command). The text says which data cannot be read, and why. The command helps to solve the
    problem; it may be "".
    """

    competition: Competition
    train: pd.DataFrame
    test: pd.DataFrame
    given: tuple[pd.DataFrame, pd.DataFrame]
    problems: list[tuple[str, str]] = field(default_factory=list)

    @property
    def has_folds(self) -> bool:
        return "fold" in self.train


def read_audit_tables(project: Project) -> AuditTables:
    """Return the tables that `make eda` shows.

    Raises InputError if the competition or its training table cannot be read. All other faults are listed in `problems`
    of the result.
    """
    problems: list[tuple[str, str]] = []
    train = _folds(project, problems)
    tables = project.tables if train is not None else loading.open_tables(project.inputs, project.competition_file)
    test = _or_empty(
        "the test photos are left out of the audit",
        problems,
        lambda: tables.test_rows,
        pd.DataFrame({"image": pd.Series(dtype=object)}),
    )
    given = _or_empty(
        "the columns of the training table and of the test table are not compared",
        problems,
        lambda: tables.given_tables,
        (pd.DataFrame(), pd.DataFrame()),
    )
    train = folds.with_groups(tables.training_rows) if train is None else train
    return AuditTables(tables.competition, train, test, given, problems)


def _folds(project: Project, problems: list[tuple[str, str]]) -> pd.DataFrame | None:
    """Return the training rows from folds.csv, or None if folds.csv is missing or cannot be used.

    If folds.csv exists but cannot be used, a pair (text, command) is added to `problems`: the reason, and what may
    help.
    """
    if not folds_file(project.outputs).is_file():
        return None
    try:
        return project.folds
    except InputError as error:
        problems.append((f"folds.csv is not used: {error.found}", error.run))
        return None


def _or_empty(consequence: str, problems: list, read_tables: Callable, empty):
    """Return the result of `read_tables`, or `empty` if `read_tables` raises InputError.

    The error is then added to `problems` as a pair (text, command). The text begins with `consequence`, such as "the
    test photos are left out of the audit".
    """
    try:
        return read_tables()
    except InputError as error:
        problems.append((f"{consequence}: {error.found}", error.run))
        return empty
