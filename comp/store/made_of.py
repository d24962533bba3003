"""made_of: what a file in outputs/ was made of, and whether that is still so. One mechanism for every file there.

A file keeps a record: the names of its parts, each with a hash or another plain value, or with a dictionary of such
values. `changes` compares a record with what the same file would be made of today. It compares contents, never times.

| file             | parts                                                                                    |
|------------------|------------------------------------------------------------------------------------------|
| weights of fold k | recipe, folds, fold; pseudo (labels); from_weights (INIT, and the folds of all_data)     |
| oof.npz, test.npz | the same, and weights, tta; of a stack: sources (runs); of derived runs: made_of (values) |
| diverged.json    | as the weights                                                                           |
| blend            | runs, asked (arguments), folds, competition, metric, sample_ids, choice (version)         |
| submission.csv   | run, sources, folds, competition, sample, answers (version)                               |
| pseudo-labels    | folds, fold                                                                              |
| Grad-CAM pictures | folds, recipe                                                                           |
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from comp.files import digest
from comp.store.runs import Run, is_run

FROM_WEIGHTS = "from_weights"  # path relative to outputs, with / between its parts, to the hash of a weights file
SOURCES = "sources"  # name of a run to its digest


@dataclass(frozen=True)
class Change:
    """One part of a record that has another value now. key: which entry, if the part is a dictionary.

    before, now: the values; None if the entry did not exist, or does not exist any more.
    """

    part: str
    before: object
    now: object
    key: str = ""


def changes(before: Mapping, now: Mapping) -> list[Change]:
    """What differs between a record and `now`, in the order of `now`. Parts that `now` lacks are not compared."""
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
    """Path relative to outputs, with / between its parts, to the hash of the file."""
    return {path.relative_to(outputs).as_posix(): digest(path) for path in paths}


def earlier_weights(outputs: Path, record: Mapping) -> dict[str, str]:
    """The part FROM_WEIGHTS of a record as it is now. A file that is gone, as after `rm -r`, keeps its hash."""
    kept = record.get(FROM_WEIGHTS) or {}
    return {name: digest(outputs / name) if (outputs / name).is_file() else before for name, before in kept.items()}


def source_runs(outputs: Path, record: Mapping) -> dict[str, str]:
    """The part SOURCES of a record as it is now. A run that is gone keeps its digest."""
    kept = record.get(SOURCES) or {}
    return {name: Run(outputs, name).digest() if is_run(outputs / name) else before for name, before in kept.items()}


def runs_before(record: Mapping) -> list[str]:
    """The runs whose weights a training began with, directly or through another one, the nearest first."""
    return list(dict.fromkeys(Path(name).parts[0] for name in record.get(FROM_WEIGHTS) or {}))
