"""The submission: the sample's rows with their answers filled, checked before it is written."""

from pathlib import Path

import numpy as np
import pandas as pd

from comp.errors import InputError, listed


def read(path: Path, id_column: str, answer_column: str) -> pd.DataFrame:
    """A submission or the sample, ids as text; InputError where it is missing or lacks a column."""
    expected = f"a CSV with the columns {id_column},{answer_column}"
    try:
        table = pd.read_csv(path, dtype={id_column: str}, encoding="utf-8-sig")
    except (OSError, ValueError) as error:  # pandas' parser errors and bad encodings are ValueErrors
        raise InputError(f"{path} is not readable: {error}", expected) from None
    if not {id_column, answer_column} <= set(table):
        raise InputError(f"{path} has columns {','.join(map(str, table))}", expected)
    return table


def answers(path: Path, sample: pd.DataFrame, id_column: str, answer_column: str, classes: int) -> np.ndarray:
    """The answers (N,) of a submission file in the sample's order, joined by id and checked."""
    table = read(path, id_column, answer_column)
    check_ids(sample[id_column], table[id_column], str(path), "correct that file")
    table = table.set_index(id_column).loc[sample[id_column]].reset_index()
    check_answers(table, id_column, answer_column, classes, str(path), "correct that file")
    return pd.to_numeric(table[answer_column]).to_numpy(int)


def vote(votes: np.ndarray, classes: int) -> np.ndarray:
    """The class (N,) that most of votes (F, N) name; of equally many, the one that the earliest file names."""
    counts = np.stack([(votes == c).sum(0) for c in range(classes)])
    most = counts.max(0)
    winners = counts[votes, np.arange(votes.shape[1])] == most  # (F, N): files whose class is among the winners
    return votes[winners.argmax(0), np.arange(votes.shape[1])]


def fill(sample: pd.DataFrame, id_column: str, answer_column: str, ids, answers: np.ndarray) -> pd.DataFrame:
    """`sample` with `answer_column` from (ids, answers), joined by id; its rows, order and columns are kept."""
    check_ids(sample[id_column], ids)
    table = sample.copy()
    table[answer_column] = pd.Series(answers, index=pd.Index(ids)).loc[sample[id_column]].to_numpy()
    return table


def check_ids(expected, found, where: str = "the submission", run: str = "make blend") -> None:
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
                f"{len(ids)} {kind} id(s) in {where}:{listed(ids)}",
                f"the {len(expected)} ids of the sample submission, once each",
                run,
            )


def check(table: pd.DataFrame, sample: pd.DataFrame, id_column: str, answer_column: str, classes: int) -> None:
    """Raise InputError unless `table` would be accepted: the sample's columns, ids and order, answers 0 … C-1."""
    if list(table) != list(sample):
        raise InputError(f"the submission has columns {list(table)}", f"{list(sample)}", "make sub")
    check_ids(sample[id_column], table[id_column])
    if (table[id_column].to_numpy() != sample[id_column].to_numpy()).any():
        raise InputError("the submission's rows are in another order", "the sample submission's", "make sub")
    check_answers(table, id_column, answer_column, classes)


def check_answers(
    table: pd.DataFrame, id_column: str, answer_column: str, classes: int, where: str = "the submission",
    run: str = "make sub",
) -> None:  # fmt: skip
    """Raise InputError for answers that are no whole number of 0 … C-1."""
    values = pd.to_numeric(table[answer_column], errors="coerce")
    bad = table[id_column][~(values.between(0, classes - 1) & (values % 1 == 0))]
    if len(bad):
        expected = f"whole numbers 0 … {classes - 1}"
        raise InputError(f"{len(bad)} answer(s) of {where} are no class:{listed(bad)}", expected, run)
