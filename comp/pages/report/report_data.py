"""The data of the report: everything that it shows, read from outputs/. A missing or damaged file becomes a note.

The sections of the report and the exports take this value. Letters: S scored rows, C classes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from comp.competition import scoring
from comp.competition.competition import Competition
from comp.competition.scored_rows import ScoredRows
from comp.errors import InputError
from comp.project import Project
from comp.store import fold_table, history, out_of_fold
from comp.store.blend_files import blend_exists, load_blend
from comp.store.paths import BLEND
from comp.store.runs import Run, unused_folders

MOST_VALUES = 30  # a column of the training table with more different values is not a filter of the gallery


@dataclass(frozen=True)
class Note:
    """text: what is missing or cannot be used; run: the command that helps, or empty."""

    text: str
    run: str = ""


@dataclass(frozen=True)
class Source:
    """Out-of-fold probabilities of a run or of the blend. probs (S, C): nan in rows that are not predicted."""

    name: str
    probs: np.ndarray

    @property
    def known(self) -> np.ndarray:
        """Which rows are predicted, (S,) bool."""
        return np.isfinite(self.probs).all(1)

    @property
    def is_complete(self) -> bool:
        return bool(self.known.all())


@dataclass(frozen=True)
class ReportData:
    """What the sections draw.

    rows: the S scored rows; images (S,): the first photo of each, relative to `inputs`. columns: further columns of the
    training table with few values, name to values (S,) str. runs: the best first. weights: the content of weights.json,
    {} without a blend. histories: run to fold to the table of its epochs.
    """

    inputs: Path
    outputs: Path
    rows: ScoredRows
    images: Sequence[str]
    columns: Mapping[str, np.ndarray] = field(default_factory=dict)
    runs: Sequence[Source] = ()
    blend: Source | None = None
    weights: Mapping = field(default_factory=dict)
    histories: Mapping[str, Mapping[int, pd.DataFrame]] = field(default_factory=dict)
    notes: Sequence[Note] = ()

    @property
    def competition(self) -> Competition:
        return self.rows.competition

    @property
    def sources(self) -> list[Source]:
        """The blend, if there is one, then the runs."""
        return [*([self.blend] if self.blend else []), *self.runs]

    @property
    def main(self) -> Source | None:
        """The source that the confusion matrix and the gallery show: the blend, otherwise the best run."""
        return next(iter(self.sources), None)


def load_report_data(project: Project) -> ReportData:
    """Read all runs and the blend. Raises InputError only if there are no valid folds."""
    competition, rows = project.competition, project.scored_rows
    first = project.folds.drop_duplicates("id") if competition.combine else project.folds
    notes = [Note(reason) for reason in unused_folders(project.outputs).values()]
    sources = [_run(project, run, notes) for run in project.runs]
    blend, weights = _blend(project, notes)
    notes += _next_steps(sources, blend)
    return ReportData(
        inputs=project.inputs,
        outputs=project.outputs,
        rows=rows,
        images=first["image"].tolist(),
        columns=_columns(first, competition),
        runs=_best_first([source for source in sources if source.known.any()], rows),
        blend=blend,
        weights=weights,
        histories={run.name: _history(run, notes) for run in project.own_runs},
        notes=notes,
    )


def _columns(first: pd.DataFrame, competition: Competition) -> dict[str, np.ndarray]:
    """Further columns of the training table that have 2 to MOST_VALUES different values."""
    own = {*fold_table.COLUMNS, "id", *competition.attributes}
    kept = {name: first[name].fillna("").astype(str) for name in first.columns if name not in own}
    return {name: column.to_numpy() for name, column in kept.items() if 2 <= column.nunique() <= MOST_VALUES}


def _run(project: Project, run: Run, notes: list[Note]) -> Source:
    probs, problems = out_of_fold.usable_oof(project, run)
    notes += [Note(f"{run.name}: {problem}", advice) for problem, advice in problems]
    return Source(run.name, project.scored_rows.combine(probs))


def _history(run: Run, notes: list[Note]) -> dict[int, pd.DataFrame]:
    epochs, problems = history.read_histories(run)
    notes += map(Note, problems)
    return epochs


def _next_steps(sources: list[Source], blend: Source | None) -> list[Note]:
    """What to run next. A blend needs a complete run; until there is one, the notes of the runs say what to run."""
    if not sources:
        return [Note("There are no runs yet.", "make train MODEL=resnet18")]
    ready = any(source.is_complete for source in sources)
    return [Note("There is no blend: the best run is shown instead.", "make blend")] if ready and not blend else []


def _blend(project: Project, notes: list[Note]) -> tuple[Source | None, dict]:
    """The blend and the content of weights.json; None and {} without a blend that can be used."""
    if not blend_exists(project.outputs):
        return None, {}
    try:
        probs, _, weights = load_blend(project)
    except InputError as error:
        notes.append(Note(f"The blend cannot be used: {error.found.splitlines()[0]}", error.run))
        return None, {}
    if project.blend.problem:
        notes.append(Note(f"The blend is stale: {project.blend.problem}", project.blend.asked.command))
    return Source(BLEND, probs), weights


def _best_first(sources: list[Source], rows: ScoredRows) -> list[Source]:
    """Complete runs before incomplete ones, then the better score first."""

    def key(source: Source):
        known = source.known
        return source.is_complete, scoring.score(rows.competition, rows.labels[known], source.probs[known])

    return sorted(sources, key=key, reverse=True)
