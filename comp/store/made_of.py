"""Records of what the files in outputs/ were made of. A record shows whether its file is still up to date.

A record has the names of parts, each with a hash, another plain value, or a dictionary of such values. `changes`
compares the record of a file with the record that the same file would get if it was made now. It compares contents,
never times.

| file              | parts of its record                                                                       |
|-------------------|-------------------------------------------------------------------------------------------|
| weights of fold k | recipe, folds, fold; pseudo (labels); from_weights (INIT, and the folds of all_data)      |
| oof.npz, test.npz | the parts of the weights; weights, tta; sources (runs of a stack); made_of (derived runs) |
| diverged.json     | the parts of the weights                                                                  |
| blend             | runs, asked (arguments), folds, competition, metric, sample_ids, choice (version)         |
| submission.csv    | run, sources, folds, competition, sample, answers (version)                               |
| pseudo-labels     | folds, fold                                                                               |
| Grad-CAM pictures | folds, recipe                                                                             |
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from comp.files import digest
from comp.store.runs import Run, is_run

FROM_WEIGHTS = "from_weights"  # a part with the hash of each weights file by its path relative to outputs
SOURCES = "sources"  # a part with the digest of each run by its name


@dataclass(frozen=True)
class Change:
    """A difference between a record and the current record.

    part: the name of the part that differs; before: its earlier value, or None if it was missing; now: its current
    value, or None if it is missing; key: the key of the entry that differs if the part is a dictionary, else "".
    """

    part: str
    before: object
    now: object
    key: str = ""


def changes(before: Mapping, now: Mapping) -> list[Change]:
    """Return the differences between the records `before` and `now`, in the order of `now`.

    Parts that `now` lacks are not compared.
    """
    found = []
    for part, value in now.items():
        kept = before.get(part)
        if not isinstance(value, Mapping):
            if kept != value:
                found.append(Change(part, kept, value))
            continue
        kept = kept if isinstance(kept, Mapping) else {}
        keys = dict.fromkeys((*kept, *value))
        found += [Change(part, kept.get(k), value.get(k), k) for k in keys if kept.get(k) != value.get(k)]
    return found


def digests_of_files(outputs: Path, paths: Iterable[Path]) -> dict[str, str]:
    """Return the hash of each file by its path relative to outputs, with / between the parts of the path."""
    return {path.relative_to(outputs).as_posix(): digest(path) for path in paths}


def earlier_weights(outputs: Path, record: Mapping) -> dict[str, str]:
    """Return the current hashes of the weights files in the part FROM_WEIGHTS of a record, by path.

    A weights file that was deleted keeps its earlier hash.
    """
    kept = record.get(FROM_WEIGHTS) or {}
    return {name: digest(outputs / name) if (outputs / name).is_file() else before for name, before in kept.items()}


def source_runs(outputs: Path, record: Mapping) -> dict[str, str]:
    """Return the current digests of the runs in the part SOURCES of a record, by name.

    A run that was deleted keeps its earlier digest.
    """
    kept = record.get(SOURCES) or {}
    return {name: Run(outputs, name).digest() if is_run(outputs / name) else before for name, before in kept.items()}


def runs_before(record: Mapping) -> list[str]:
    """Return the names of the runs whose weights a training started from, directly or through other runs.

    The run from which the training started directly comes first.
    """
    return list(dict.fromkeys(Path(name).parts[0] for name in record.get(FROM_WEIGHTS) or {}))
