"""submission.csv: the sample submission with answers filled in. It is checked by reading it again.

All other bytes of the sample stay unchanged.

outputs/submissions/: every submission so far, and how it was made.

submission.json: the sources of submission.csv, and whether it is up to date with them.

It is not stored in submissions/, because two runs may give the same answers. This module does not import pandas.
"""

import csv
import io
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from comp import files, tables
from comp.competition.competition import Competition
from comp.errors import InputError, listed
from comp.store import blend_files, runs
from comp.store.predictions import Predictions
from comp.store.runs import BLEND, Run, folds_file, submission_csv
from comp.submission import answers
from comp.tables import BOM, RawTable, column_name, is_blank


def read_sample(inputs: Path, competition: Competition) -> RawTable:
    """The sample submission. Raises InputError if it is missing, lacks a column, or repeats an id."""
    answers.form_of_answers(competition)
    path = Path(inputs) / competition.sample.file
    run = "unpack the competition's data again, give INPUTS=<its folder>, or correct `sample` in competition.toml"
    table = tables.read_raw_csv(path, (competition.sample.id, *competition.sample.columns), run)
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
    data = sample.replaced(answers.answers_to_text(competition, made))
    check_submission(data, sample, competition)
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
    table = tables.read_raw_csv(path, (sample.id, *sample.columns), run)
    found = table.column(sample.id)
    check_ids(ids, found, str(path), run)
    order = pd.Index(found).get_indexer(list(ids))
    fields = {name: [table.column(name)[i] for i in order] for name in sample.columns}
    return answers.answers_from_text(competition, fields, ids, str(path), run)


# ---- the check of a written file, with Python's CSV reader


def check_submission(data: bytes, sample: RawTable, competition: Competition) -> None:
    """Raise InputError unless `data` is a valid submission.

    Columns, rows, order and all other fields must be those of the sample; answers must have the right form and range.
    """
    run = "make sub, and report this: it is a bug in the toolkit"
    names = tuple(map(column_name, competition.sample.columns))
    (header, *rows), (wanted, *expected) = (_rows_of(part, sample) for part in (data, sample.to_bytes()))
    if header != wanted:
        raise InputError(f"the submission has columns {header[:20]}", f"{wanted[:20]}", run)
    kept = [i for i, name in enumerate(header) if name not in names]
    if [[row[i] for i in kept] for row in rows] != [[row[i] for i in kept] for row in expected]:
        raise InputError("the submission has other rows than the sample, or another order", "its rows", run)
    fields = {name: [row[header.index(name)] for row in rows] for name in names}
    ids = [row[header.index(column_name(competition.sample.id))] for row in rows]
    made = answers.answers_from_text(competition, fields, ids, "the submission", run)
    answers.check_range(competition, made, ids, run)


def _rows_of(data: bytes, sample: RawTable) -> list[list[str]]:
    """The records of a CSV file by Python's reader, without blank ones; the names of the columns come first."""
    text = data.decode(sample.encoding).removeprefix(BOM)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=sample.separator)
    names, *filled = [row for row in rows if not is_blank(row)]
    return [list(map(column_name, names)), *filled]


RECORDS = "[0-9a-f]" * 16 + ".json"  # other files in the folder are not records


def keep_submission(outputs: Path, data: bytes, made_by: dict) -> Path:
    """Save a submission as submissions/<hash>.csv, and how it was made as .json. Equal ones are saved only once."""
    path = outputs / "submissions" / f"{files.digest_of(data)}.csv"
    if not path.with_suffix(".json").is_file():
        files.write_bytes(path, data)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        files.write_json(path.with_suffix(".json"), {**made_by, "file": path.name, "made": now})
    return path


def is_kept(outputs: Path, digest: str) -> bool:
    """Whether the submission of that hash is kept, whole and with its record."""
    path = outputs / "submissions" / f"{digest}.csv"
    return path.is_file() and path.with_suffix(".json").is_file() and files.digest(path) == digest


def kept_submissions(outputs: Path) -> list[dict]:
    """The records of all submissions, the oldest first. Raises InputError if a record or its file was damaged."""
    found = []
    for path in sorted((outputs / "submissions").glob(RECORDS)):
        record = files.read_json(path, "the record of a submission", f"rm {path}")
        table = path.with_suffix(".csv")
        if not table.is_file() or files.digest(table) != path.stem:
            raise InputError(f"{table} is missing or was changed", "the file as it was made", f"rm {path} {table}")
        found.append(record)
    return sorted(found, key=lambda record: (str(record.get("made")), str(record.get("file"))))


ANSWERS = 1  # version of the code that writes answers: raise it when the same predictions give another submission


def submission_sources(
    run: str | None, sources: list[str], outputs: Path, inputs: Path, competition: Competition
) -> dict:
    """Everything that a submission depends on. run: its run, None for a vote; sources: hashes of its files."""
    folds = folds_file(outputs)
    return {
        "run": run,
        "sources": sources,
        "answers": ANSWERS,
        "folds": files.digest(folds) if run and folds.is_file() else "",
        "competition": blend_files.competition_digest(competition),
        "sample": blend_files.sample_digest(inputs, competition),
    }


def sources_of_run(run: str, outputs: Path, inputs: Path, competition: Competition) -> dict:
    """`made_of` for a run, or for the current blend."""
    weights = Run(outputs, BLEND).folder / "weights.json"
    blend = files.digest(weights) if weights.is_file() else ""
    source = blend if run == BLEND else runs.source_digest(Run(outputs, run))
    return submission_sources(run, [source], outputs, inputs, competition)


def is_current(outputs: Path, wanted: dict) -> bool:
    """Whether submission.csv is undamaged, saved in submissions/, and made of `wanted`."""
    record, path = _read_record(outputs), submission_csv(outputs)
    return (
        record.get("made_of") == wanted
        and path.is_file()
        and record.get("csv") == files.digest(path)
        and is_kept(outputs, record["csv"])
    )


def write_submission(outputs: Path, data: bytes, record: dict, of: dict) -> Path:
    """Save the submission in submissions/, then write submission.csv and submission.json. Returns the saved file."""
    kept = keep_submission(outputs, data, record)
    files.write_bytes(submission_csv(outputs), data)
    files.write_json(_record_file(outputs), {"csv": files.digest_of(data), "made_of": of})  # last: it holds the hash
    return kept


def submission_state(outputs: Path, inputs: Path, competition: Competition) -> tuple[str, str]:
    """The state of submission.csv: missing, stale or complete; and the reason, or its source."""
    if not submission_csv(outputs).is_file():
        return "missing", "make blend"
    before = _read_record(outputs).get("made_of")
    if not before:
        return "stale", "what it is made of is not known; make blend"
    run = before["run"]
    if run == BLEND and blend_files.blend_state(outputs, inputs, competition).problem:
        return "stale", "the blend is stale; make blend"
    now = _made_of_now(before, outputs, inputs, competition)
    whose = {BLEND: "the blend", None: "a vote"}.get(run, f"run {run}")
    if is_current(outputs, now):
        return "complete", f"of {whose}" + ("" if run == BLEND else ", not of the blend")
    command = {BLEND: "make sub", None: "make vote FILES=…"}.get(run, f'make sub RUN="{run}"')
    return "stale", f"{whose if before != now else 'submission.csv or its copy'} changed since it was made; {command}"


def _made_of_now(before: dict, outputs: Path, inputs: Path, competition: Competition) -> dict:
    """`made_of` for the same run or vote. Files of a vote are not read again; the sample may be on another machine."""
    if before["run"] is None:
        now = submission_sources(None, before["sources"], outputs, inputs, competition)
    else:
        now = sources_of_run(before["run"], outputs, inputs, competition)
    return now if now["sample"] else {**now, "sample": before["sample"]}


def _record_file(outputs: Path) -> Path:
    return submission_csv(outputs).with_suffix(".json")


def _read_record(outputs: Path) -> dict:
    try:
        return files.read_json(_record_file(outputs), "", "")
    except InputError:
        return {}
