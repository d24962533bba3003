"""The command `make scores`: print the out-of-fold (OOF) scores of all runs and of the blend.

If the true answers of the test photos are known, as in the demos, the scores on the test photos are printed, too.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from comp import console
from comp.competition import labels, scoring
from comp.competition.competition import Competition
from comp.errors import InputError, listed
from comp.inputs import cell_values
from comp.project import Project
from comp.store.blend_files import load_blend
from comp.store.paths import BLEND, blend_file
from comp.store.predictions import Predictions
from comp.store.runs import unused_folders
from comp.submission import answers
from comp.tables import read_table
from comp.text import same_value


def show_scores(project: Project, answers_file: Path | None = None) -> None:
    """Print the out-of-fold scores of all runs and of the blend and, if possible, their scores on the test photos.

    answers_file: the path of a table with the true answers of the test photos, or None to print no test scores.
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
    title = "out-of-fold scores" + (" and leaderboard scores" if truth is not None else "")
    console.table(title, ["run", *(f"{place} {name}" for place in places for name in names)], rows)


def _predictions(project: Project) -> Iterator[tuple[str, np.ndarray, Predictions]]:
    """Yield the name, the OOF probabilities (S, C) and the test predictions of each run, and then those of the blend.

    The OOF probabilities have a column for each of the C classes, and S rows: one for each training photo or, if
    several photos share one id and get one answer, one for each such id. A run that cannot be loaded is left out with a
    warning.
    """
    for reason in unused_folders(project.outputs).values():
        console.warn(reason)
    for run in project.runs:
        try:
            test = project.predictions(run.name)[1]
        except InputError as error:
            console.warn(f"{run.name} is left out, because of an error: {error.summary}")
            continue
        yield run.name, project.scored_oof(run.name), test
    if blend_file(project.outputs, "test.npz").is_file():
        oof, test, _ = load_blend(project)
        yield BLEND, oof, test


# ---- the table of true answers


def read_truth(path: Path, competition: Competition) -> tuple[np.ndarray, np.ndarray]:
    """Read a table of true answers. Return its ids (N,) and the label of each id.

    path: the path of the table. It has a column of ids, and either the answer columns of the sample submission or a
    column `label`. A class is given by its name, by its index, or by a 1 in the column of this class. Raises InputError
    if a column is missing, or if a label is not valid.
    The labels are class indices (N,), or numbers (N,) for a regression. If a photo can have several labels, they are an
    array (N, C) of 0 and 1 with one column for each class.
    """
    table = read_table(path, (competition.sample.id,), f"correct {path}")
    columns = table[_truth_columns(table, path, competition)]
    wrong, truth = (_of_indicators if columns.shape[1] > 1 else _of_one_column)(columns, competition)
    if wrong:
        problem = f"{len(wrong)} label(s) in {path} are not valid:{listed(wrong)}"
        raise InputError(problem, "labels that are valid in this competition", f"correct {path}")
    return table[competition.sample.id].to_numpy(str), truth


def _truth_columns(table: pd.DataFrame, path: Path, competition: Competition) -> list[str]:
    """Return the names of the columns with the true answers.

    They are the answer columns of the sample submission or, if the table has none of these, the column `label`. Raises
    InputError if there are no such columns.
    """
    sample = competition.sample
    names = [name for name in sample.columns if name in table]
    if names and (len(names) >= competition.size or len(sample.columns) == 1):
        return names
    if not names and "label" in table:
        return ["label"]
    expected = f"the column {sample.id}, and either {', '.join(sample.columns[:20])} or label"
    raise InputError(f"{path} has columns {', '.join(map(str, table))[:200]}", expected, f"correct {path}")


def _of_indicators(columns: pd.DataFrame, competition: Competition) -> tuple[list[str], np.ndarray | None]:
    """Read labels from columns of 0 and 1, one for each class. Return a list of wrong fields, and the labels.

    The wrong fields are those that are neither 0 nor 1. If there are any, the labels are None.
    """
    numbers = columns.apply(cell_values.zeros_and_ones)
    wrong = columns.to_numpy()[~numbers.isin([0, 1]).to_numpy()].tolist()
    if wrong:
        return wrong, None
    indicators = np.zeros((len(columns), competition.size), np.uint8)
    indicators[:, answers.columns(competition)] = numbers.to_numpy(np.uint8)
    return [], indicators if competition.target == "multilabel" else indicators.argmax(1)


def _of_one_column(columns: pd.DataFrame, competition: Competition) -> tuple[list[str], np.ndarray | None]:
    """Read labels from the first column of a table. Return a list of the fields that are not valid, and the labels.

    If the list is not empty, the labels must not be used.
    """
    column = columns.iloc[:, 0]
    if competition.target == "regression":
        numbers = cell_values.to_numbers(column)
        return column[numbers.isna()].tolist(), numbers.to_numpy(np.float64)
    several, known = competition.target == "multilabel", _class_by_text(competition)
    parts = cell_values.split_labels(column, competition.separator) if several else [[text] for text in column]
    rows = [[known.get(same_value(part)) for part in row] for row in parts]
    wrong = [text for text, row in zip(column, rows, strict=True) if None in row]
    if wrong:
        return wrong, None
    if several:
        return [], labels.to_array(pd.Series(list(map(labels.to_text, rows)), dtype=object), competition)
    return [], np.array([row[0] for row in rows])


def _class_by_text(competition: Competition) -> dict[str, int]:
    """Return a dictionary from the names and the indices of all classes, as texts, to the indices as integers.

    If a text is both a name and an index, the index counts if the sample submission has indices, else the name.
    """
    indices = {str(c): c for c in range(competition.size)}
    both = (competition.places, indices) if competition.sample.answer == "index" else (indices, competition.places)
    return both[0] | both[1]
