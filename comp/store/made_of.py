"""Compare the records in the files of outputs/, which show whether a file is still up to date.

The record of a file says from what the file was made. It is a dictionary from the names of parts, such as recipe or
folds, to their values. A value is a hash, another plain value, or a dictionary of such values. `changes` compares the
record of a file with the record that the file would get if it was made now. Contents are compared, never times.

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

FROM_WEIGHTS = "from_weights"  # this part has the hash of each weights file by its path relative to outputs/
SOURCES = "sources"  # this part has the hash of each run by the name of the run


@dataclass(frozen=True)
class Change:
    """A difference between the record of a file and the current record.

    part: the name of the part that differs; key: the key of the entry that differs if the part is a dictionary, else
    ""; before: the value in the record of the file, or None if it is missing there; now: the value in the current
    record, or None if it is missing there.
    """

    part: str
    before: object
    now: object
    key: str = ""


def changes(before: Mapping, now: Mapping) -> list[Change]:
    """Return the differences between two records, in the order of the parts of `now`.

    before: the record of a file; now: the current record. Parts that `now` does not have are not compared.
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
    """Return the hash of each file. The keys are the paths relative to outputs/, with / between the folders."""
    return {path.relative_to(outputs).as_posix(): digest(path) for path in paths}


def earlier_weights(outputs: Path, record: Mapping) -> dict[str, str]:
    """Return the current hash of each weights file that a record names in its part FROM_WEIGHTS, by path.

    If a weights file was deleted, its hash in the record is returned.
    """
    kept = record.get(FROM_WEIGHTS) or {}
    return {name: digest(outputs / name) if (outputs / name).is_file() else before for name, before in kept.items()}


def source_runs(outputs: Path, record: Mapping) -> dict[str, str]:
    """Return the current hash of each run that a record names in its part SOURCES, by the name of the run.

    If a run was deleted, its hash in the record is returned.
    """
    kept = record.get(SOURCES) or {}
    return {name: Run(outputs, name).digest() if is_run(outputs / name) else before for name, before in kept.items()}


def runs_before(record: Mapping) -> list[str]:
    """Return the names of the runs whose weights a training started from, directly or through other runs.

    record: the record of the training. The run from which the training started directly comes first.
    """
    return list(dict.fromkeys(Path(name).parts[0] for name in record.get(FROM_WEIGHTS) or {}))
