"""Leaderboard scores that the user noted, and every submission with its cross-validated and its leaderboard score.

The scores lie in outputs/submissions/leaderboard.json under the hash of the submission, so they stay with the file
whatever is submitted later. This module does not import pandas.
"""

import shlex
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from comp.competition.competition import Competition
from comp.errors import InputError
from comp.io import files
from comp.store.paths import BLEND, leaderboard_file
from comp.submission import submission_history


@dataclass(frozen=True)
class Submitted:
    """A submission; scores are values of the competition's metric, None if not known.

    digest: its hash, the name of its files in submissions/; made: time in ISO format, UTC; what: its source in a few
    words; cross_validated: the out-of-fold score when it was made, with its 95 % interval if there is one;
    public, private: the leaderboard scores that were noted.
    """

    digest: str
    made: str
    what: str
    cross_validated: float | None = None
    interval: tuple[float, float] | None = None
    public: float | None = None
    private: float | None = None


def read(outputs: Path) -> dict[str, dict]:
    """Hash of each submission with a noted score to {"public": …, "private": …, "noted": time}; a score may be None.

    Raises InputError if the file was damaged.
    """
    path = leaderboard_file(outputs)
    if not path.is_file():
        return {}
    return files.read_json(path, *_expected(path))["scores"]


def _expected(path: Path) -> tuple[str, str]:
    again = f"rm {shlex.quote(str(path))}, then note the scores again: make lb SCORE=… FILE=…"
    return "the file as make lb wrote it", again


def note(outputs: Path, digest: str, public: float | None, private: float | None) -> dict:
    """Note the scores of the submission of that hash. Returns what was noted before, {} if nothing was.

    A score that is None keeps the one that was noted before.
    """
    scores = read(outputs)
    before = scores.get(digest, {})
    given = {name: value for name, value in (("public", public), ("private", private)) if value is not None}
    now = datetime.now(UTC).isoformat(timespec="seconds")
    scores[digest] = {"public": None, "private": None, **before, **given, "noted": now}
    files.write_json(leaderboard_file(outputs), {"scores": scores})
    return before


def submitted(outputs: Path, competition: Competition) -> list[Submitted]:
    """Every submission, the oldest first. Raises InputError if a submission or the noted scores were damaged.

    A cross-validated score of another metric than the competition has now is left out.
    """
    noted = read(outputs)
    return [_row(record, noted, competition) for record in submission_history.kept(outputs)]


def _row(record: dict, noted: dict[str, dict], competition: Competition) -> Submitted:
    digest = record["file"].removesuffix(".csv")
    scores = noted.get(digest, {})
    same = record.get("metric") == competition.metric.name
    interval = record.get("interval_95") if same else None
    return Submitted(
        digest=digest,
        made=str(record.get("made", "")),
        what=described(record),
        cross_validated=record.get("cross_fitted") if same else None,
        interval=tuple(interval) if interval else None,
        public=scores.get("public"),
        private=scores.get("private"),
    )


def described(record: dict) -> str:
    """The source of a submission in a few words, from its record in submissions/."""
    if "files" in record:
        return f"vote of {len(record['files'])} files"
    rule = f" + {record['rule']}" if record.get("rule") else ""
    if record.get("run") == BLEND:
        return f"blend of {len(record.get('runs', ()))}: {record.get('method', '?')}{rule}"
    return f"run {record.get('run')}{rule}"


def digest_of(outputs: Path, wanted: str) -> str:
    """The hash of a submission from the first letters of its hash, or from the path of the file or of a copy.

    Raises InputError unless exactly one submission is meant.
    """
    known = [record["file"].removesuffix(".csv") for record in submission_history.kept(outputs)]
    path = Path(wanted).expanduser()
    start = files.digest(path) if path.is_file() else path.name.removesuffix(".csv").lower()
    found = [digest for digest in known if start and digest.startswith(start)]
    if len(found) == 1:
        return found[0]
    problem = f"{len(found)} submissions begin with {wanted}" if found else f"no submission {wanted} was made here"
    if not known:
        raise InputError(problem, "a submission that was made here", "make blend")
    raise InputError(problem, f"a file, or the first letters of its name; the last ones are {', '.join(known[-5:])}",
                     "make lb shows all, then the same command with FILE=<one of them>")  # fmt: skip
