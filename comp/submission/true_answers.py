"""Scores of every run (`make scores`), also on the test photos if their true answers are known, as in the demos."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from comp import console
from comp.competition import labels, scoring
from comp.competition.competition import Competition
from comp.errors import InputError, listed
from comp.project import Project
from comp.store.blend_files import load_blend
from comp.store.paths import BLEND, blend_file
from comp.store.predictions import Predictions
from comp.store.runs import unused_folders
from comp.submission import answers
from comp.tables import read_table


def show_scores(project: Project, answers_file: Path | None = None) -> None:
    """Print the out-of-fold scores of every run and of the blend, and those of the test photos if answers are given."""
    competition = project.competition
    truth = read_truth(answers_file, competition) if answers_file else None
    rows = []
    if project.blend.stale:
        console.warn(project.blend.stale)
    for name, oof, test in _predictions(project):
        rows.append([name, *scoring.scores(competition, project.scored_rows.labels, oof).values()])
        if truth is not None:
            ids, test_labels = truth
            rows[-1] += scoring.scores(competition, test_labels, test.at(ids)).values()
    names = [metric.name for metric in (competition.metric, *competition.also)]
    places = ("OOF", "leaderboard")[: 1 + (truth is not None)]
    title = "cross-validated" + (" and on the leaderboard" if truth is not None else "")
    console.table(title, ["run", *(f"{place} {name}" for place in places for name in names)], rows)


def _predictions(project: Project) -> Iterator[tuple[str, np.ndarray, Predictions]]:
    """Yield name, OOF probabilities of the scored rows and test predictions of each run and of the blend.

    Runs that cannot be loaded are left out with a warning.
    """
    for reason in unused_folders(project.outputs).values():
        console.warn(reason)
    for run in project.runs:
        try:
            test = project.predictions(run.name)[1]
        except InputError as error:
            console.warn(f"{run.name} is left out: {error.found.splitlines()[0]}")
            continue
        yield run.name, project.scored_oof(run.name), test
    if blend_file(project.outputs, "test.npz").is_file():
        oof, test, _ = load_blend(project)
        yield BLEND, oof, test


# ---- the table of true answers


def read_truth(path: Path, competition: Competition) -> tuple[np.ndarray, np.ndarray]:
    """Ids (N,) and labels, as the target has them, from a table like the sample or with a column `label`.

    Classes may be given by name or by index, or as one column of 0 and 1 per class. Raises InputError if the columns
    are missing, and for invalid labels.
    """
    sample = competition.sample
    table = read_table(path, (sample.id,), f"correct {path}")
    known = [name for name in sample.columns if name in table] or [name for name in ("label",) if name in table]
    if not known or (len(known) < competition.size and len(sample.columns) > 1 and known != ["label"]):
        expected = f"{sample.id} and {', '.join(sample.columns[:20])} (or label)"
        raise InputError(f"{path} has columns {', '.join(map(str, table))[:200]}", expected, f"correct {path}")
    made = _columns(table[known], competition) if len(known) > 1 else _column(table[known[0]], competition)
    if isinstance(made, list):
        raise InputError(
            f"{len(made)} label(s) of {path} are not valid:{listed(made)}",
            "labels of the competition",
            f"correct {path}",
        )
    return table[sample.id].to_numpy(str), made


def _columns(table: pd.DataFrame, competition: Competition) -> np.ndarray | list[str]:
    """Labels from one column of 0 and 1 per class; or a list of the texts that are not 0 or 1."""
    numbers = table.apply(pd.to_numeric, errors="coerce")
    bad = table.to_numpy()[~numbers.isin([0, 1]).to_numpy()]
    if len(bad):
        return bad.tolist()
    made = np.zeros((len(table), competition.size), np.uint8)
    made[:, answers.columns(competition)] = numbers.to_numpy(np.uint8)
    return made if competition.target == "multilabel" else made.argmax(1)


def _column(column: pd.Series, competition: Competition) -> np.ndarray | list[str]:
    """Labels from one column of text; or a list of the texts that are not labels."""
    if competition.target == "regression":
        numbers = pd.to_numeric(column, errors="coerce")
        return column[numbers.isna()].tolist() or numbers.to_numpy(np.float64)
    known, multilabel = _known(competition), competition.target == "multilabel"
    parts = [text.split(answers.separator(competition)) if multilabel else [text] for text in column]
    found = [[known.get(part) for part in row if part or not multilabel] for row in parts]
    bad = [text for text, row in zip(column, found, strict=True) if None in row]
    if bad:
        return bad
    if multilabel:
        return labels.to_array(pd.Series([labels.to_text(row) for row in found], dtype=object), competition)
    return np.array([row[0] for row in found])


def _known(competition: Competition) -> dict[str, int]:
    """Text to class, by name and by index. If the sample has indices, an index takes precedence over a name."""
    names = {name: c for c, name in enumerate(competition.classes)}
    indices = {str(c): c for c in range(competition.size)}
    return names | indices if competition.sample.answer == "index" else indices | names
