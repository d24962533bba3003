"""Find out whether a file in outputs/ is still up to date, from a record of what the file was made from.

The record of a file is stored with the file. It is a dictionary with one entry for each thing on which the file
depends. The key is a name, such as "recipe" or "folds". The value is a hash, a plain value such as a number, or a
dictionary of such values. `changes` compares the stored record with the record that the file would get now. The times
of files are never compared.

| file              | keys of its record, with explanations in parentheses                                            |
|-------------------|-------------------------------------------------------------------------------------------------|
| weights of fold k | recipe, folds, fold; pseudo (pseudo-labels); from_weights (weights of earlier trainings)        |
| oof.npz, test.npz | the keys of the weights; weights, tta; sources (runs that a stack combines); made_of (input of  |
|                   | a classifier)                                                                                   |
| diverged.json     | the keys of the weights                                                                         |
| blend             | runs, asked (options), folds, competition, metric, sample_ids, choice (version of the code)     |
| submission.csv    | run, sources (predictions), folds, competition, sample, answers (version of the code)           |
| pseudo-labels     | folds, fold                                                                                     |
| Grad-CAM pictures | folds, recipe                                                                                   |
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
    """A difference between the record that is stored with a file, and the record that the file would get now.

    part: the key of the entry that differs, such as "folds".
    key: if the entry is a dictionary, the key that differs in it, else "".
    before: the value in the stored record, or None if it is missing there.
    now: the value in the current record, or None if it is missing there.
    """

    part: str
    before: object
    now: object
    key: str = ""


def changes(before: Mapping, now: Mapping) -> list[Change]:
    """Return the differences between two records, in the order of the entries of `now`.

    before: the record that is stored with a file; now: the record that the file would get now. Entries of `before` that
    `now` does not have are not compared.
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
    """Return a dictionary with the hash of each file. The keys are paths relative to outputs/, with / as separator."""
    return {path.relative_to(outputs).as_posix(): digest(path) for path in paths}


def earlier_weights(outputs: Path, record: Mapping) -> dict[str, str]:
    """Return the current hashes of the weights files that a record lists in its entry "from_weights", by path.

    record: the record of some weights. Its entry "from_weights" has the hashes of the earlier weights on which their
    training depends. For a deleted file, the hash in the record is returned.
    """
    kept = record.get(FROM_WEIGHTS) or {}
    return {name: digest(outputs / name) if (outputs / name).is_file() else before for name, before in kept.items()}


def source_runs(outputs: Path, record: Mapping) -> dict[str, str]:
    """Return the current hashes of the runs that a record lists in its entry "sources", by the name of the run.

    record: the record of some predictions. Its entry "sources" has the hashes of the runs from which they were made.
    For a deleted run, the hash in the record is returned.
    """
    kept = record.get(SOURCES) or {}
    return {name: Run(outputs, name).digest() if is_run(outputs / name) else before for name, before in kept.items()}


def runs_before(record: Mapping) -> list[str]:
    """Return the names of the runs on whose weights a training depends, directly or through other runs.

    record: a dictionary whose entry "from_weights" has the hashes of these weights, by path.
    """
    return list(dict.fromkeys(Path(name).parts[0] for name in record.get(FROM_WEIGHTS) or {}))
