"""outputs/submissions/: every submission so far, and how it was made."""

from datetime import UTC, datetime
from pathlib import Path

from comp.errors import InputError
from comp.io import files

RECORDS = "[0-9a-f]" * 16 + ".json"  # other files in the folder are not records


def keep(outputs: Path, data: bytes, made_by: dict) -> Path:
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


def kept(outputs: Path) -> list[dict]:
    """The records of all submissions, the oldest first. Raises InputError if a record or its file was damaged."""
    found = []
    for path in sorted((outputs / "submissions").glob(RECORDS)):
        record = files.read_json(path, "the record of a submission", f"rm {path}")
        table = path.with_suffix(".csv")
        if not table.is_file() or files.digest(table) != path.stem:
            raise InputError(f"{table} is missing or was changed", "the file as it was made", f"rm {path} {table}")
        found.append(record)
    return sorted(found, key=lambda record: (str(record.get("made")), str(record.get("file"))))
