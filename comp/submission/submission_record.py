"""submission.json: what submission.csv was made of, and whether it still is.

Beside submission.csv and not in submissions/, because two runs may give the same answers. No pandas is imported here.
"""

from pathlib import Path

from comp.competition.competition import Competition
from comp.errors import InputError
from comp.io import files
from comp.store import blend_record, runs
from comp.store.paths import BLEND, Run, folds_file, submission_file
from comp.submission import submission_history

ANSWERS = 1  # version of the code that writes answers: raise it when the same predictions give another submission
VOTE = "vote"


def made_of(run: str, sources: list[str], outputs: Path, inputs: Path, competition: Competition) -> dict:
    """Everything that decides what a submission is. run: whose; sources: hashes of the files with its predictions."""
    folds = folds_file(outputs)
    return {
        "run": run,
        "sources": sources,
        "answers": ANSWERS,
        "folds": files.digest(folds) if run != VOTE and folds.is_file() else "",
        "competition": blend_record.competition_digest(competition),
        "sample": blend_record.sample_digest(inputs, competition),
    }


def made_of_run(run: str, outputs: Path, inputs: Path, competition: Competition) -> dict:
    """`made_of` for a run, or for the blend that lies there now."""
    weights = Run(outputs, BLEND).folder / "weights.json"
    blend = files.digest(weights) if weights.is_file() else ""
    source = blend if run == BLEND else runs.source_digest(Run(outputs, run))
    return made_of(run, [source], outputs, inputs, competition)


def is_current(outputs: Path, wanted: dict) -> bool:
    """Whether submission.csv is whole, kept in submissions/, and made of `wanted`."""
    record, path = _read(outputs), submission_file(outputs)
    return (
        record.get("made_of") == wanted
        and path.is_file()
        and record.get("csv") == files.digest(path)
        and submission_history.is_kept(outputs, record["csv"])
    )


def write(outputs: Path, data: bytes, record: dict, of: dict) -> Path:
    """Keep the submission with its record, then write submission.csv, then what it is made of; the kept file."""
    kept = submission_history.keep(outputs, data, record)
    files.write_bytes(submission_file(outputs), data)
    files.write_json(_file(outputs), {"csv": files.digest_of(data), "made_of": of})  # last: it holds the hash
    return kept


def state(outputs: Path, inputs: Path, competition: Competition) -> tuple[str, str]:
    """What there is of submission.csv: missing, stale or complete, and why, or of what it is."""
    if not submission_file(outputs).is_file():
        return "missing", "make blend"
    before = _read(outputs).get("made_of", {})
    run = before.get("run")
    if not run:
        return "stale", "it is not known what it was made of; make blend"
    if run == BLEND and blend_record.state(outputs, inputs, competition).problem:
        return "stale", "the blend is stale; make blend"
    command = {BLEND: "make sub", VOTE: "make vote FILES=…"}.get(run, f"make sub RUN={run}")
    now = made_of_run(run, outputs, inputs, competition)
    if run == VOTE:  # its files may lie anywhere, or be gone
        now = made_of(run, before["sources"], outputs, inputs, competition)
    if not now["sample"]:  # inputs are on another machine
        now["sample"] = before["sample"]
    if is_current(outputs, now):
        return "complete", f"of the {run}" if run in (BLEND, VOTE) else f"of run {run}, not of the blend"
    changed = run if before != now else "submission.csv"
    return "stale", f"{changed} changed since it was made; {command}"


def _file(outputs: Path) -> Path:
    return submission_file(outputs).with_suffix(".json")


def _read(outputs: Path) -> dict:
    try:
        return files.read_json(_file(outputs), "", "")
    except InputError:
        return {}
