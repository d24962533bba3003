"""The tools that results can be exported to, and what they are given about each run.

`tool_module` gives the module of a tool. Trackers of experiments (TensorBoard, MLflow) are given `exported_runs`: the
settings of each run, the epochs of each fold, and scores out of fold.
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

# The name of each tool is also that of its package, and of the extra of pyproject.toml that installs it. Its module has
# export(data, target): it writes the ReportData to the folder `target` and returns a command that shows the result.
TOOLS = {
    "tensorboard": "comp.export.to_tensorboard",
    "mlflow": "comp.export.to_mlflow",
    "fiftyone": "comp.export.to_fiftyone",
}


def tool_module(name: str) -> ModuleType:
    """The module of a tool. InputError for an unknown tool, and where its package is not installed."""
    if name not in TOOLS:
        found = f"TO={name}" if name else "no TO"
        raise InputError(found, f"one of {', '.join(TOOLS)}", f"make export TO={next(iter(TOOLS))}")
    check_installed(name)
    return importlib.import_module(TOOLS[name])


def check_installed(package: str) -> None:
    """Raise InputError with the command that installs the extra of the same name, unless the package is installed."""
    if importlib.util.find_spec(package) is None:
        raise InputError(
            f"the package {package} is not installed",
            f"the extra {package}, which make setup leaves out",
            f'.venv/bin/python -m pip install -e ".[{package}]"',
        )


@dataclass(frozen=True)
class ExportedRun:
    """A run or the blend as trackers are given it.

    settings: those of recipe.json, each a number, a bool or text; epochs: fold to the table of its epochs; scores: name
    to value, out of fold; changed: when the newest of its files was written, in seconds since 1970; files: recipe,
    histories and other JSON files, to be kept with the run.
    """

    name: str
    settings: Mapping[str, float | str | bool]
    epochs: Mapping[int, pd.DataFrame]
    scores: Mapping[str, float]
    changed: float
    files: tuple[Path, ...]

    @property
    def digest(self) -> str:
        """A hash of name, settings, scores and files; the time is left out, so equal results have equal hashes."""
        contents = [files.digest(path) for path in self.files]
        return files.checksum([self.name, dict(self.settings), dict(self.scores), contents])


def exported_runs(data: ReportData) -> list[ExportedRun]:
    """The blend and all runs with predictions or histories, ordered by name. InputError if there are none."""
    sources = {source.name: source for source in data.sources}
    names = sorted({*sources, *data.histories})
    if not names:
        raise InputError(f"no run in {data.outputs}", "a run to export", "make train MODEL=<a model>")
    return [_exported(data, name, sources.get(name)) for name in names]


def _exported(data: ReportData, name: str, source: Source | None) -> ExportedRun:
    run = Run(data.outputs, name)
    paths = {run.recipe, *run.folder.glob("fold*/history.csv"), *run.folder.glob("*.json")}
    kept = sorted(path for path in paths if path.is_file())
    used = [*kept, *run.folder.glob("*.npz"), *run.folder.glob("fold*/*.npz"), *run.folder.glob("*.csv*")]
    changed = max((path.stat().st_mtime for path in used), default=0.0)
    scores = _scores(data, source) if source else {}
    return ExportedRun(name, _settings(data, name), data.histories.get(name, {}), scores, changed, tuple(kept))


def _settings(data: ReportData, name: str) -> dict:
    """The recipe as flat values; of the blend its method, rule and weights; empty for external predictions."""
    if name == BLEND:
        settings = {key: data.weights[key] for key in ("method", "rule", "runs", "weights") if key in data.weights}
    else:
        try:
            settings = files.read_json(Run(data.outputs, name).recipe, "a recipe", "")["recipe"]
        except (InputError, KeyError):
            settings = {}
    plain = (bool, int, float, str)
    return {key: value if isinstance(value, plain) else json.dumps(value) for key, value in settings.items()}


def _scores(data: ReportData, source: Source) -> dict[str, float]:
    """Each metric over the predicted rows, and the competition's metric in each fold: name to value."""
    competition, labels, folds = data.competition, data.rows.labels, data.rows.folds
    whole = scoring.scores(competition, labels[source.known], source.probs[source.known])
    scores = {f"oof {name}": float(value) for name, value in whole.items()}
    for k in np.unique(folds[source.known]).tolist():
        rows = source.known & (folds == k)
        value = scoring.scores(competition, labels[rows], source.probs[rows])[competition.metric.name]
        scores[f"oof {competition.metric.name} fold {k}"] = float(value)
    return {name: value for name, value in scores.items() if np.isfinite(value)}
