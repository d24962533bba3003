"""The tables that an audit looks at (`make eda`): folds.csv if it can be used, else the tables of the competition.

An audit also looks at a competition with faults, so problems of single tables are collected instead of raised.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from comp.competition.competition import Competition
from comp.data import folds
from comp.errors import InputError
from comp.inputs import loading
from comp.store import fold_table, frozen_competition
from comp.store.runs import folds_file


@dataclass(frozen=True)
class AuditTables:
    """train: as inputs/loading.py reads it, with `fold` if folds.csv was used; test: image, may be empty.

    given: the training and the test table as the competition provides them, as text; both may be empty. problems: what
    could not be read, and the command that helps.
    """

    competition: Competition
    train: pd.DataFrame
    test: pd.DataFrame
    given: tuple[pd.DataFrame, pd.DataFrame]
    problems: list[tuple[str, str]] = field(default_factory=list)

    @property
    def has_folds(self) -> bool:
        return "fold" in self.train


def read(inputs: Path, outputs: Path, file: Path | None = None) -> AuditTables:
    """The tables of `inputs`. file: competition.toml, if it is not in its usual place.

    Raises InputError if the competition or its training table cannot be read; a problem with folds.csv or with the
    test table is kept in `problems`.
    """
    problems: list[tuple[str, str]] = []
    competition, train = _train(inputs, outputs, file, problems)
    test = _or_empty(
        "the test photos are left out",
        problems,
        lambda: loading.read_test(competition, inputs),
        pd.DataFrame({"image": pd.Series(dtype=object)}),
    )
    given = _or_empty(
        "the columns of the tables are not compared",
        problems,
        lambda: loading.given_tables(competition, inputs),
        (pd.DataFrame(), pd.DataFrame()),
    )
    return AuditTables(competition, train, test, given, problems)


def _train(inputs: Path, outputs: Path, file: Path | None, problems: list) -> tuple[Competition, pd.DataFrame]:
    path = folds_file(outputs)
    if path.is_file():
        try:
            competition = frozen_competition.load(outputs, inputs, file)
            return competition, fold_table.load_folds(path, competition)
        except InputError as error:
            problems.append((f"folds.csv is not used: {error.found}", error.run))
    competition = loading.load_competition(inputs, file)
    return competition, folds.with_groups(loading.read_train(competition, inputs))


def _or_empty(consequence: str, problems: list, read_tables: Callable, empty):
    """The tables, or `empty` and a line in `problems` if they cannot be read."""
    try:
        return read_tables()
    except InputError as error:
        problems.append((f"{consequence}: {error.found}", error.run))
        return empty
