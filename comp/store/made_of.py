"""The weights files that a training depends on: those it began with (INIT), and the folds that all_data follows.

Weights and their predictions keep them as {path relative to outputs: hash}, under KEY in their metadata.
"""

from collections.abc import Iterable
from pathlib import Path

from comp.files import digest

KEY = "from_weights"


def digests_of_files(outputs: Path, paths: Iterable[Path]) -> dict[str, str]:
    """Path relative to outputs, with / between its parts, to the hash of the file."""
    return {path.relative_to(outputs).as_posix(): digest(path) for path in paths}


def changed_files(outputs: Path, metadata: dict) -> list[str]:
    """Those of the kept files that are other ones now. One that is gone, as after `rm -r` of a run, does not count."""
    kept = metadata.get(KEY) or {}
    return [name for name, before in kept.items() if (outputs / name).is_file() and digest(outputs / name) != before]


def runs_of_files(metadata: dict) -> list[str]:
    """The names of the runs that the kept files are of, the nearest first: the chain of INIT."""
    return list(dict.fromkeys(Path(name).parts[0] for name in metadata.get(KEY) or {}))
