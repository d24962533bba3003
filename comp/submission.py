"""The submission: the sample's rows with their answers filled, checked before it is written."""

import numpy as np
import pandas as pd

from comp.errors import InputError, listed


def fill(sample: pd.DataFrame, id_column: str, answer_column: str, ids, answers: np.ndarray) -> pd.DataFrame:
    """`sample` with `answer_column` from (ids, answers), joined by id; its rows, order and columns are kept."""
    check_ids(sample[id_column], ids)
    table = sample.copy()
    table[answer_column] = pd.Series(answers, index=pd.Index(ids)).loc[sample[id_column]].to_numpy()
    return table


def check_ids(expected, found) -> None:
    """Raise InputError where ids are missing, extra or repeated."""
    expected, found = pd.Index(expected), pd.Index(found)
    problems = {
        "repeated": found[found.duplicated()],
        "missing": expected.difference(found),
        "extra": found.difference(expected),
    }
    for kind, ids in problems.items():
        if len(ids):
            raise InputError(
                f"{len(ids)} {kind} id(s) in the submission:{listed(ids)}",
                f"the {len(expected)} ids of the sample submission, once each",
                "make blend",
            )


def check(table: pd.DataFrame, sample: pd.DataFrame, id_column: str, answer_column: str, classes: int) -> None:
    """Raise InputError unless `table` would be accepted: the sample's columns, ids and order, answers 0 … C-1."""
    if list(table) != list(sample):
        raise InputError(f"the submission has columns {list(table)}", f"{list(sample)}", "make sub")
    check_ids(sample[id_column], table[id_column])
    if (table[id_column].to_numpy() != sample[id_column].to_numpy()).any():
        raise InputError("the submission's rows are in another order", "the sample submission's", "make sub")
    answers = pd.to_numeric(table[answer_column], errors="coerce")
    bad = table[id_column][~(answers.between(0, classes - 1) & (answers % 1 == 0))]
    if len(bad):
        raise InputError(
            f"{len(bad)} answer(s) are no class:{listed(bad)}", f"whole numbers 0 … {classes - 1}", "make sub"
        )
