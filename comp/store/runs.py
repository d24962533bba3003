"""The runs in outputs/: trained runs and external predictions."""

import difflib
from collections.abc import Iterable
from pathlib import Path

from comp.errors import InputError
from comp.io import files
from comp.io.files import digest
from comp.store import external_files
from comp.store.paths import ALL_DATA, RESERVED, Run


def names(outputs: Path) -> list[str]:
    """The names of all runs and external predictions in `outputs`, sorted."""
    folders = _folders(outputs)
    return [f.name for f in folders if (f / "recipe.json").is_file() or external_files.find(f)]


def trained(outputs: Path) -> list[str]:
    """The trained runs. folds.csv must not change while they exist."""
    return [name for name in names(outputs) if Run(Path(outputs), name).recipe.is_file()]


def unused(outputs: Path) -> dict[str, str]:
    """Folder name to the reason why its files are not used, although they look like predictions."""
    reasons = {folder.name: external_files.unused(folder) for folder in _folders(outputs)}
    return {name: reason for name, reason in reasons.items() if reason}


def _folders(outputs: Path) -> list[Path]:
    return sorted(folder for folder in Path(outputs).glob("*") if folder.is_dir() and folder.name not in RESERVED)


def check_known(outputs: Path, wanted: Iterable[str]) -> None:
    """Raise InputError for unknown runs. It names a similar run, and why a folder of that name is not a run."""
    there = names(outputs)
    unknown = [name for name in wanted if name not in there]
    if not unknown and there:
        return
    reasons = [reason for name, reason in unused(outputs).items() if name in unknown]
    nearest = difflib.get_close_matches(unknown[0], there, 1) if unknown else []
    found = ": ".join([f"no run{''.join(f' {name}' for name in unknown)} in {outputs}", *reasons])
    expected = f"trained runs: {', '.join(there) or 'none yet'}" + "".join(f"; nearest: {name}" for name in nearest)
    raise InputError(found, expected, "correct those files" if reasons else _advice(there))


def _advice(there: list[str]) -> str:
    return "make train MODEL=<a model>" + (f", or the same command with one of {', '.join(there)}" if there else "")


def source_digest(run: Run) -> str:
    """A hash of all files that a blend reads of a run or of external predictions: the predictions and the recipe."""
    external = external_files.find(run.folder) or ()
    own = [run.recipe, *sorted(run.folder.glob("fold*/*.npz")), *sorted(run.fold(ALL_DATA).glob("*.npz"))]
    return files.checksum([digest(path) for path in (own if run.recipe.is_file() else external)])


def missing_folds(run: Run, count: int) -> list[int]:
    """Which of the `count` folds of a run have no predictions; none for external predictions."""
    if not run.recipe.is_file():
        return []
    return [k for k in range(count) if not (run.oof(k).is_file() and run.test(k).is_file())]


def complete(outputs: Path, count: int) -> list[str]:
    """The runs and external predictions that have predictions for all `count` folds, sorted."""
    return [name for name in names(outputs) if not missing_folds(Run(outputs, name), count)]
