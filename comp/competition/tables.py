"""The tables of training and test photos, the same for every competition.

Training: one row per photo.

| column            | what                                                                                |
|-------------------|-------------------------------------------------------------------------------------|
| image             | path relative to inputs, posix; unique                                              |
| group             | text: rows of one group stay in one fold; the image itself if there are no groups   |
| label             | class index; multilabel: class indices with spaces between, "" for none; regression: float |
| attributes        | one int column per attribute: the index of its value                                |
| id                | prediction id of the photo, only if the competition combines photos                 |
| kept columns      | `columns` of competition.toml, and the columns of `ranges`; as numbers if all values are |

Test: id and image, in the order of the sample submission; several rows per id if the competition combines photos.
"""

from pathlib import Path

import pandas as pd

from comp.competition import home
from comp.competition.competition import Competition
from comp.competition.layout import table_columns, test_table, training_table
from comp.competition.layout.source_table import read_source
from comp.competition.settings import parse


def read_train(competition: Competition, inputs: Path) -> pd.DataFrame:
    """The training rows. Raises InputError if a table, column, label or photo is missing or wrong."""
    if not competition.source:
        return home.read_train(Path(inputs))
    return training_table.read_train(competition, Path(inputs))


def read_test(competition: Competition, inputs: Path) -> pd.DataFrame:
    """The test rows. Raises InputError if a table, column, id or photo is missing or wrong."""
    if not competition.source:
        return home.read_test(Path(inputs))
    return test_table.read_test(competition, Path(inputs))


def given_tables(competition: Competition, inputs: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The training and the test table as the competition provides them, as text; both empty unless both exist."""
    settings = parse(competition.source) if competition.source else None
    if settings is None or not (settings.train and settings.test):
        return pd.DataFrame(), pd.DataFrame()
    return tuple(read_source(inputs, getattr(settings, name), name).table for name in ("train", "test"))


def shared_columns(competition: Competition, inputs: Path) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    """The columns of both tables, one row per photo (see table_columns.py), and the names of those that name no row.

    Without columns where there is no competition.toml: the test table of the home competition has none.
    """
    if not competition.source:
        return pd.DataFrame(), pd.DataFrame(), []
    train, test = table_columns.read_columns(competition, Path(inputs))
    named = table_columns.names_of_rows(parse(competition.source))
    return train, test, [name for name in train if name not in named]
