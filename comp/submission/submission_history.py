"""outputs/submissions/: every submission that was made, and what made it."""

from datetime import UTC, datetime
from pathlib import Path

from comp.errors import InputError
from comp.io import files


def keep(outputs: Path, data: bytes, made_by: dict) -> Path:
    """Keep a submission as submissions/<hash>.csv, with what made it beside it; the same one only once."""
    path = outputs / "submissions" / f"{files.digest_of(data)}.csv"
    if not path.with_suffix(".json").is_file():
        files.write_bytes(path, data)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        files.write_json(path.with_suffix(".json"), {**made_by, "file": path.name, "made": now})
    return path


def kept(outputs: Path) -> list[dict]:
    """What is kept of each submission, the oldest first; InputError if a record or its file was damaged."""
    found = []
    for path in sorted((outputs / "submissions").glob("*.json")):
        record = files.read_json(path, "the record of a submission", f"rm {path}")
        table = path.with_suffix(".csv")
        if not table.is_file() or files.digest(table) != path.stem:
            raise InputError(f"{table} is missing or was changed", "the file as it was made", f"rm {path} {table}")
        found.append(record)
    return sorted(found, key=lambda record: (str(record.get("made")), str(record.get("file"))))
