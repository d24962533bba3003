"""Read a table with the true answers of the test photos, for the scores of a leaderboard."""

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
