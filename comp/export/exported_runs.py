"""The tools that results can be exported to: their names, and the module of each.

Packages that only one export needs; they are installed by an extra of pyproject.toml.

What is told to trackers of experiments about each run: settings, epochs of each fold, scores out of fold.
"""

import importlib
import importlib.util
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd

from comp import files
from comp.competition import scoring
from comp.errors import InputError
from comp.pages.report.report_data import ReportData, Source
from comp.store.paths import BLEND
from comp.store.runs import Run

TOOLS = ("tensorboard", "mlflow", "fiftyone")


def module_of(name: str) -> ModuleType:
    """The module with the tool's `export`. InputError for an unknown tool, and where its package is not installed."""
    if name not in TOOLS:
        found = f"TO={name}" if name else "no TO"
        raise InputError(found, f"one of {', '.join(TOOLS)}", f"make export TO={TOOLS[0]}")
    made = importlib.import_module(f"comp.export.to_{name}")
    made.check()
    return made


def check_installed(package: str, extra: str) -> None:
    """Raise InputError with the command that installs the extra, unless the package is there."""
    if importlib.util.find_spec(package) is None:
        raise InputError(
            f"the package {package} is not installed",
            f"the extra {extra}, which make setup leaves out",
            f'.venv/bin/python -m pip install -e ".[{extra}]"',
        )


@dataclass(frozen=True)
class ExportedRun:
    """settings: of recipe.json, each a number, a bool or text. epochs: fold to its history.csv. scores: out of fold.

    changed: when the newest of its files was written, seconds since 1970; files: those worth keeping with the run.
    """

    name: str
    settings: Mapping[str, float | str | bool]
    epochs: Mapping[int, pd.DataFrame]
    scores: Mapping[str, float]
    changed: float
    files: tuple[Path, ...]

    @property
    def digest(self) -> str:
        """A hash of everything above but the time: equal for equal results."""
        kept = [files.digest(path) for path in self.files]
        return files.checksum([self.name, dict(self.settings), dict(self.scores), kept])


def exported_runs(data: ReportData) -> list[ExportedRun]:
    """All runs with predictions or histories, by name, and the blend. InputError where there are none."""
    sources = {source.name: source for source in data.sources}
    names = sorted({*sources, *data.histories})
    if not names:
        raise InputError(f"no run in {data.outputs}", "a run to export", "make train MODEL=<a model>")
    return [_exported(data, name, sources.get(name)) for name in names]


def _exported(data: ReportData, name: str, source: Source | None) -> ExportedRun:
    run = Run(data.outputs, name)
    kept = [run.recipe, *run.folder.glob("fold*/history.csv"), *run.folder.glob("*.json")]
    kept = sorted({path for path in kept if path.is_file()})
    used = [*kept, *run.folder.glob("*.npz"), *run.folder.glob("fold*/*.npz"), *run.folder.glob("*.csv*")]
    changed = max((path.stat().st_mtime for path in used), default=0.0)
    scores = _scores(data, source) if source else {}
    return ExportedRun(name, _settings(data, name), data.histories.get(name, {}), scores, changed, tuple(kept))


def _settings(data: ReportData, name: str) -> dict:
    """The recipe as flat values; of the blend its method, rule and weights; of external predictions nothing."""
    if name == BLEND:
        told = {key: data.weights[key] for key in ("method", "rule", "runs", "weights") if key in data.weights}
    else:
        try:
            told = files.read_json(Run(data.outputs, name).recipe, "a recipe", "")["recipe"]
        except (InputError, KeyError):
            told = {}
    plain = (bool, int, float, str)
    return {key: value if isinstance(value, plain) else json.dumps(value) for key, value in told.items()}


def _scores(data: ReportData, source: Source) -> dict[str, float]:
    """Metric to its value over the rows that are predicted; the competition's metric also for each fold."""
    competition, labels, folds = data.competition, data.rows.labels, data.rows.folds
    made = scoring.scores(competition, labels[source.known], source.probs[source.known])
    scores = {f"oof {name}": float(value) for name, value in made.items()}
    for k in np.unique(folds[source.known]).tolist():
        rows = source.known & (folds == k)
        value = scoring.scores(competition, labels[rows], source.probs[rows])[competition.metric.name]
        scores[f"oof {competition.metric.name} fold {k}"] = float(value)
    return {name: value for name, value in scores.items() if np.isfinite(value)}
