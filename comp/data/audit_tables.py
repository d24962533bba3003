"""Read the tables for an audit (`make eda`): folds.csv if it can be used, else the tables of the competition.

An audit also looks at a competition with faults, so the problems of single tables are collected and not raised.
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
    """The tables of an audit.

    train: the training rows, with a column `fold` if they are from folds.csv. test: the test rows, with the column
    image. given: the training table and the test table as the competition provides them, as text. test and given may
    be empty. problems: for each table that cannot be read, what is wrong, and the command that helps.
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
    """Read the tables of a project for an audit.

    Raises InputError if the competition or its training table cannot be read. A problem with folds.csv or with the test
    table is kept in `problems`.
    """
    problems: list[tuple[str, str]] = []
    train = _folds(project, problems)
    tables = project.tables if train is not None else loading.open_tables(project.inputs, project.competition_file)
    test = _or_empty(
        "the test photos are left out",
        problems,
        lambda: tables.test_rows,
        pd.DataFrame({"image": pd.Series(dtype=object)}),
    )
    given = _or_empty(
        "the columns of the tables are not compared",
        problems,
        lambda: tables.given_tables,
        (pd.DataFrame(), pd.DataFrame()),
    )
    train = folds.with_groups(tables.training_rows) if train is None else train
    return AuditTables(tables.competition, train, test, given, problems)


def _folds(project: Project, problems: list[tuple[str, str]]) -> pd.DataFrame | None:
    """The training rows with their folds; None if folds.csv is missing or cannot be used."""
    if not folds_file(project.outputs).is_file():
        return None
    try:
        return project.folds
    except InputError as error:
        problems.append((f"folds.csv is not used: {error.found}", error.run))
        return None


def _or_empty(consequence: str, problems: list, read_tables: Callable, empty):
    """Return read_tables(). If the tables cannot be read, add a line to `problems` and return `empty`."""
    try:
        return read_tables()
    except InputError as error:
        problems.append((f"{consequence}: {error.found}", error.run))
        return empty
