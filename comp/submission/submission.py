"""submission.csv: the sample submission with answers filled in. It is checked by reading it again.

All other bytes of the sample stay unchanged.
"""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from comp.competition.competition import Competition
from comp.errors import InputError, listed
from comp.io import raw_csv
from comp.io.csv_format import BOM, column_name, is_blank
from comp.io.raw_csv import RawTable
from comp.store.predictions import Predictions
from comp.submission import answer_reading, answer_writing, answers


def read_sample(inputs: Path, competition: Competition) -> RawTable:
    """The sample submission. Raises InputError if it is missing, lacks a column, or repeats an id."""
    answers.form(competition)
    path = Path(inputs) / competition.sample.file
    run = "unpack the competition's data again, give INPUTS=<its folder>, or correct `sample` in competition.toml"
    table = raw_csv.read(path, (competition.sample.id, *competition.sample.columns), run)
    ids = pd.Index(sample_ids(table, competition))
    check_ids(ids.unique(), ids, str(path), run)
    return table


def ids_here(inputs: Path, competition: Competition) -> list[str] | None:
    """The test ids that every run must have; None if the sample submission is not on this machine."""
    if not (competition.sample and (Path(inputs) / competition.sample.file).is_file()):
        return None
    return sample_ids(read_sample(inputs, competition), competition)


def sample_ids(sample: RawTable, competition: Competition) -> list[str]:
    """The ids of the sample submission, in its order."""
    return sample.column(competition.sample.id)


def in_sample_order(sample: RawTable, competition: Competition, test: Predictions) -> np.ndarray:
    """Test probabilities (T, C) in the order of the sample. Raises InputError for missing or extra ids."""
    ids = sample_ids(sample, competition)
    check_ids(ids, test.ids, test.meta.get("file", "the predictions"), test.repair)
    return test.at(ids)


def fill(sample: RawTable, competition: Competition, made: np.ndarray) -> bytes:
    """The checked submission. made: the answers in the order of the sample, in the form of answers.py."""
    data = sample.replaced(answer_writing.to_text(competition, made))
    check(data, sample, competition)
    return data


def check_ids(expected: Sequence[str], found: Sequence[str], where: str, run: str) -> None:
    """Raise InputError if ids are missing, extra or repeated."""
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


def read_answers(path: Path, competition: Competition, ids: Sequence[str]) -> np.ndarray:
    """The answers of a submission file in the order of `ids`, in the form of answers.py.

    The file may have other columns, and its rows in any order. Raises InputError for other ids and for invalid answers.
    """
    run = f"correct {path}"
    sample = competition.sample
    table = raw_csv.read(path, (sample.id, *sample.columns), run)
    found = table.column(sample.id)
    check_ids(ids, found, str(path), run)
    order = pd.Index(found).get_indexer(list(ids))
    fields = {name: [table.column(name)[i] for i in order] for name in sample.columns}
    return answer_reading.from_text(competition, fields, ids, str(path), run)


# ---- the check of a written file, with Python's CSV reader


def check(data: bytes, sample: RawTable, competition: Competition) -> None:
    """Raise InputError unless `data` is a valid submission.

    Columns, rows, order and all other fields must be those of the sample; answers must have the right form and range.
    """
    run = "make sub, and report this: it is a bug in the toolkit"
    names = tuple(map(column_name, competition.sample.columns))
    (header, *rows), (wanted, *expected) = (_rows(part, sample) for part in (data, sample.to_bytes()))
    if header != wanted:
        raise InputError(f"the submission has columns {header[:20]}", f"{wanted[:20]}", run)
    kept = [i for i, name in enumerate(header) if name not in names]
    if [[row[i] for i in kept] for row in rows] != [[row[i] for i in kept] for row in expected]:
        raise InputError("the submission has other rows than the sample, or another order", "its rows", run)
    fields = {name: [row[header.index(name)] for row in rows] for name in names}
    ids = [row[header.index(column_name(competition.sample.id))] for row in rows]
    made = answer_reading.from_text(competition, fields, ids, "the submission", run)
    _check_range(made, ids, competition, run)


def _rows(data: bytes, sample: RawTable) -> list[list[str]]:
    """The records of a CSV file by Python's reader, without blank ones; the names of the columns come first."""
    text = data.decode(sample.encoding).removeprefix(BOM)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=sample.separator)
    names, *filled = [row for row in rows if not is_blank(row)]
    return [list(map(column_name, names)), *filled]


def _check_range(made: np.ndarray, ids: list[str], competition: Competition, run: str) -> None:
    """Check that probabilities are in 0 … 1 and sum to 1 in each row, and that numbers are within the limits."""
    answer = competition.sample.answer
    if answer not in answers.VALUES:
        return
    low, high = answers.limits(competition) if answer == "number" else (0.0, 1.0)
    rows = made.reshape(len(made), -1)
    slack = 1e-6 * max(abs(low), abs(high), 1)  # for float32 rounding
    bad = ~((rows >= low - slack) & (rows <= high + slack)).all(1)
    expected = f"numbers from {low:g} to {high:g}"
    if answer == "probabilities" and competition.sums_to_one and rows.shape[1] == competition.size:
        bad |= np.abs(rows.sum(1) - 1) > 1e-9
        expected += " that sum to 1 in each row"
    if bad.any():
        raise InputError(f"{bad.sum()} answer(s) of the submission:{listed(np.array(ids)[bad])}", expected, run)
