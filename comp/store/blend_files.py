"""Read the files of the blend in outputs/blend/, and check whether they are up to date.

The files are weights.json, oof.npz and test.npz. This module does not import large libraries such as torch, so that a
command that has nothing to do ends quickly.
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

CHOICE_VERSION = 2  # raise it when a change of the code makes another blend of the same predictions
PARTS = ("oof.npz", "test.npz")
MAKE_BLEND = "make blend"
SAME = ("runs", "method", "rule", "weights", "folds")  # entries that weights.json and the meta of both npz files have


@dataclass(frozen=True)
class Asked:
    """The options that the user gives to `make blend`.

    runs (option RUNS): the names of the runs to blend, or () for all runs that have predictions for all folds.
    method (option METHOD): how the runs are combined, or "" for the method with the best score.
    rule (option RULE): how the blended probabilities become answers, or "" for the rule with the best score.
    """

    runs: tuple[str, ...] = ()
    method: str = ""
    rule: str = ""

    @property
    def command(self) -> str:
        """Return the `make blend` command with these options."""
        names = (", " if any(" " in name for name in self.runs) else " ").join(self.runs)
        quoted = f'"{names}"' if len(self.runs) > 1 or " " in names else names
        given = {"RUNS": quoted, "METHOD": self.method, "RULE": self.rule}
        return " ".join([MAKE_BLEND, *(f"{name}={value}" for name, value in given.items() if value)])


@dataclass(frozen=True)
class BlendState:
    """The existing blend, and whether it is up to date.

    weights: the content of weights.json, or {} if the blend could not be checked, for example because a
    file is missing.
    asked: the options with which the blend was made, without the names of runs that were deleted since.
    problem: why the blend is not up to date, or "" if it is.
    """

    weights: dict
    asked: Asked
    problem: str

    @property
    def stale(self) -> str:
        """Return a warning with the command that makes the blend again, or "" if no warning is needed.

        The result is "" if the blend is up to date, and also if `weights` is empty.
        """
        warning = f"the blend is stale: {self.problem}. To make it again, run: {self.asked.command}"
        return warning if self.weights and self.problem else ""


# ---- what a blend is made of


def blend_record(project: Project, names: list[str], folds: int, asked: Asked, before: dict | None = None) -> dict:
    """Return a dictionary of everything that the blend depends on, such as its options and the hashes of its runs.

    names: the names of the runs to blend.
    folds: the number of folds.
    asked: the options of `make blend`.
    before: the dictionary of an earlier blend, or None. If the sample submission has not changed since, the hash of its
    ids is copied from there, which saves time.
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
    """Return a hash of all settings and classes of a competition."""
    return files.checksum(to_json(competition))


def metric_digest(competition: Competition) -> str:
    """Return the name of the competition's metric, plus a hash of user_metrics.py if this file defines the metric."""
    name = competition.metric.name
    own = any(metric.name == name for metric in user_metrics.METRICS)
    return f"{name} {files.digest(Path(user_metrics.__file__))}" if own else name


def sample_digest(project: Project) -> str:
    """Return a hash of the sample submission, or "" if the competition has none or the file is missing."""
    sample = project.competition.sample
    return _digest(project.inputs / sample.file) if sample else ""


def _ids_digest(project: Project) -> str:
    """Return a hash of the ids of the sample submission in their order, or "" if the file is missing."""
    ids = sample_submission.sample_ids_here(project.competition, project.inputs)
    return "" if ids is None else files.checksum(ids)


def _digest(path: Path) -> str:
    return files.digest(path) if path.is_file() else ""


def file_digests(outputs: Path) -> dict[str, str]:
    """Return a dictionary with the hashes of the blend's oof.npz and test.npz. The hash of a missing file is ""."""
    return {name: _digest(blend_file(outputs, name)) for name in PARTS}


# ---- whether the blend is up to date


def blend_state(project: Project, asked: Asked | None = None) -> BlendState:
    """Return the state of the existing blend: it is up to date if `make blend` would make the same blend now.

    asked: the options of `make blend` now, or None for the options with which the existing blend was made.
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
        return BlendState({}, Asked(), f"{path} was written by another version of the toolkit")


def difference(record: dict, now: dict) -> str:
    """Return a text that says why a blend is out of date, or "" if nothing that it depends on has changed.

    record: the result of `blend_record` when the blend was made; now: the result of `blend_record` now. If several
    things have changed, the text is about one of them.
    """
    by_part: dict[str, list[Change]] = {}
    for change in made_of.changes(record, now):
        by_part.setdefault(change.part, []).append(change)
    if "folds" in by_part:
        current = f"has hash {now['folds']}" if now["folds"] else "is missing"
        return f"folds.csv had hash {record['folds']} when the blend was made, but now folds.csv {current}"
    if "sample_ids" in by_part and now["sample_ids"]:
        return "the ids of the sample submission have changed since the blend was made"
    for part, what in (("competition", "competition"), ("metric", "metric"), ("choice", "code that makes blends")):
        if part in by_part:
            return f"the {what} has changed since the blend was made"
    return _of_runs(by_part.get("runs", [])) or _of_arguments(by_part.get("asked", []))


def _of_runs(changes: list[Change]) -> str:
    reasons = {
        "the blend lacks the run(s)": [change.key for change in changes if change.before is None],
        "the blend should no longer have the run(s)": [change.key for change in changes if change.now is None],
        "the blend was made from earlier predictions of the run(s)": [
            change.key for change in changes if change.before and change.now
        ],
    }
    return "; ".join(f"{what} {', '.join(names)}" for what, names in reasons.items() if names)


def _of_arguments(changes: list[Change]) -> str:
    return ", ".join(
        f"{change.key.upper()} was {change.before or 'empty'} when the blend was made, now {change.now or 'empty'}"
        for change in changes
    )


def _damage(outputs: Path, before: dict[str, str]) -> str:
    changed = [change.part for change in made_of.changes(before, file_digests(outputs))]
    return f"the file(s) blend/{' and blend/'.join(changed)} are missing or were changed" if changed else ""


# ---- the predictions of the blend


def load_blend(project: Project) -> tuple[np.ndarray, Predictions, dict]:
    """Load the predictions of the blend, and check that its files belong together.

    Returns the OOF probabilities (S, C), the test predictions, and the content of weights.json. The OOF probabilities
    have a column for each of the C classes, and S rows: one for each training photo or, if several photos share one id
    of the sample submission and get one answer, one for each such id. The OOF probabilities of a row were blended with
    weights that were fitted without the fold of this row. Raises InputError if a file is missing or belongs to another
    blend, if folds.csv has changed, or if test.npz has other ids than the sample submission.
    """
    from comp.store.out_of_fold import check_ids

    weights = files.read_json(blend_file(project.outputs), "the blend's weights", MAKE_BLEND)
    oof, test = (load_predictions(blend_file(project.outputs, name), project.competition, MAKE_BLEND) for name in PARTS)
    check_same_blend(weights, (oof, test), project.folds_digest)
    check_ids(test, test.ids if project.test_ids is None else project.test_ids)
    return oof.at(project.scored_rows.ids), test, weights


def check_same_blend(weights: dict, predictions: Iterable[Predictions], folds_digest: str) -> None:
    """Raise InputError if the files of a blend do not belong together, or if folds.csv has changed since.

    weights: the content of weights.json; predictions: the content of oof.npz and test.npz; folds_digest: the hash of
    the current folds.csv.
    """
    for part in predictions:
        for change in made_of.changes(part.meta, {name: weights.get(name) for name in SAME}):
            expected = f"{change.part} {change.now}, as in weights.json"
            found = f"{part.meta['file']} has {change.part} {change.before}, unlike the blend's weights.json"
            raise InputError(found, expected, MAKE_BLEND)
    if weights.get("folds") != folds_digest:
        found = f"the blend was made with another version of folds.csv (hash {weights.get('folds')})"
        raise InputError(found, f"a blend made with the current folds.csv (hash {folds_digest})", MAKE_BLEND)


def blend_exists(outputs: Path) -> bool:
    return blend_file(outputs).is_file()
