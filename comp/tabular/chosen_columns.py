"""The columns of the tables that a run's setting `columns` names, for each training and each test row."""

from pathlib import Path

import numpy as np
import pandas as pd

from comp.competition import tables
from comp.competition.competition import Competition
from comp.errors import InputError
from comp.io.name_lists import split_names


def chosen_columns(
    text: str, competition: Competition, inputs: Path, images, test: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The columns (N, T) of the photos `images` (N,), and (M, T) of the test rows (id, image), in their orders.

    text: names with commas between, "all" for every column that is no name of a row, or "" for none. Raises InputError
    for a column that is not in both tables, and lists those that are.
    """
    if not text:
        return pd.DataFrame(index=range(len(images))), pd.DataFrame(index=range(len(test)))
    train, of_test, usual = tables.shared_columns(competition, inputs)
    names = usual if text == "all" else list(dict.fromkeys(split_names(text, train.columns.__contains__)))
    missing = [name for name in names if name not in train]
    if missing or not names:
        raise _not_shared(missing, text, list(train), usual)
    places = pd.MultiIndex.from_frame(test[["id", "image"]])
    chosen = train[names].loc[np.asarray(images)], of_test[names].loc[places]
    return tuple(one.reset_index(drop=True) for one in chosen)


def _not_shared(missing: list[str], text: str, known: list[str], usual: list[str]) -> InputError:
    found = f"no column {', '.join(missing)} in both tables" if missing else f"columns={text}: the tables share none"
    expected = f"columns that the training and the test table have: {', '.join(known) or 'none'}"
    other = f"columns={usual[0]} or columns=all in SET" if usual else "columns= left out of SET"
    return InputError(found, expected, f"the same command with {other}")
