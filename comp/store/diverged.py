"""diverged.json: a fold's training ended in numbers that are not finite, and what to change. Its next start says so.

Training is deterministic: without the file the same command would compute the same epochs, to the same end.
"""

from pathlib import Path

from comp.errors import InputError
from comp.io import files
from comp.store.paths import Run


def file(run: Run, k: int) -> Path:
    return run.fold(k) / "diverged.json"


def keep(run: Run, k: int, made_with: dict, error: InputError) -> None:
    """Remember the error of a training. made_with: the hashes of what it depends on."""
    content = {"found": error.found.splitlines()[0], "expected": error.expected, "run": error.run}
    files.write_json(file(run, k), {**made_with, **content})


def check(run: Run, k: int, made_with: dict) -> None:
    """Raise the error of the last training of fold k, if that was made with the same."""
    kept = reading(run, k)
    if kept and {name: kept.get(name) for name in made_with} == made_with:
        raise InputError(
            f"fold {k} of {run.name} diverged when it was last trained: {kept['found']}",
            kept["expected"],
            f"{kept['run']}; or, after a change of photos, versions or DEVICE: "
            f"rm {file(run, k)}, then the same command",
        )


def reading(run: Run, k: int) -> dict:
    """What was kept; empty where nothing is."""
    path = file(run, k)
    return files.read_json(path, "a record of `make train`", f"rm {path}") if path.is_file() else {}
