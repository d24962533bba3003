"""Read the tables for `make eda`, the audit of the input: training rows, test rows, and the competition's own tables.

The training rows come from folds.csv if that file exists and can be used, else from the training table. An audit must
also work on a competition with faults. So a problem with folds.csv or with the test table is collected as text and
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
    """The tables that `make eda` audits.

    train: the training rows. They have a column `fold` only if they come from folds.csv. test: the test rows, with the
    column image. given: the training table and the test table as the competition provides them, with all columns as
    text. The table test and the tables in given are empty if they are missing or cannot be read.
    problems: pairs (text, command). The text says which table cannot be read and why. The command, which may be empty,
    helps to solve the problem.
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
    """Return the tables of the project for an audit.

    Raises InputError if the competition or its training table cannot be read. If folds.csv or the test table cannot be
    read, the problem is added to `problems` of the result, and no error is raised.
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
    """Return the training rows with their folds, or None if folds.csv is missing or cannot be used.

    If folds.csv exists but cannot be used, a pair (text, command) is added to `problems`.
    """
    if not folds_file(project.outputs).is_file():
        return None
    try:
        return project.folds
    except InputError as error:
        problems.append((f"folds.csv is not used: {error.found}", error.run))
        return None


def _or_empty(consequence: str, problems: list, read_tables: Callable, empty):
    """Call `read_tables` and return its result, or return `empty` if `read_tables` raises InputError.

    The error is added to `problems` as a pair (text, command). The text begins with `consequence`, which says what the
    audit leaves out.
    """
    try:
        return read_tables()
    except InputError as error:
        problems.append((f"{consequence}: {error.found}", error.run))
        return empty
