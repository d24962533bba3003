"""The submission: the sample's rows with their answers filled, checked before it is written."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from comp.errors import InputError, listed
from comp.io import files
from comp.io.tables import read_table


def read(path: Path, id_column: str, answer_column: str) -> pd.DataFrame:
    """A submission or the sample, ids as text; InputError where it is missing or lacks a column."""
    return read_table(path, (id_column, answer_column), "correct that file", text=(id_column,))


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


# ---- what is kept of each submission, and what it is compared with


def keep(outputs: Path, data: bytes, made_by: dict) -> Path:
    """Keep a submission under outputs/submissions/<hash>.csv, with what made it beside it; the same one only once."""
    path = outputs / "submissions" / f"{files.digest_of(data)}.csv"
    if not path.with_suffix(".json").is_file():
        files.write_bytes(path, data)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        files.write_json(path.with_suffix(".json"), {**made_by, "file": path.name, "made": now})
    return path


def kept(outputs: Path) -> list[dict]:
    """What is kept of each submission, the oldest first; InputError where a record or its file was damaged."""
    found = []
    for path in sorted((outputs / "submissions").glob("*.json")):
        record = files.read_json(path, "the record of a submission", f"rm {path}")
        table = path.with_suffix(".csv")
        if not table.is_file() or files.digest(table) != path.stem:
            raise InputError(f"{table} is missing or was changed", "the file as it was made", f"rm {path} {table}")
        found.append(record)
    return sorted(found, key=lambda record: (str(record.get("made")), str(record.get("file"))))


def shifts(oof: np.ndarray, groups: np.ndarray, test: np.ndarray, classes: int) -> np.ndarray:
    """How many standard errors (C,) the share of each class among the test answers lies from that of the OOF answers.

    oof (N,) and test (T,): answers; groups (N,): persons, whose photos are not independent: the error comes from the
    spread over persons, and is taken to be the same a photo in the test set.
    """
    of = np.unique(groups, return_inverse=True)[1]
    size = np.bincount(of)
    share = np.bincount(oof, minlength=classes) / len(oof)
    counts = np.zeros((len(size), classes))
    np.add.at(counts, (of, oof), 1)
    variance = ((counts - size[:, None] * share) ** 2).sum(0) / len(oof)  # of one photo, as its person makes it
    # a class that is never or seldom predicted: its variance is at least that of one photo
    variance = np.maximum(variance, 1 / len(oof))
    error = np.sqrt(variance * (1 / len(oof) + 1 / len(test)))
    return (np.bincount(test, minlength=classes) / len(test) - share) / error
