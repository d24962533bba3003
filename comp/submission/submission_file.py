"""The command `make sub`: write submission.csv, which is the sample submission with the predicted answers.

Only the answers are replaced, and every other byte of the sample submission stays. The new file is then checked with
Python's CSV reader. outputs/submissions/ keeps a copy of each submission, and a JSON file that says how it was made.
submission.json has the hashes of the files from which the current submission.csv was made.
"""

import csv
import io
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
from comp.text import shortened

# the keys of the blend's weights.json that are copied to the record of a submission
RECORDED = ("run", "runs", "folds", "method", "rule", "weights", "metric", "in_sample", "cross_fitted", "interval_95")
RECORDS = "[0-9a-f]" * 16 + ".json"  # the file names of records in submissions/
ANSWERS = 1  # raise this version when a change of the code gives another submission for the same predictions


# ---- the stage


def make_submission(project: Project, name: str = BLEND) -> None:
    """Write submission.csv with the answers of the blend or of a run. Also check it, keep a copy and print a report.

    name: the name of the run, or "blend". If submission.csv is up to date, nothing is written. Raises InputError if the
    blend is not up to date.
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
        expected = "a blend that is up to date"
        raise InputError(f"the blend is stale: {blend.problem}", expected, blend.asked.command)
    values = answers.from_probabilities(competition, probs)
    data = fill(sample, competition, values)
    answer_report.show_answers(competition, oof, project.scored_rows.groups, probs)
    answer_report.show_earlier(project.outputs, competition, sample_ids(sample, competition), values)
    kept = write_submission(project.outputs, data, source, record)
    console.say(
        f"wrote {submission_csv(project.outputs)} with {len(probs)} rows, which were checked against "
        f"{project.inputs / competition.sample.file}; the file is ready to upload"
    )
    console.say(f"a copy is kept as {kept}")


def _probabilities(project: Project, name: str) -> tuple[np.ndarray, Predictions, dict]:
    """Return the probabilities of the blend or of a run, and a dictionary that says how the submission is made.

    name: the name of the run, or "blend". Returns the OOF probabilities (S, C), the test predictions, and the
    dictionary, which is saved with the submission. The OOF probabilities have a column for each of the C classes, and S
    rows: one for each training photo or, if several photos share one id and get one answer, one for each such id.
    """
    if name == BLEND:
        oof, test, weights = load_blend(project)
        return oof, test, {key: weights[key] for key in RECORDED if key in weights}
    oof, test = project.scored_oof(name), project.predictions(name)[1]
    metric = project.competition.metric.name
    score = scoring.scores(project.competition, project.scored_rows.labels, oof)[metric]
    record = {"run": name, "runs": [name], "folds": project.folds_digest, "metric": metric}
    return oof, test, record | {"cross_fitted": shortened(score)}


# ---- fill in the sample, and read answers


def read_sample(project: Project) -> RawTable:
    """Read the sample submission. Raises InputError if the file is missing, lacks a column, or has an id twice."""
    answers.form_of_answers(project.competition)
    return raw_sample(project.competition, project.inputs)


def in_sample_order(sample: RawTable, competition: Competition, test: Predictions) -> np.ndarray:
    """Return the test probabilities (T, C) in the order of the rows of the sample submission.

    sample: the sample submission; test: the predictions. The result has one row for each id and one column for each
    class. Raises InputError if the predictions do not have exactly the ids of the sample submission.
    """
    ids = sample_ids(sample, competition)
    check_same_ids(dict.fromkeys(ids), test.ids, test.meta.get("file", "the predictions"), test.repair)
    return test.at(ids)


def fill(sample: RawTable, competition: Competition, answer: np.ndarray) -> bytes:
    """Write answers into the sample submission, check the result, and return its bytes.

    sample: the sample submission; answer: the answers in the order of its rows.
    """
    data = sample.replaced(answers.answers_to_text(competition, answer))
    check_submission(data, sample, competition)
    return data


def read_answers(path: Path, competition: Competition, ids: Sequence[str]) -> np.ndarray:
    """Return the answers in a submission file, in the order of `ids`.

    The form of the answers is described in submission/answers.py. The file may have additional columns, and its rows
    may be in any order. If `ids` has an id several times, its rows are taken in their order. Raises InputError if the
    file does not have exactly the ids in `ids`, or if an answer is not valid.
    """
    run = f"correct {path}"
    sample = competition.sample
    table = tables.read_raw_csv(path, (sample.id, *sample.columns), run)
    listed = table.column(sample.id)
    check_same_ids(ids, listed, str(path), run)
    order = _numbered(listed).get_indexer(_numbered(ids))
    fields = {name: [table.column(name)[i] for i in order] for name in sample.columns}
    return answers.answers_from_text(competition, fields, ids, str(path), run)


def _numbered(ids: Sequence[str]) -> pd.MultiIndex:
    """Return pairs of each id and how often it has occurred before, so that all pairs are different."""
    ids = pd.Series(ids, dtype=object)
    return pd.MultiIndex.from_arrays([ids, ids.groupby(ids).cumcount()])


# ---- check a submission with Python's CSV reader


def check_submission(data: bytes, sample: RawTable, competition: Competition) -> None:
    """Raise InputError unless a submission is valid. data: the bytes of the submission; sample: the sample submission.

    Columns, rows, row order and every field that is not an answer must be as in the sample submission. Each answer must
    be valid and within its allowed range.
    """
    run = "make sub. If this error appears again, please report it, because it is a bug in the toolkit"
    names = tuple(map(column_name, competition.sample.columns))
    (header, *rows), (wanted, *expected) = (_rows_of(part, sample) for part in (data, sample.to_bytes()))
    if header != wanted:
        raise InputError(
            f"the submission has columns {header[:20]}", f"the columns of the sample submission: {wanted[:20]}", run
        )
    kept = [i for i, name in enumerate(header) if name not in names]
    if [[row[i] for i in kept] for row in rows] != [[row[i] for i in kept] for row in expected]:
        found = "the submission has other rows than the sample submission, or its rows are in another order"
        raise InputError(found, "the rows of the sample submission in the same order", run)
    fields = {name: [row[header.index(name)] for row in rows] for name in names}
    ids = [row[header.index(column_name(competition.sample.id))] for row in rows]
    answer = answers.answers_from_text(competition, fields, ids, "the submission", run)
    answers.check_range(competition, answer, ids, run)


def _rows_of(data: bytes, sample: RawTable) -> list[list[str]]:
    """Return the rows of a CSV file as Python's CSV reader reads them, without blank rows. The first row is the header.

    data: the bytes of the file; sample: the sample submission, which has the same encoding and separator.
    """
    text = data.decode(sample.encoding).removeprefix(BOM)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=sample.separator)
    names, *filled = [row for row in rows if not is_blank(row)]
    return [list(map(column_name, names)), *filled]


# ---- every submission so far


def keep_submission(outputs: Path, data: bytes, made_by: dict) -> Path:
    """Save a submission as <hash>.csv in outputs/submissions/, and how it was made as <hash>.json. Return the CSV path.

    data: the bytes of the submission; made_by: a dictionary that says how the submission was made. If the same
    submission has been saved before, nothing is written.
    """
    path = submissions_folder(outputs) / f"{files.digest_of(data)}.csv"
    if not path.with_suffix(".json").is_file():
        files.write_bytes(path, data)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        files.write_json(path.with_suffix(".json"), {**made_by, "file": path.name, "made": now})
    return path


def is_kept(outputs: Path, digest: str) -> bool:
    """Return whether outputs/submissions/ has the submission with the hash `digest`, undamaged, and its JSON file."""
    path = submissions_folder(outputs) / f"{digest}.csv"
    return path.is_file() and path.with_suffix(".json").is_file() and files.digest(path) == digest


def kept_submissions(outputs: Path) -> list[dict]:
    """Return the contents of the JSON files of all submissions, which say how they were made. The oldest comes first.

    Raises InputError if a JSON file was damaged, or if the submission that belongs to it is missing or was changed.
    """
    records = []
    for path in sorted((submissions_folder(outputs)).glob(RECORDS)):
        record = files.read_json(path, "the record of a submission", f"rm {quoted(path)}")
        table = path.with_suffix(".csv")
        if not table.is_file() or files.digest(table) != path.stem:
            raise InputError(
                f"{table} is missing or was changed",
                "the file as `make sub` wrote it",
                f"rm -f {quoted(path)} {quoted(table)}",
            )
        records.append(record)
    return sorted(records, key=lambda record: (str(record.get("made")), str(record.get("file"))))


def show_kept(outputs: Path) -> None:
    """Print a table of all submissions in outputs/submissions/, if there are any."""
    rows = [
        [record["file"], record["made"], str(record["run"]), str(record.get("cross_fitted", "-"))]
        for record in kept_submissions(outputs)
    ]
    if rows:
        console.table("submissions", ["file", "made", "source", "cross-validated score"], rows)


# ---- submission.json, which has the hashes of the files from which submission.csv was made


def submission_sources(project: Project, run: str | None, sources: list[str]) -> dict:
    """Return a dictionary of everything that a submission depends on: hashes and plain values.

    run: the name of the run, "blend", or None for a vote; sources: a list with the hash of the run or of the blend, or
    with the hashes of the files of the vote.
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
    """Return the result of `submission_sources` for a run or for the blend. name: the name of the run, or "blend"."""
    weights = blend_file(project.outputs)
    blend = files.digest(weights) if weights.is_file() else ""
    return submission_sources(project, name, [blend if name == BLEND else project.run(name).digest()])


def is_current(outputs: Path, wanted: dict) -> bool:
    """Return whether submission.csv is up to date, so that it need not be written again.

    wanted: everything that the submission would depend on now, from `submission_sources`. submission.csv is up to date
    if it was made from exactly this, was not changed, and has a copy in outputs/submissions/.
    """
    record, path = _read_record(outputs), submission_csv(outputs)
    return (
        not made_of.changes(record.get("made_of") or {}, wanted)
        and path.is_file()
        and record.get("csv") == files.digest(path)
        and is_kept(outputs, record["csv"])
    )


def write_submission(outputs: Path, data: bytes, source: dict, record: dict) -> Path:
    """Write submission.csv and submission.json, and save a copy in outputs/submissions/. Return the path of the copy.

    data: the bytes of the submission; source: a dictionary that says how the submission was made, for the copy; record:
    everything that the submission depends on, from `submission_sources`, for submission.json.
    """
    kept = keep_submission(outputs, data, source)
    files.write_bytes(submission_csv(outputs), data)
    # last, because submission.json has the hash of submission.csv
    files.write_json(_record_file(outputs), {"csv": files.digest_of(data), "made_of": record})
    return kept


def submission_state(project: Project) -> tuple[str, str]:
    """Return the state of submission.csv, and a text about it. The state is missing, stale (out of date) or complete.

    If submission.csv is complete, the text says whether the answers are those of a run, of the blend or of a vote.
    Otherwise it says what to run and, for a stale file, also the reason.
    """
    if not submission_csv(project.outputs).is_file():
        return "missing", "make blend"
    before = _read_record(project.outputs).get("made_of")
    if not before:
        return "stale", "it is not known from which files it was made; make blend"
    run = before["run"]
    if run == BLEND and project.blend.problem:
        return "stale", "the blend is stale; make blend"
    now = _record_now(project, before)
    source = {BLEND: "the blend", None: "a vote"}.get(run, f"run {run}")
    if is_current(project.outputs, now):
        return "complete", f"answers of {source}" + ("" if run == BLEND else ", not of the blend")
    command = {BLEND: "make sub", None: "make vote FILES=<the files>"}.get(run, f"make sub RUN={quoted(run)}")
    changed = source if made_of.changes(before, now) else "submission.csv or its copy"
    return "stale", f"{changed} changed after submission.csv was made; {command}"


def _record_now(project: Project, before: dict) -> dict:
    """Return the result that `submission_sources` would have now for a submission like the existing submission.csv.

    before: the result of `submission_sources` when submission.csv was made. It says whether the answers are those of a
    run, of the blend or of a vote. For a vote, the hashes of its files are copied from `before`. If this machine does
    not have the sample submission, its hash is copied, too.
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
