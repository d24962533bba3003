"""diverged.json: the training of a fold ended with values that are not finite. It stores the error and the advice.

Training is deterministic, so the same command would fail again after the same epochs. With this file it fails at once.
"""

from pathlib import Path

from comp.errors import InputError
from comp.io import files
from comp.store.paths import Run


def file(run: Run, k: int) -> Path:
    return run.fold(k) / "diverged.json"


def keep(run: Run, k: int, made_with: dict, error: InputError) -> None:
    """Save the error of a training. made_with: the hashes of its inputs."""
    content = {"found": error.found, "expected": error.expected, "run": error.run}
    files.write_json(file(run, k), {**made_with, **content})


def check(run: Run, k: int, made_with: dict) -> None:
    """Raise the saved error of fold k if the training would have the same inputs again."""
    kept = reading(run, k)
    if kept and {name: kept.get(name) for name in made_with} == made_with:
        raise InputError(
            f"fold {k} of {run.name} diverged when it was last trained: {kept['found']}",
            kept["expected"],
            f"{kept['run']}; or, after a change of photos, versions or DEVICE: "
            f"rm {file(run, k)}, then the same command",
        )


def reading(run: Run, k: int) -> dict:
    """The saved record; empty if there is none."""
    path = file(run, k)
    return files.read_json(path, "a record of `make train`", f"rm {path}") if path.is_file() else {}
