"""Read the files of the blend (weights.json, oof.npz, test.npz) and find out whether they are up to date.

`make blend`, `make sub` and `make status` all call `blend_state` for this. pandas is not imported here, so that a stage
with nothing to do ends at once.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from comp import files
from comp.competition.competition import Competition, to_json
from comp.errors import InputError
from comp.inputs import sample_submission
from comp.metrics import user_metrics
from comp.project import Project
from comp.store import made_of
from comp.store.made_of import Change
from comp.store.paths import blend_file, folds_file
from comp.store.predictions import Predictions, load_predictions

CHOICE_VERSION = 2  # raise this version when changed code makes another blend of the same predictions
PARTS = ("oof.npz", "test.npz")
MAKE_BLEND = "make blend"
SAME = ("runs", "method", "rule", "weights", "folds")  # entries of weights.json that the meta of both npz files repeats


@dataclass(frozen=True)
class Asked:
    """The arguments of `make blend`.

    runs: the names of the runs to blend; () means all complete runs. method, rule: the names of the blend's method and
    decision rule; "" means that scores choose.
    """

    runs: tuple[str, ...] = ()
    method: str = ""
    rule: str = ""

    @property
    def command(self) -> str:
        """The `make blend` command with these arguments."""
        names = (", " if any(" " in name for name in self.runs) else " ").join(self.runs)
        quoted = f'"{names}"' if len(self.runs) > 1 or " " in names else names
        given = {"RUNS": quoted, "METHOD": self.method, "RULE": self.rule}
        return " ".join([MAKE_BLEND, *(f"{name}={value}" for name, value in given.items() if value)])


@dataclass(frozen=True)
class BlendState:
    """The state of the existing blend.

    weights: the content of weights.json, or {} if the file cannot be read; asked: the arguments with which the blend
    was made, without runs that no longer exist; problem: why the blend is not up to date, or "".
    """

    weights: dict
    asked: Asked
    problem: str

    @property
    def stale(self) -> str:
        """A warning, with the command that helps, if a blend exists but is not up to date; otherwise ""."""
        return f"the blend is stale: {self.problem}; {self.asked.command}" if self.weights and self.problem else ""


# ---- what it is made of


def blend_record(project: Project, names: list[str], folds: int, asked: Asked, before: dict | None = None) -> dict:
    """Return everything on which the blend of these runs depends, as plain values.

    folds: the number of folds; before: an earlier record, or None. The hash of the sample's ids is copied from this
    record if the bytes of the sample have not changed.
    """
    sample = sample_digest(project)
    same = before is not None and sample == before["sample"]
    return {
        "choice": CHOICE_VERSION,
        "asked": {**asdict(asked), "runs": list(asked.runs)},
        "folds": _digest(folds_file(project.outputs)),
        "fold_count": folds,
        "competition": competition_digest(project.competition),
        "metric": metric_digest(project.competition),
        "sample": sample,
        "sample_ids": before["sample_ids"] if same else _ids_digest(project),
        "runs": {name: project.run(name).digest() for name in names},
    }


def competition_digest(competition: Competition) -> str:
    """Return a hash of the Competition value."""
    return files.checksum(to_json(competition))


def metric_digest(competition: Competition) -> str:
    """Return the name of the metric, followed by a hash of user_metrics.py if the metric is defined there."""
    name = competition.metric.name
    own = any(metric.name == name for metric in user_metrics.METRICS)
    return f"{name} {files.digest(Path(user_metrics.__file__))}" if own else name


def sample_digest(project: Project) -> str:
    """Return a hash of the sample submission, or "" if the sample is not on this machine."""
    sample = project.competition.sample
    return _digest(project.inputs / sample.file) if sample else ""


def _ids_digest(project: Project) -> str:
    """Return a hash of the sample's ids in their order, which is all of the sample on which a blend depends.

    Returns "" if the sample is not on this machine.
    """
    ids = sample_submission.sample_ids_here(project.competition, project.inputs)
    return "" if ids is None else files.checksum(ids)


def _digest(path: Path) -> str:
    return files.digest(path) if path.is_file() else ""


def file_digests(outputs: Path) -> dict[str, str]:
    """Return the hashes of the blend's oof.npz and test.npz, which weights.json keeps, by file name."""
    return {name: _digest(blend_file(outputs, name)) for name in PARTS}


# ---- whether it is up to date


def blend_state(project: Project, asked: Asked | None = None) -> BlendState:
    """Return the state of the existing blend, compared with the blend that `asked` would give now.

    asked: the arguments of `make blend`, or None for the arguments with which the existing blend was made.
    """
    path = blend_file(project.outputs)
    try:
        weights = files.read_json(path, "the blend's weights", MAKE_BLEND)
        record = weights["made_of"]
        existing = [run.name for run in project.runs]
        before = Asked(**{**record["asked"], "runs": tuple(n for n in record["asked"]["runs"] if n in existing)})
        wanted, count = asked or before, record["fold_count"]
        names = list(wanted.runs) or [run.name for run in project.runs if not run.missing_folds(count)]
        now = blend_record(project, names, count, wanted, record)
        return BlendState(weights, before, difference(record, now) or _damage(project.outputs, weights["files"]))
    except InputError as error:
        return BlendState({}, Asked(), error.found)
    except (KeyError, TypeError, AttributeError):
        return BlendState({}, Asked(), f"{path} is of another version")


def difference(record: dict, now: dict) -> str:
    """Return in a few words what differs between the blend's `record` and the record `now`, or "" if nothing does."""
    by_part: dict[str, list[Change]] = {}
    for change in made_of.changes(record, now):
        by_part.setdefault(change.part, []).append(change)
    if "folds" in by_part:
        current = f"the current folds.csv {now['folds']}" if now["folds"] else "the current folds.csv, which is missing"
        return f"made with folds.csv {record['folds']}, not {current}"
    if "sample_ids" in by_part and now["sample_ids"]:
        return "the ids of the sample submission have changed"
    for part, what in (("competition", "competition"), ("metric", "metric"), ("choice", "code that chooses")):
        if part in by_part:
            return f"the {what} has changed since the blend was made"
    return _of_runs(by_part.get("runs", [])) or _of_arguments(by_part.get("asked", []))


def _of_runs(changes: list[Change]) -> str:
    reasons = {
        "not in the blend": [change.key for change in changes if change.before is None],
        "not there or not asked for any more": [change.key for change in changes if change.now is None],
        "changed since the blend was made": [change.key for change in changes if change.before and change.now],
    }
    return "; ".join(f"{', '.join(names)} {what}" for what, names in reasons.items() if names)


def _of_arguments(changes: list[Change]) -> str:
    return ", ".join(f"{change.key.upper()}={change.now}, not {change.before}" for change in changes)


def _damage(outputs: Path, before: dict[str, str]) -> str:
    changed = [change.part for change in made_of.changes(before, file_digests(outputs))]
    return f"blend/{' and blend/'.join(changed)} not there or not as the blend wrote it" if changed else ""


# ---- its predictions


def load_blend(project: Project) -> tuple[np.ndarray, Predictions, dict]:
    """Return the blend's OOF probabilities (S, C) of the scored rows, its test predictions and its weights.json.

    The OOF probabilities are cross-fitted. Raises InputError if a file is missing, belongs to another blend or to
    another folds.csv, or has other test ids than the sample submission.
    """
    from comp.store.out_of_fold import check_ids

    weights = files.read_json(blend_file(project.outputs), "the blend's weights", MAKE_BLEND)
    oof, test = (load_predictions(blend_file(project.outputs, name), project.competition, MAKE_BLEND) for name in PARTS)
    check_same_blend(weights, (oof, test), project.folds_digest)
    check_ids(test, test.ids if project.test_ids is None else project.test_ids)
    return oof.at(project.scored_rows.ids), test, weights


def check_same_blend(weights: dict, predictions: Iterable[Predictions], folds_digest: str) -> None:
    """Raise InputError unless weights.json and the predictions belong to one blend and to the current folds.csv."""
    for part in predictions:
        for change in made_of.changes(part.meta, {name: weights.get(name) for name in SAME}):
            expected = f"{change.part} {change.now}, as in the blend's weights.json"
            raise InputError(f"{part.meta['file']} has {change.part} {change.before}", expected, MAKE_BLEND)
    if weights.get("folds") != folds_digest:
        expected = f"a blend made with the current folds.csv {folds_digest}"
        raise InputError(f"the blend was made with folds.csv {weights.get('folds')}", expected, MAKE_BLEND)


def blend_exists(outputs: Path) -> bool:
    return blend_file(outputs).is_file()
