"""submission.json: the sources of submission.csv, and whether it is up to date with them.

It is not stored in submissions/, because two runs may give the same answers. This module does not import pandas.
"""

from pathlib import Path

from comp.competition.competition import Competition
from comp.errors import InputError
from comp.io import files
from comp.store import blend_record, runs
from comp.store.paths import BLEND, Run, folds_file, submission_file
from comp.submission import submission_history

ANSWERS = 1  # version of the code that writes answers: raise it when the same predictions give another submission


def made_of(run: str | None, sources: list[str], outputs: Path, inputs: Path, competition: Competition) -> dict:
    """Everything that a submission depends on. run: its run, None for a vote; sources: hashes of its files."""
    folds = folds_file(outputs)
    return {
        "run": run,
        "sources": sources,
        "answers": ANSWERS,
        "folds": files.digest(folds) if run and folds.is_file() else "",
        "competition": blend_record.competition_digest(competition),
        "sample": blend_record.sample_digest(inputs, competition),
    }


def made_of_run(run: str, outputs: Path, inputs: Path, competition: Competition) -> dict:
    """`made_of` for a run, or for the current blend."""
    weights = Run(outputs, BLEND).folder / "weights.json"
    blend = files.digest(weights) if weights.is_file() else ""
    source = blend if run == BLEND else runs.source_digest(Run(outputs, run))
    return made_of(run, [source], outputs, inputs, competition)


def is_current(outputs: Path, wanted: dict) -> bool:
    """Whether submission.csv is undamaged, saved in submissions/, and made of `wanted`."""
    record, path = _read(outputs), submission_file(outputs)
    return (
        record.get("made_of") == wanted
        and path.is_file()
        and record.get("csv") == files.digest(path)
        and submission_history.is_kept(outputs, record["csv"])
    )


def write(outputs: Path, data: bytes, record: dict, of: dict) -> Path:
    """Save the submission in submissions/, then write submission.csv and submission.json. Returns the saved file."""
    kept = submission_history.keep(outputs, data, record)
    files.write_bytes(submission_file(outputs), data)
    files.write_json(_file(outputs), {"csv": files.digest_of(data), "made_of": of})  # last: it holds the hash
    return kept


def state(outputs: Path, inputs: Path, competition: Competition) -> tuple[str, str]:
    """The state of submission.csv: missing, stale or complete; and the reason, or its source."""
    if not submission_file(outputs).is_file():
        return "missing", "make blend"
    before = _read(outputs).get("made_of")
    if not before:
        return "stale", "what it is made of is not known; make blend"
    run = before["run"]
    if run == BLEND and blend_record.state(outputs, inputs, competition).problem:
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
        now = made_of(None, before["sources"], outputs, inputs, competition)
    else:
        now = made_of_run(before["run"], outputs, inputs, competition)
    return now if now["sample"] else {**now, "sample": before["sample"]}


def _file(outputs: Path) -> Path:
    return submission_file(outputs).with_suffix(".json")


def _read(outputs: Path) -> dict:
    try:
        return files.read_json(_file(outputs), "", "")
    except InputError:
        return {}
