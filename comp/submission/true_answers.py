"""The true answers of the test photos, read from a table: a leaderboard's scores are computed with them."""

from pathlib import Path

import numpy as np
import pandas as pd

from comp.competition import labels
from comp.competition.competition import Competition
from comp.errors import InputError, listed
from comp.submission import answers
from comp.tables import read_table


def read_truth(path: Path, competition: Competition) -> tuple[np.ndarray, np.ndarray]:
    """Ids (N,) and labels, as the target has them, from a table like the sample or with a column `label`.

    Classes may be given by name or by index, or as one column of 0 and 1 per class. Raises InputError if the columns
    are missing, and for invalid labels.
    """
    table = read_table(path, (competition.sample.id,), f"correct {path}")
    columns = table[_truth_columns(table, path, competition)]
    wrong, truth = (_of_indicators if columns.shape[1] > 1 else _of_one_column)(columns, competition)
    if wrong:
        problem = f"{len(wrong)} label(s) of {path} are not valid:{listed(wrong)}"
        raise InputError(problem, "labels of the competition", f"correct {path}")
    return table[competition.sample.id].to_numpy(str), truth


def _truth_columns(table: pd.DataFrame, path: Path, competition: Competition) -> list[str]:
    """The columns with the truth: those of the sample, else `label`. Raises InputError if one of them is missing."""
    sample = competition.sample
    names = [name for name in sample.columns if name in table]
    if names and (len(names) >= competition.size or len(sample.columns) == 1):
        return names
    if not names and "label" in table:
        return ["label"]
    expected = f"{sample.id} and {', '.join(sample.columns[:20])} (or label)"
    raise InputError(f"{path} has columns {', '.join(map(str, table))[:200]}", expected, f"correct {path}")


def _of_indicators(columns: pd.DataFrame, competition: Competition) -> tuple[list[str], np.ndarray | None]:
    """The texts that are not 0 or 1; if there are none, the labels from one column of 0 and 1 per class."""
    numbers = columns.apply(pd.to_numeric, errors="coerce")
    wrong = columns.to_numpy()[~numbers.isin([0, 1]).to_numpy()].tolist()
    if wrong:
        return wrong, None
    indicators = np.zeros((len(columns), competition.size), np.uint8)
    indicators[:, answers.columns(competition)] = numbers.to_numpy(np.uint8)
    return [], indicators if competition.target == "multilabel" else indicators.argmax(1)


def _of_one_column(columns: pd.DataFrame, competition: Competition) -> tuple[list[str], np.ndarray | None]:
    """The texts that are not labels; if there are none, the labels of the column."""
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
    """Text to class, by name and by index. If the sample has indices, an index takes precedence over a name."""
    names = {name: c for c, name in enumerate(competition.classes)}
    indices = {str(c): c for c in range(competition.size)}
    return names | indices if competition.sample.answer == "index" else indices | names
