"""The stage `make scores`: it prints the scores of all runs.

If the true answers of the test photos are known, as in the demos, it also prints the scores on the test photos.
"""

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
    """Print the out-of-fold scores of all runs and of the blend.

    answers_file: a table with the true answers of the test photos; if it is given, also print the scores on them.
    """
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
    """For each run and for the blend, yield its name, its OOF probabilities (S, C) and its test predictions.

    S is the number of scored rows, C of classes. Runs that cannot be loaded are left out with a warning.
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
    """The ids (N,) and the labels, in the form of the target, from a table of true answers.

    path: a table with the columns of the sample, or with a column `label`. Classes are names, indices, or a column of 0
    and 1 for each class. Raises InputError if columns are missing, or if labels are not valid.
    """
    table = read_table(path, (competition.sample.id,), f"correct {path}")
    columns = table[_truth_columns(table, path, competition)]
    wrong, truth = (_of_indicators if columns.shape[1] > 1 else _of_one_column)(columns, competition)
    if wrong:
        problem = f"{len(wrong)} label(s) of {path} are not valid:{listed(wrong)}"
        raise InputError(problem, "labels that the competition has", f"correct {path}")
    return table[competition.sample.id].to_numpy(str), truth


def _truth_columns(table: pd.DataFrame, path: Path, competition: Competition) -> list[str]:
    """The columns with the true answers: the answer columns of the sample, else `label`.

    Raises InputError if a column is missing.
    """
    sample = competition.sample
    names = [name for name in sample.columns if name in table]
    if names and (len(names) >= competition.size or len(sample.columns) == 1):
        return names
    if not names and "label" in table:
        return ["label"]
    expected = f"the column {sample.id}, and {', '.join(sample.columns[:20])} or label"
    raise InputError(f"{path} has columns {', '.join(map(str, table))[:200]}", expected, f"correct {path}")


def _of_indicators(columns: pd.DataFrame, competition: Competition) -> tuple[list[str], np.ndarray | None]:
    """The fields that are not 0 or 1, and the labels from a column of 0 and 1 for each class.

    The labels are None if there is such a field.
    """
    numbers = columns.apply(pd.to_numeric, errors="coerce")
    wrong = columns.to_numpy()[~numbers.isin([0, 1]).to_numpy()].tolist()
    if wrong:
        return wrong, None
    indicators = np.zeros((len(columns), competition.size), np.uint8)
    indicators[:, answers.columns(competition)] = numbers.to_numpy(np.uint8)
    return [], indicators if competition.target == "multilabel" else indicators.argmax(1)


def _of_one_column(columns: pd.DataFrame, competition: Competition) -> tuple[list[str], np.ndarray | None]:
    """The fields of the first column that are not labels, and the labels of the column.

    The labels are None or not valid if there is such a field.
    """
    column = columns.iloc[:, 0]
    if competition.target == "regression":
        numbers = pd.to_numeric(column, errors="coerce")
        return column[numbers.isna()].tolist(), numbers.to_numpy(np.float64)
    several, known = competition.target == "multilabel", _class_by_text(competition)
    parts = [text.split(answers.separator(competition)) if several else [text] for text in column]
    rows = [[known.get(part) for part in row if part or not several] for row in parts]
    wrong = [text for text, row in zip(column, rows, strict=True) if None in row]
    if wrong:
        return wrong, None
    if several:
        return [], labels.to_array(pd.Series(list(map(labels.to_text, rows)), dtype=object), competition)
    return [], np.array([row[0] for row in rows])


def _class_by_text(competition: Competition) -> dict[str, int]:
    """Each text that means a class, and the class. The texts are the names and the indices of the classes.

    If a text is both a name and an index, it means the index if the sample has indices, else the name.
    """
    names = {name: c for c, name in enumerate(competition.classes)}
    indices = {str(c): c for c in range(competition.size)}
    return names | indices if competition.sample.answer == "index" else indices | names
