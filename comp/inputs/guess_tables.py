"""Guess which table is the sample submission, which table has the training rows, and which table has the test rows."""

import itertools
from dataclasses import dataclass
from pathlib import PurePosixPath

import pandas as pd

from comp.inputs.guess_files import Files
from comp.inputs.guess_photos import PhotoTemplate, find_template
from comp.inputs.path_templates import fields, fill, is_writable
from comp.inputs.sample_submission import is_named

SAMPLE_WORDS = ("sample", "submission")

# ---- the sample submission


@dataclass(frozen=True)
class SampleTable:
    """A table that may be the sample submission.

    path: the path of the table, relative to the inputs folder; table: the rows; id: the name of the column of ids.
    """

    path: str
    table: pd.DataFrame
    id: str

    @property
    def answers(self) -> list[str]:
        """The names of the columns that a submission must fill: all columns with a name, except the column of ids."""
        return [name for name in self.table if name != self.id and is_named(name)]

    @property
    def ids(self) -> pd.Series:
        return self.table[self.id]


def samples(files: Files) -> list[SampleTable]:
    """Return the tables that may be the sample submission, the most likely table first.

    These are the tables with "sample" or "submission" in the file name, those with both words first; their ids may
    repeat. A table such as train_samples.csv is none of them. If there are none, these are the CSV files in which every
    column except the ids has the same value in all rows.
    """
    named = [path for path in files.tables if is_called_sample(path)]
    named.sort(key=lambda path: (not all(word in _stem(path) for word in SAMPLE_WORDS), len(path)))
    others = [path for path, table in files.tables.items() if path.endswith(".csv") and _is_constant(table)]
    candidates = [_sample(path, files.tables[path], path in named) for path in named or others]
    return [sample for sample in candidates if sample is not None]


def is_called_sample(path: str) -> bool:
    """Return whether the file name has one of the words sample and submission, but is not train_samples or similar.

    path: the path of a table.
    """
    stem = _stem(path)
    return "submission" in stem or (any(word in stem for word in SAMPLE_WORDS) and "train" not in stem)


def _sample(path: str, table: pd.DataFrame, repeats: bool) -> SampleTable | None:
    """Return the table as a SampleTable, or None if it cannot be a sample submission.

    The column of ids is the first column whose values are all different. There must also be a column to fill.
    path: the path of the table, relative to the inputs folder; repeats: whether ids may also repeat. If no column has
    only different values, the column of ids is then the one with the most different values.
    """
    names = [name for name in table if is_named(name) and is_writable(name)]
    ids = [name for name in names if table[name].is_unique]
    if repeats and not ids:
        ids = sorted((name for name in names if table[name].nunique() > 1), key=lambda name: -table[name].nunique())
    sample = SampleTable(path, table, ids[0]) if ids else None
    return sample if sample and sample.answers else None


def _is_constant(table: pd.DataFrame) -> bool:
    rest = [name for name in table if is_named(name) and not table[name].is_unique]
    return len(table) > 1 and bool(rest) and all(table[name].nunique() == 1 for name in rest)


# ---- the test table


@dataclass(frozen=True)
class TestTable:
    """The table of the test rows.

    path: the path of the table, relative to the inputs folder, or "" if the sample submission is also the test table;
    table: the rows; id: the column with the ids of the sample submission, or two columns in braces that give the ids
    together, such as {patient_id}_{side}.
    """

    path: str
    table: pd.DataFrame
    id: str

    @property
    def photos_per_id(self) -> float:
        """The mean number of rows for each id. Each row is a test photo."""
        ids = fill(self.id, self.table) if fields(self.id) else self.table[self.id]
        return len(ids) / ids.nunique()


def test_of(files: Files, sample: SampleTable) -> TestTable:
    """Return the test table: a table with all ids of the sample submission, but without the columns to fill.

    If there is no such table, the sample submission itself is returned as the test table.
    """
    others = [path for path in files.tables if path != sample.path and "train" not in _stem(path)]
    for path in sorted(others, key=lambda path: "test" not in path.lower()):
        if set(sample.answers) & set(files.tables[path]):
            continue
        table, wanted = files.tables[path], set(sample.ids)
        columns = sorted(filter(is_writable, table), key=lambda name: name.lower() != sample.id.lower())
        single = next((name for name in columns if wanted <= set(table[name])), None)
        double = None if single and table[single].is_unique else _template_of_ids(table, wanted)
        if single or double:
            return TestTable(path, table, double or single)
    return TestTable("", sample.table.drop_duplicates(sample.id), sample.id)


def _template_of_ids(table: pd.DataFrame, wanted: set[str]) -> str | None:
    """Return two columns in braces that give all ids together, such as {patient_id}_{side}, or None if there are none.

    table: the table in which the columns are searched for; wanted: the ids of the sample submission.
    """
    sign = next((sign for sign in "_-." if all(sign in name for name in wanted)), None)
    few = [name for name in table if is_writable(name) and table[name].nunique() <= len(wanted)]
    for a, b in itertools.permutations(few, 2) if sign else ():
        if wanted <= set(table[a] + sign + table[b]):
            return f"{{{a}}}{sign}{{{b}}}"
    return None


# ---- the training table


def train_of(
    files: Files, sample: SampleTable | None, test_table: str, test_photos: frozenset[str]
) -> tuple[str, PhotoTemplate | None] | None:
    """Return the path of the training table and the template of its photos, or None if there is no training table.

    The template gives the paths of the photos, such as train/{id}.jpg. The training table is the most likely table for
    whose rows a template finds photos that are not all test photos. If no photos are found, it is a table with a column
    that a submission must fill or, if there is none, a table with "train" in its name. The template is then None.
    sample: the sample submission, or None; test_table: the path of the test table, or ""; test_photos: the paths of the
    test photos.
    """
    taken = {sample.path if sample else "", test_table}
    names = sorted((p for p in files.tables if p not in taken), key=lambda p: _fitness(p, files.tables[p], sample))
    first = ["file_name", *([sample.id] if sample else [])]
    for path in reversed(names):
        template = find_template(files.tables[path], files.photos, "train", first)
        if template and not template.photos <= test_photos:
            return path, template
    called = [path for path in names if "train" in _stem(path)]
    sure = [path for path in names if sample and set(sample.answers) & set(files.tables[path])]
    return next(((path, None) for path in reversed([*called, *sure])), None)


def _fitness(path: str, table: pd.DataFrame, sample: SampleTable | None) -> tuple:
    """Return a sort key that puts the most likely training table last.

    The strongest sign of a training table is that it has the columns which a submission must fill. The second sign is
    that one of its columns contains the names of these columns. Further signs are the names of its columns, its file
    name, and its number of rows.
    """
    answers = sample.answers if sample else []
    asked = sum(name in table for name in answers)
    as_values = max((len(set(answers) & set(table[name])) for name in table), default=0) if len(answers) > 1 else 0
    has_labels = any(word in name.lower() for name in table for word in ("label", "class", "category", "target"))
    name = _stem(path)
    return asked, as_values, has_labels, "train" in name, "label" in name, len(table), path


def _stem(path: str) -> str:
    return PurePosixPath(path).stem.lower()
