"""The sources of a blend, and whether the blend is up to date with them.

`make blend`, `make sub` and `make status` all decide with this module. It compares contents, never times. It does not
import pandas, so that a stage with nothing to do ends at once.

The files of the blend: weights.json, oof.npz and test.npz, checked to belong together.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from comp import files, tables
from comp.competition.competition import Competition, to_json
from comp.competition.scored_rows import ScoredRows
from comp.errors import InputError
from comp.metrics import user_metrics
from comp.store import runs
from comp.store.out_of_fold import check_ids
from comp.store.predictions import Predictions, load_predictions
from comp.store.runs import BLEND, Run, folds_file

CHOICE_VERSION = 2  # version of the code that fits and chooses: raise it when the same predictions give another blend
PARTS = ("oof.npz", "test.npz")


@dataclass(frozen=True)
class Asked:
    """The arguments of `make blend`. runs: empty for all complete runs; method, rule: empty to choose by score.

    transductive: 1 to fit the rule `expected` to the test photos' probabilities, else 0.
    """

    runs: tuple[str, ...] = ()
    method: str = ""
    rule: str = ""
    per: str = "run"
    transductive: int = 0

    @property
    def command(self) -> str:
        """The command with these arguments."""
        names = (", " if any(" " in name for name in self.runs) else " ").join(self.runs)
        given = {
            "RUNS": f'"{names}"' if len(self.runs) > 1 or " " in names else names,
            "METHOD": self.method,
            "RULE": self.rule,
            "PER": "" if self.per == "run" else self.per,
            "TRANSDUCTIVE": self.transductive,
        }
        return " ".join(["make blend", *(f"{name}={value}" for name, value in given.items() if value)])


@dataclass(frozen=True)
class BlendState:
    """made: the content of weights.json, {} if it cannot be read; problem: empty if the blend is up to date.

    asked: the arguments that it was made with, without runs that no longer exist.
    """

    made: dict
    asked: Asked
    problem: str


def blend_sources(
    outputs: Path,
    inputs: Path,
    competition: Competition,
    names: list[str],
    folds: int,
    asked: Asked,
    before: dict | None = None,
) -> dict:
    """Everything that the blend of these runs depends on, as plain values.

    folds: how many folds there are; before: an earlier record, whose ids hold as long as the sample's bytes do.
    """
    sample = sample_digest(inputs, competition)
    same = before is not None and sample == before["sample"]
    return {
        "choice": CHOICE_VERSION,
        "asked": {**asdict(asked), "runs": list(asked.runs)},
        "folds": _digest(folds_file(outputs)),
        "fold_count": folds,
        "competition": competition_digest(competition),
        "metric": metric_digest(competition),
        "sample": sample,
        "sample_ids": before["sample_ids"] if same else _ids_digest(inputs, competition),
        "runs": {name: runs.source_digest(Run(outputs, name)) for name in names},
    }


def competition_digest(competition: Competition) -> str:
    """A hash of the Competition value."""
    return files.checksum(to_json(competition))


def metric_digest(competition: Competition) -> str:
    """The name of the metric; for a metric in user_metrics.py also a hash of that file."""
    name = competition.metric.name
    own = any(metric.name == name for metric in user_metrics.METRICS)
    return f"{name} {files.digest(Path(user_metrics.__file__))}" if own else name


def sample_digest(inputs: Path, competition: Competition) -> str:
    """A hash of the sample submission; empty if it is not on this machine."""
    return _digest(inputs / competition.sample.file) if competition.sample else ""


def _ids_digest(inputs: Path, competition: Competition) -> str:
    """A hash of the ids of the sample submission in their order: a blend depends on nothing else of it."""
    path = inputs / competition.sample.file if competition.sample else None
    if path is None or not path.is_file():
        return ""
    return files.checksum(
        tables.read_raw_csv(path, (competition.sample.id,), f"correct {path}").column(competition.sample.id)
    )


def _digest(path: Path) -> str:
    return files.digest(path) if path.is_file() else ""


def file_digests(outputs: Path) -> dict[str, str]:
    """The hashes of the prediction files of the blend, for weights.json."""
    return {name: _digest(Run(outputs, BLEND).folder / name) for name in PARTS}


def blend_state(outputs: Path, inputs: Path, competition: Competition, asked: Asked | None = None) -> BlendState:
    """Whether the existing blend equals the one that `asked` would give now; None: its own arguments."""
    path = Run(outputs, BLEND).folder / "weights.json"
    try:
        made = files.read_json(path, "the blend's weights", "make blend")
        recorded = made["made_of"]
        there = runs.run_names(outputs)
        still = tuple(name for name in recorded["asked"]["runs"] if name in there)
        before = Asked(**{**recorded["asked"], "runs": still})
        wanted = asked or before
        names = list(wanted.runs) or runs.complete_runs(outputs, recorded["fold_count"])
        now = blend_sources(outputs, inputs, competition, names, recorded["fold_count"], wanted, recorded)
        return BlendState(made, before, difference(recorded, now) or _damage(outputs, made["files"]))
    except InputError as error:
        return BlendState({}, Asked(), error.found)
    except (KeyError, TypeError, AttributeError):
        return BlendState({}, Asked(), f"{path} is of another version")


def difference(before: dict, now: dict) -> str:
    """What has changed since the blend was made with `before`, in a few words; empty if nothing has."""
    if before["folds"] != now["folds"]:
        return f"made with folds.csv {before['folds']}, not {now['folds'] or 'there now'}"
    if now["sample_ids"] and before["sample_ids"] != now["sample_ids"]:
        return "the ids of the sample submission have changed"
    for name, what in (
        ("competition", "the competition has"),
        ("metric", "the metric has"),
        ("choice", "the code that chooses has"),
    ):
        if before[name] != now[name]:
            return f"{what} changed since the blend was made"
    return _problem_of_runs(before["runs"], now["runs"]) or _problem_of_words(before["asked"], now["asked"])


def _problem_of_runs(before: dict[str, str], now: dict[str, str]) -> str:
    found = {
        "not in the blend": [name for name in now if name not in before],
        "not there or not asked for any more": [name for name in before if name not in now],
        "changed since the blend was made": [name for name in now if before.get(name, now[name]) != now[name]],
    }
    return "; ".join(f"{', '.join(names)} {what}" for what, names in found.items() if names)


def _problem_of_words(before: dict, now: dict) -> str:
    return ", ".join(f"{name.upper()}={now[name]}, not {before[name]}" for name in now if before[name] != now[name])


def _damage(outputs: Path, before: dict[str, str]) -> str:
    changed = [name for name, digest in file_digests(outputs).items() if before.get(name) != digest]
    return f"blend/{' and blend/'.join(changed)} not there or not as the blend wrote it" if changed else ""


MAKE_BLEND = "make blend"
SAME = ("runs", "method", "rule", "weights", "folds")


def load_blend(
    outputs: Path, rows: ScoredRows, folds_digest: str, competition: Competition, test_ids: Iterable[str] | None = None
) -> tuple[np.ndarray, Predictions, dict]:
    """Cross-fitted OOF probabilities (S, C) of the scored rows, the test predictions, and weights.json.

    Raises InputError if a file is missing, belongs to another blend or folds.csv, or has other test ids.
    """
    folder = Run(outputs, BLEND).folder
    weights = files.read_json(folder / "weights.json", "the blend's weights", MAKE_BLEND)
    oof, test = (load_predictions(folder / name, competition, MAKE_BLEND) for name in ("oof.npz", "test.npz"))
    check_same_blend(weights, (oof, test), folds_digest)
    check_ids(test, test.ids if test_ids is None else test_ids)
    return oof.at(rows.ids), test, weights


def check_same_blend(weights: dict, made: Iterable[Predictions], folds_digest: str) -> None:
    """Raise InputError unless weights.json and the predictions are of one blend and of the current folds.csv."""
    for part in made:
        for name in SAME:
            found, expected = part.meta.get(name), weights.get(name)
            if found != expected:
                raise InputError(f"{part.meta['file']} has {name} {found}", f"{expected}", MAKE_BLEND)
    if weights.get("folds") != folds_digest:
        raise InputError(f"the blend was made with folds.csv {weights.get('folds')}", folds_digest, MAKE_BLEND)
