"""Find the module that exports to a tool, and collect the data of all runs for experiment trackers.

`tool_module` returns the module of a tool. `exported_runs` returns the data that an experiment tracker (TensorBoard or
MLflow) gets for each run: the settings, the epochs of each fold, and the OOF scores.
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

# A tool, its package and the extra of pyproject.toml that installs this package have the same name. The module of a
# tool has a function export(data, target), which writes the ReportData to the folder `target` and returns a command
# that shows the result.
TOOLS = {
    "tensorboard": "comp.export.to_tensorboard",
    "mlflow": "comp.export.to_mlflow",
    "fiftyone": "comp.export.to_fiftyone",
}


def tool_module(name: str) -> ModuleType:
    """Return the module that exports to a tool. name: "tensorboard", "mlflow" or "fiftyone".

    Raises InputError if the tool is unknown or its Python package is not installed.
    """
    if name not in TOOLS:
        found = f"TO={name} is not a tool to export to" if name else "the option TO is missing"
        raise InputError(
            found, f"TO=<tool> with one of the tools {', '.join(TOOLS)}", f"make export TO={next(iter(TOOLS))}"
        )
    check_installed(name)
    return importlib.import_module(TOOLS[name])


def check_installed(package: str) -> None:
    """Raise InputError if a Python package is not installed. The error shows the command that installs the package."""
    if importlib.util.find_spec(package) is None:
        raise InputError(
            f"the package {package} is not installed",
            f"the packages that belong to {package}, which `make setup` does not install",
            f'.venv/bin/python -m pip install -e ".[{package}]"',
        )


@dataclass(frozen=True)
class ExportedRun:
    """The data of a run, or of the blend, for an experiment tracker.

    settings: the settings of the run, by name, each a number, a bool or a text. epochs: for each fold, by its number, a
    table of the training history with one row per epoch. scores: the OOF scores by name. changed: when the newest file
    of the run was written, in seconds since 1970. files: the paths of the run's recipe, histories and other JSON files,
    which the tracker stores with the run.
    """

    name: str
    settings: Mapping[str, float | str | bool]
    epochs: Mapping[int, pd.DataFrame]
    scores: Mapping[str, float]
    changed: float
    files: tuple[Path, ...]

    @property
    def digest(self) -> str:
        """Return a hash of the name, settings, scores and files.

        The time `changed` has no influence, so equal results have equal hashes.
        """
        contents = [files.digest(path) for path in self.files]
        return files.checksum([self.name, dict(self.settings), dict(self.scores), contents])


def exported_runs(data: ReportData) -> list[ExportedRun]:
    """Return the data of the blend and of all runs that have predictions or a history, ordered by name.

    data: the results in outputs/. Raises InputError if there are no such runs.
    """
    sources = {source.name: source for source in data.sources}
    names = sorted({*sources, *data.histories})
    if not names:
        raise InputError(f"there is no run in {data.outputs}", "a run to export", "make train MODEL=<a model>")
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
    """Return the settings of a run, by name, each as a number, a bool or a text.

    The settings of a run are in its recipe.json. Those of the blend are its method, the rule that turns probabilities
    into answers, its runs and their weights. Predictions that were made outside of this toolkit have no settings, so
    the result is {}.
    """
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
    """Return the OOF scores by name: each metric over all predicted rows, and the competition's metric in each fold."""
    competition, labels, folds = data.competition, data.rows.labels, data.rows.folds
    whole = scoring.scores(competition, labels[source.known], source.probs[source.known])
    scores = {f"oof {name}": float(value) for name, value in whole.items()}
    for k in np.unique(folds[source.known]).tolist():
        rows = source.known & (folds == k)
        value = scoring.scores(competition, labels[rows], source.probs[rows])[competition.metric.name]
        scores[f"oof {competition.metric.name} fold {k}"] = float(value)
    return {name: value for name, value in scores.items() if np.isfinite(value)}
