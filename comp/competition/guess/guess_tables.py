"""Which table is the sample submission, which are of the training and of the test photos."""

import itertools
from dataclasses import dataclass
from pathlib import PurePosixPath

import pandas as pd

from comp.competition.guess.guess_files import Files
from comp.competition.guess.guess_photos import Found, find
from comp.competition.layout.template import fields, fill

SAMPLE_WORDS = ("sample", "submission")
LEARNABLE = 2  # values at least


@dataclass(frozen=True)
class SampleTable:
    """The sample submission: its path, its table, the column of ids and the others."""

    path: str
    table: pd.DataFrame
    id: str

    @property
    def answers(self) -> list[str]:
        return [name for name in self.table if name != self.id and is_named(name)]

    @property
    def ids(self) -> pd.Series:
        return self.table[self.id]


@dataclass(frozen=True)
class TestTable:
    """Rows of the test set. id: a column, or a template of two, that gives the sample's ids; path "": the sample's."""

    path: str
    table: pd.DataFrame
    id: str

    @property
    def photos_per_id(self) -> float:
        """Rows of one prediction id, in the mean."""
        ids = fill(self.id, self.table) if fields(self.id) else self.table[self.id]
        return len(ids) / ids.nunique()


def is_named(column: str) -> bool:
    """pandas calls a column without a name Unnamed: 0."""
    return bool(column) and not column.startswith("Unnamed: ")


def samples(files: Files) -> list[SampleTable]:
    """What may be the sample submission, the likeliest first: by name, else an id beside columns of one value."""
    named = [path for path in files.tables if any(word in stem(path) for word in SAMPLE_WORDS)]
    others = [path for path, table in files.tables.items() if path.endswith(".csv") and _is_constant(table)]
    made = [_sample(path, files.tables[path]) for path in sorted(named, key=len) or others]
    return [sample for sample in made if sample is not None]


def _sample(path: str, table: pd.DataFrame) -> SampleTable | None:
    ids = [name for name in table if is_named(name) and table[name].is_unique]
    made = SampleTable(path, table, ids[0]) if ids else None
    return made if made and made.answers else None


def _is_constant(table: pd.DataFrame) -> bool:
    rest = [name for name in table if is_named(name) and not table[name].is_unique]
    return len(table) > 1 and bool(rest) and all(table[name].nunique() == 1 for name in rest)


def test_of(files: Files, sample: SampleTable) -> TestTable:
    """The table that has all ids of the sample and none of its answers; else the sample itself."""
    others = [path for path in files.tables if path != sample.path and "train" not in stem(path)]
    for path in sorted(others, key=lambda path: "test" not in path.lower()):
        if set(sample.answers) & set(files.tables[path]):
            continue
        table, wanted = files.tables[path], set(sample.ids)
        columns = sorted(table, key=lambda name: name.lower() != sample.id.lower())
        single = next((name for name in columns if wanted <= set(table[name])), None)
        double = None if single and table[single].is_unique else _template_of_ids(table, wanted)
        if single or double:
            return TestTable(path, table, double or single)
    return TestTable("", sample.table, sample.id)


def _template_of_ids(table: pd.DataFrame, wanted: set[str]) -> str | None:
    """Two columns with a sign between that make the ids, such as {patient_id}_{laterality}."""
    sign = next((sign for sign in "_-." if all(sign in name for name in wanted)), None)
    few = [name for name in table if table[name].nunique() <= len(wanted)]
    for a, b in itertools.permutations(few, 2) if sign else ():
        if wanted <= set(table[a] + sign + table[b]):
            return f"{{{a}}}{sign}{{{b}}}"
    return None


def train_of(
    files: Files, sample: SampleTable | None, test_table: str, test_photos: frozenset[str]
) -> tuple[str, Found | None] | None:
    """Path of the training table and the template of its photos; None where no table knows photos and labels.

    A table with the sample's answer columns, or called train, whose photos were not found is given with None.
    """
    taken = {sample.path if sample else "", test_table}
    names = sorted((p for p in files.tables if p not in taken), key=lambda p: _fitness(p, files.tables[p], sample))
    for path in reversed(names):
        found = find(files.tables[path], files.photos, "train", ["file_name", *([sample.id] if sample else [])])
        if found and not found.photos <= test_photos:
            return path, found
    called = [path for path in names if "train" in stem(path)]
    sure = [path for path in names if sample and set(sample.answers) & set(files.tables[path])]
    return next(((path, None) for path in reversed([*called, *sure])), None)


def _fitness(path: str, table: pd.DataFrame, sample: SampleTable | None) -> tuple:
    """How likely a table is the training table: it has the sample's answers, as columns or as values; its name."""
    answers = sample.answers if sample else []
    asked = sum(name in table for name in answers)
    as_values = max((len(set(answers) & set(table[name])) for name in table), default=0) if len(answers) > 1 else 0
    has_labels = any(word in name.lower() for name in table for word in ("label", "class", "category", "target"))
    name = stem(path)
    return asked, as_values, has_labels, "train" in name, "label" in name, len(table), path


def stem(path: str) -> str:
    return PurePosixPath(path).stem.lower()


def simple(name: str) -> str:
    """A column's name without case and signs, to compare Category with category_id."""
    return "".join(letter for letter in name.lower() if letter.isalnum())
