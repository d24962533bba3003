"""The stage `make sub`: it makes, checks and keeps submission.csv, which is the sample submission with our answers.

Only the answers change, and every other byte of the sample stays. The check reads the submission again with Python's
CSV reader. outputs/submissions/ keeps each submission and a record of how it was made. submission.json records the
hashes of the files that submission.csv is made of. It is not in submissions/, because two runs may give the same
answers.
"""

import csv
import io
import shlex
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from comp import console, files, tables
from comp.competition import scoring
from comp.competition.competition import Competition
from comp.errors import InputError, quoted
from comp.inputs.sample_submission import check_same_ids, raw_sample, sample_ids
from comp.project import Project
from comp.store import blend_files, made_of
from comp.store.blend_files import load_blend
from comp.store.paths import BLEND, blend_file, folds_file, submission_csv, submissions_folder
from comp.store.predictions import Predictions
from comp.submission import answers
from comp.tables import BOM, RawTable, column_name, is_blank

# the keys of the blend's weights.json that are copied into the record of a submission
RECORDED = ("run", "runs", "folds", "method", "rule", "weights", "metric", "in_sample", "cross_fitted", "interval_95")
RECORDS = "[0-9a-f]" * 16 + ".json"  # names of records; other files in submissions/ are not records
ANSWERS = 1  # version of the code that writes answers; raise it when equal predictions give another submission


# ---- the stage


def make_submission(project: Project, name: str = BLEND) -> None:
    """Fill the sample with the answers of the blend or of a run, and show, check, write and keep the submission.

    name: the run, or BLEND. Nothing is done if submission.csv is already made of the current files. Raises InputError
    if the blend is stale.
    """
    record = sources_of_run(project, name)
    blend = project.blend if name == BLEND else None
    if not (blend and blend.problem) and is_current(project.outputs, record):
        source = "the blend" if blend else f"run {name}"
        console.say(f"{submission_csv(project.outputs)} is up to date: it has the answers of {source}")
        return
    from comp.submission import answer_report

    competition, sample = project.competition, read_sample(project)
    oof, test, source = _probabilities(project, name)
    probs = in_sample_order(sample, competition, test)
    if blend and blend.problem:
        expected = "a blend of the current files"
        raise InputError(f"the blend is stale: {blend.problem}", expected, blend.asked.command)
    values = answers.from_probabilities(competition, probs)
    data = fill(sample, competition, values)
    answer_report.show_answers(competition, oof, project.scored_rows.groups, probs)
    answer_report.show_earlier(project.outputs, competition, sample_ids(sample, competition), values)
    kept = write_submission(project.outputs, data, source, record)
    console.say(
        f"wrote {submission_csv(project.outputs)}: {len(probs)} rows, checked against "
        f"{project.inputs / competition.sample.file}; ready to upload"
    )
    console.say(f"kept as {kept}")


def _probabilities(project: Project, name: str) -> tuple[np.ndarray, Predictions, dict]:
    """The OOF probabilities of the scored rows, the test predictions, and the record of the submission.

    name: the run, or BLEND. The record is the part of the submission's JSON file that says how it was made.
    """
    if name == BLEND:
        oof, test, weights = load_blend(project)
        return oof, test, {key: weights[key] for key in RECORDED if key in weights}
    oof, test = project.scored_oof(name), project.predictions(name)[1]
    metric = project.competition.metric.name
    score = scoring.scores(project.competition, project.scored_rows.labels, oof)[metric]
    record = {"run": name, "runs": [name], "folds": project.folds_digest, "metric": metric}
    return oof, test, record | {"cross_fitted": round(score, 6)}


# ---- filling in the sample, and reading answers


def read_sample(project: Project) -> RawTable:
    """The sample submission. Raises InputError if the sample is missing, lacks a column, or repeats an id."""
    answers.form_of_answers(project.competition)
    return raw_sample(project.competition, project.inputs)


def in_sample_order(sample: RawTable, competition: Competition, test: Predictions) -> np.ndarray:
    """The test probabilities (T, C) in the row order of the sample. Raises InputError if ids are missing or extra."""
    ids = sample_ids(sample, competition)
    check_same_ids(ids, test.ids, test.meta.get("file", "the predictions"), test.repair)
    return test.at(ids)


def fill(sample: RawTable, competition: Competition, answer: np.ndarray) -> bytes:
    """The bytes of the submission, which are checked. answer: the answers in the row order of the sample."""
    data = sample.replaced(answers.answers_to_text(competition, answer))
    check_submission(data, sample, competition)
    return data


def read_answers(path: Path, competition: Competition, ids: Sequence[str]) -> np.ndarray:
    """The answers of a submission file, in the order of `ids` and in the form that answers.py describes.

    The file may have additional columns, and its rows may have any order. Raises InputError if the ids of the file are
    not `ids`, or if an answer is not valid.
    """
    run = f"correct {path}"
    sample = competition.sample
    table = tables.read_raw_csv(path, (sample.id, *sample.columns), run)
    listed = table.column(sample.id)
    check_same_ids(ids, listed, str(path), run)
    order = pd.Index(listed).get_indexer(list(ids))
    fields = {name: [table.column(name)[i] for i in order] for name in sample.columns}
    return answers.answers_from_text(competition, fields, ids, str(path), run)


# ---- the check of a written file, with Python's CSV reader


def check_submission(data: bytes, sample: RawTable, competition: Competition) -> None:
    """Raise InputError unless `data` is a valid submission.

    Columns, rows, row order and every field that is not an answer must be as in the sample. Answers must have the right
    form and range.
    """
    run = "make sub; if this error appears again, report it, because it is a bug in the toolkit"
    names = tuple(map(column_name, competition.sample.columns))
    (header, *rows), (wanted, *expected) = (_rows_of(part, sample) for part in (data, sample.to_bytes()))
    if header != wanted:
        raise InputError(f"the submission has columns {header[:20]}", f"the sample's columns {wanted[:20]}", run)
    kept = [i for i, name in enumerate(header) if name not in names]
    if [[row[i] for i in kept] for row in rows] != [[row[i] for i in kept] for row in expected]:
        found = "the submission has other rows than the sample, or another order"
        raise InputError(found, "the rows of the sample in the sample's order", run)
    fields = {name: [row[header.index(name)] for row in rows] for name in names}
    ids = [row[header.index(column_name(competition.sample.id))] for row in rows]
    answer = answers.answers_from_text(competition, fields, ids, "the submission", run)
    answers.check_range(competition, answer, ids, run)


def _rows_of(data: bytes, sample: RawTable) -> list[list[str]]:
    """The rows of a CSV file as Python's CSV reader reads them, without blank rows. The first row has the column names.

    data: the bytes of the file. sample: has the encoding and the separator of the file.
    """
    text = data.decode(sample.encoding).removeprefix(BOM)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=sample.separator)
    names, *filled = [row for row in rows if not is_blank(row)]
    return [list(map(column_name, names)), *filled]


# ---- every submission so far


def keep_submission(outputs: Path, data: bytes, made_by: dict) -> Path:
    """Save a submission as submissions/<hash>.csv, with its record in <hash>.json. Returns the path of the CSV file.

    made_by: the content of the record. Nothing is written if an equal submission is kept already.
    """
    path = submissions_folder(outputs) / f"{files.digest_of(data)}.csv"
    if not path.with_suffix(".json").is_file():
        files.write_bytes(path, data)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        files.write_json(path.with_suffix(".json"), {**made_by, "file": path.name, "made": now})
    return path


def is_kept(outputs: Path, digest: str) -> bool:
    """Return whether submissions/ has the submission with the hash `digest`, undamaged and with its record."""
    path = submissions_folder(outputs) / f"{digest}.csv"
    return path.is_file() and path.with_suffix(".json").is_file() and files.digest(path) == digest


def kept_submissions(outputs: Path) -> list[dict]:
    """The records of all submissions, the oldest first. Raises InputError if a record or a submission was damaged."""
    records = []
    for path in sorted((submissions_folder(outputs)).glob(RECORDS)):
        record = files.read_json(path, "the record of a submission", f"rm {quoted(path)}")
        table = path.with_suffix(".csv")
        if not table.is_file() or files.digest(table) != path.stem:
            raise InputError(
                f"{table} is missing or was changed",
                "the file as make sub wrote it",
                f"rm -f {quoted(path)} {quoted(table)}",
            )
        records.append(record)
    return sorted(records, key=lambda record: (str(record.get("made")), str(record.get("file"))))


def show_kept(outputs: Path) -> None:
    """Print all submissions that are kept, if there are any."""
    rows = [
        [record["file"], record["made"], str(record["run"]), str(record.get("cross_fitted", "-"))]
        for record in kept_submissions(outputs)
    ]
    if rows:
        console.table("submissions", ["file", "made", "of", "cross-validated score"], rows)


# ---- submission.json, which records the files that submission.csv is made of


def submission_sources(project: Project, run: str | None, sources: list[str]) -> dict:
    """The names and hashes of everything that a submission depends on.

    run: the run, BLEND, or None for a vote. sources: the hashes of the files of the run, of the blend or of the vote.
    """
    folds = folds_file(project.outputs)
    return {
        "run": run,
        "sources": sources,
        "answers": ANSWERS,
        "folds": files.digest(folds) if run and folds.is_file() else "",
        "competition": blend_files.competition_digest(project.competition),
        "sample": blend_files.sample_digest(project),
    }


def sources_of_run(project: Project, name: str) -> dict:
    """The `submission_sources` of a run, or of the current blend. name: the run, or BLEND."""
    weights = blend_file(project.outputs)
    blend = files.digest(weights) if weights.is_file() else ""
    return submission_sources(project, name, [blend if name == BLEND else project.run(name).digest()])


def is_current(outputs: Path, wanted: dict) -> bool:
    """Return whether submission.csv is undamaged, kept in submissions/, and made of the files in `wanted`.

    wanted: from `submission_sources`.
    """
    record, path = _read_record(outputs), submission_csv(outputs)
    return (
        not made_of.changes(record.get("made_of") or {}, wanted)
        and path.is_file()
        and record.get("csv") == files.digest(path)
        and is_kept(outputs, record["csv"])
    )


def write_submission(outputs: Path, data: bytes, source: dict, record: dict) -> Path:
    """Keep the submission in submissions/, then write submission.csv and submission.json.

    Returns the path of the kept file. source: how the submission was made, for its record in submissions/. record: from
    `submission_sources`, for submission.json.
    """
    kept = keep_submission(outputs, data, source)
    files.write_bytes(submission_csv(outputs), data)
    files.write_json(_record_file(outputs), {"csv": files.digest_of(data), "made_of": record})  # last: holds the hash
    return kept


def submission_state(project: Project) -> tuple[str, str]:
    """The state of submission.csv, and a text on it. The state is missing, stale or complete.

    The text names the source of a complete submission, else the reason and the command that helps.
    """
    if not submission_csv(project.outputs).is_file():
        return "missing", "make blend"
    before = _read_record(project.outputs).get("made_of")
    if not before:
        return "stale", "the files that it is made of are not known; make blend"
    run = before["run"]
    if run == BLEND and project.blend.problem:
        return "stale", "the blend is stale; make blend"
    now = _record_now(project, before)
    source = {BLEND: "the blend", None: "a vote"}.get(run, f"run {run}")
    if is_current(project.outputs, now):
        return "complete", f"of {source}" + ("" if run == BLEND else ", not of the blend")
    command = {BLEND: "make sub", None: "make vote FILES=<the files>"}.get(run, f"make sub RUN={shlex.quote(str(run))}")
    changed = source if made_of.changes(before, now) else "submission.csv or its copy"
    return "stale", f"{changed} changed since it was made; {command}"


def _record_now(project: Project, before: dict) -> dict:
    """The `submission_sources` that the run, blend or vote of `before` would have now.

    The files of a vote are not read again. If the sample is not on this machine, its hash is copied from `before`.
    before: the `submission_sources` in submission.json.
    """
    run = before["run"]
    now = submission_sources(project, None, before["sources"]) if run is None else sources_of_run(project, run)
    return now if now["sample"] else {**now, "sample": before["sample"]}


def _record_file(outputs: Path) -> Path:
    return submission_csv(outputs).with_suffix(".json")


def _read_record(outputs: Path) -> dict:
    try:
        return files.read_json(_record_file(outputs), "", "")
    except InputError:
        return {}
