"""Read the data for the report and for `make export` from outputs/.

A missing or damaged file does not stop the report, but becomes a note in it. Letters in the shapes: S rows, C classes.
A row is a photo or, if several photos share one id and get one prediction, that id.
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

MOST_VALUES = 30  # a column of the training table with more different values is no filter of the gallery


@dataclass(frozen=True)
class Note:
    """A note at the top of the report. text: what is missing or cannot be used. run: the command that helps, or ""."""

    text: str
    run: str = ""


@dataclass(frozen=True)
class Source:
    """A run or the blend, with its out-of-fold predictions.

    probs (S, C): the probabilities of C classes for each of S rows; nan for a row without a prediction. A row is a
    photo or, if several photos share one id and get one prediction, that id.
    """

    name: str
    probs: np.ndarray

    @property
    def known(self) -> np.ndarray:
        """Return a bool array (S,), True for the rows that have a prediction."""
        return np.isfinite(self.probs).all(1)

    @property
    def is_complete(self) -> bool:
        return bool(self.known.all())


@dataclass(frozen=True)
class ReportData:
    """The data for all sections of the report.

    A row is a photo or, if several photos share one id and get one prediction, that id. inputs: the folder of the
    competition. outputs: the folder of the results. rows: the labels, folds and groups of the S rows. images (S,): for
    each row, the path of its first photo, relative to `inputs`. columns: for each further column of the training table
    that has only few different values, an array (S,) of texts, by the name of the column. runs: the runs with
    predictions, the best run first. blend: the blend, or None. weights: the content of the blend's weights.json, or {}.
    histories: by the name of the run and then by fold number, the history of the training, which is a table with a row
    for each epoch. notes: what is missing or cannot be used.
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
        """Return a list of the blend, if there is one, and of all runs, the best run first."""
        return [*([self.blend] if self.blend else []), *self.runs]

    @property
    def main(self) -> Source | None:
        """Return the blend or, if there is no blend, the best run. Return None if there are no predictions.

        The confusion matrices and the gallery show the predictions of this blend or run.
        """
        return next(iter(self.sources), None)


def load_report_data(project: Project) -> ReportData:
    """Read the data of all runs and of the blend from outputs/.

    A run or a file that cannot be used becomes a note in the report. Raises InputError if there are no valid folds.
    """
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
    """Return the columns of the training table other than id, label, group and attributes, for the report's menus.

    Only columns with 2 to MOST_VALUES different values are returned, as a dictionary from the name of a column to an
    array of its values as texts. first: the training table. If several photos share one id and get one answer, only the
    row of the first photo is kept.
    """
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
    """Return a list with one note that names the next command to run, or [] if there is no such note.

    sources: all runs. If there are runs but none of them is complete, the list is empty, because other notes already
    have the commands for the single runs.
    """
    if not sources:
        return [Note("There are no runs yet.", "make train MODEL=resnet18")]
    ready = any(source.is_complete for source in sources)
    return [Note("There is no blend, so the best run is shown instead.", "make blend")] if ready and not blend else []


def _blend(project: Project, notes: list[Note]) -> tuple[Source | None, dict]:
    """Return the blend and the content of its weights.json, or None and {} if there is no blend that can be used.

    Problems with the blend are added to `notes`.
    """
    if not blend_exists(project.outputs):
        return None, {}
    try:
        probs, _, weights = load_blend(project)
    except InputError as error:
        notes.append(Note(f"The blend cannot be used: {error.summary}", error.run))
        return None, {}
    if project.blend.problem:
        notes.append(Note(f"The blend is stale: {project.blend.problem}", project.blend.asked.command))
    return Source(BLEND, probs), weights


def _best_first(sources: list[Source], rows: ScoredRows) -> list[Source]:
    """Return the runs sorted by score, the best run first. All incomplete runs come after the complete runs.

    rows: the true labels, for the scores.
    """

    def key(source: Source):
        known = source.known
        return source.is_complete, scoring.score(rows.competition, rows.labels[known], source.probs[known])

    return sorted(sources, key=key, reverse=True)
