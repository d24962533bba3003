"""Find and read the sample submission, and decide which of its columns must be filled, and with what kind of answers.

`read_sample` reads the file. `sample_of` compares the columns of the file with the classes. The answers are either in
one column for each class, or in one column with labels, numbers, rankings or probabilities.
"""

import itertools
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from comp.competition.competition import Competition, Sample
from comp.competition.competition_toml import EDIT, Settings
from comp.errors import InputError, listed
from comp.inputs.photo_listing import is_utf8, joined, walk
from comp.inputs.source_table import check_columns, read_text_table, unpack_command
from comp.metrics.metric import Metric
from comp.table_formats import OTHER_TABLES
from comp.tables import UNNAMED, RawTable, read_raw_csv
from comp.text import same_value

TABLES = (".csv", ".tsv")
ANSWER_NAMES = ("label", "target", "prediction", "predicted", "predictions", "class", "category", "answer", "ans")

# ---- the file


@dataclass(frozen=True)
class SampleFile:
    """The sample submission.

    path: the path of the file, relative to inputs; id: the name of the column of ids; rows: all rows of the file, with
    text columns. An id may occur in several rows, which then all get the same answer.
    """

    path: str
    id: str
    rows: pd.DataFrame

    @cached_property
    def table(self) -> pd.DataFrame:
        """The first row of each id. The index is the number of the row in the file."""
        return self.rows.drop_duplicates(self.id)

    @property
    def others(self) -> list[str]:
        """The names of all columns except the column of ids and columns without a name."""
        return [name for name in self.rows if name != self.id and is_named(name)]


def is_named(column: str) -> bool:
    """Return whether a column has a name in the file.

    A column without a name is called "" or, for example, "Unnamed: 0".
    """
    return bool(column) and not column.startswith(UNNAMED)


def read_sample(inputs: Path, settings: Settings, path: str = "") -> SampleFile:
    """Read the sample submission.

    path: the path of the file, relative to inputs. If it is "", the key `sample` of competition.toml gives the path or,
    without this key, the file is searched for. Raises InputError if there is no sample submission, or if there are
    several.
    """
    path = path or settings.sample or find_sample(inputs, settings)
    file = inputs / path
    if not file.is_file():
        raise InputError(
            f"there is no file {file}, although it should be the sample submission",
            "the sample submission at this path, or another path as the key `sample` in competition.toml",
            unpack_command(inputs, path) or "edit sample in competition.toml",
        )
    table = read_text_table(file)
    return SampleFile(path, _id_column(settings, table), table)


def find_sample(inputs: Path, settings: Settings) -> str:
    """Return the path, relative to inputs, of the table with "sample" or "submission" in its file name.

    Only tables in inputs and in the folders directly in inputs are considered. A name with both words is preferred, and
    then a table in inputs itself. Raises InputError if no table fits, or if several tables fit equally well.
    """
    paths = _tables(inputs)
    tables = [path for path in paths if path.lower().endswith(TABLES)]
    # if there is no CSV file, a file of another format is returned, and an error then says how to convert it
    for names, words in itertools.product((tables, paths), (("sample", "submi"), ("sample",), ("submi",))):
        for depth in (0, 1):
            others = [
                name for name in names if name not in (settings.train, settings.test) and name.count("/") == depth
            ]
            called = [name for name in others if all(word in name.rpartition("/")[2].lower() for word in words)]
            if len(called) == 1:
                return called[0]
            if called:
                raise InputError(
                    f"there are {len(called)} sample submissions in {inputs}:{listed(called)}",
                    "the path of one of these files as the key `sample` in competition.toml",
                    f'write sample = "{called[0]}" in competition.toml',
                )
    raise InputError(
        f"there is no sample submission among the tables in {inputs}:{listed(paths) or ' no tables'}",
        "a table with sample or submission in its name, such as sample_submission.csv",
        unpack_command(inputs, "sample_submission") or 'write sample = "<path of the table>" in competition.toml',
    )


def _tables(inputs: Path) -> list[str]:
    """Return the paths, relative to inputs, of the tables in inputs and then in the folders of inputs."""
    ends = (*TABLES, *OTHER_TABLES)
    paths = [joined(folder, name) for folder, names in walk(inputs, 1) for name in names if name.lower().endswith(ends)]
    return sorted(filter(is_utf8, paths), key=lambda path: (path.count("/"), path))


def _id_column(settings: Settings, table: pd.DataFrame) -> str:
    """Return the name of the column of ids in the sample submission.

    This is the column that the key `id` of competition.toml names; upper and lower case may differ. If there is no such
    column, it is the first column with a name.
    table: the sample submission.
    """
    names = [name for name in table if is_named(name)] or list(table)
    same = [name for name in names if name == settings.id] or [n for n in names if n.lower() == settings.id.lower()]
    return (same or names)[0]


# ---- the columns to fill


def sample_of(settings: Settings, file: SampleFile, classes: tuple[str, ...], metric: Metric) -> Sample:
    """Return the Sample, which says which columns of the sample submission to fill and with what kind of answers.

    file: the sample submission; classes: the class names from competition.toml or the training table. Raises InputError
    if the columns do not fit the classes, if it is not clear which column must be filled, or if the metric needs the
    probability of each class but only one column must be filled. Also raises InputError if rows with
    the same id ask for different answers.
    """
    check_columns(file.table, settings.listed("fill"), "fill", file.path)
    columns = _class_columns(settings, file, classes)
    _check_repeated(file, columns or (_answer_column(settings, file),))
    if columns:
        return Sample(file.path, file.id, "probabilities", columns)
    column = _answer_column(settings, file)
    answer = settings.answer or _answer_of_column(settings, metric, file.path, column)
    return Sample(file.path, file.id, answer, (column,))


def _check_repeated(file: SampleFile, filled: tuple[str, ...]) -> None:
    """Raise InputError if rows with the same id differ in a column that is not filled, because they want two answers.

    filled: the names of the columns that must be filled.
    """
    rows = file.rows[file.rows[file.id].duplicated(keep=False)].drop(columns=list(filled))
    kept = [file.id, *(name for name in rows if name in file.others)]
    twice = rows[rows[file.id].isin(rows[kept].drop_duplicates()[file.id].loc[lambda ids: ids.duplicated()])]
    if twice.empty:
        return
    differing = [name for name in kept[1:] if (twice.groupby(file.id)[name].nunique(dropna=False) > 1).any()]
    values = [f"{row[file.id]}: {', '.join(row[name] for name in differing)}" for row in twice.to_dict("records")]
    raise InputError(
        f"{len(twice)} rows of {file.path} have repeated ids in the column {file.id}, but differ in "
        f"{', '.join(differing)}:{listed(values)}",
        "rows with the same id that are equal except for the answers, because they get the same answer",
        'write id = "<a column whose value is different in each row>" in competition.toml',
    )


def _class_columns(settings: Settings, file: SampleFile, classes: tuple[str, ...]) -> tuple[str, ...]:
    """Return the columns of the sample submission that each belong to one class, or () if one column holds all answers.

    A column may have the name or the number of its class. The order is that of the key `fill` of competition.toml or,
    without this key, of the file. Raises InputError for a column of numbers that belongs to no class, and for a class
    without a column. If the target is multilabel, classes may lack a column.
    classes: the class names.
    """
    if settings.answer not in ("", "probabilities") or settings.target == "regression":
        return ()
    candidates = settings.listed("fill") or tuple(file.others)
    known = {same_value(name) for name in classes}
    if not known & set(map(same_value, candidates)) and set(candidates) == {str(c) for c in range(len(classes))}:
        return candidates
    columns = tuple(name for name in candidates if same_value(name) in known)
    if len(columns) < 2 and not settings.answer:
        return ()
    strange = [name for name in candidates if name not in columns and (settings.fill or _is_numeric(file.table[name]))]
    missing = known - set(map(same_value, columns)) if settings.target != "multilabel" or not columns else set()
    if strange or missing:
        raise _other_classes(file.path, sorted(missing), strange)
    return columns


def _is_numeric(column: pd.Series) -> bool:
    return bool(pd.to_numeric(column, errors="coerce").notna().all())


def _other_classes(path: str, missing: list[str], strange: list[str]) -> InputError:
    parts = []
    if missing:
        parts.append(f"{path} has no column for {len(missing)} training label(s): {', '.join(missing[:20])}")
    if strange:
        shown = ", ".join(strange[:20])
        parts.append(f"{path} has {len(strange)} column(s) that are not training labels: {shown}")
    return InputError(
        "; ".join(parts),
        "the same classes as in the training table, or the keys `classes` and `fill` in competition.toml",
        EDIT,
    )


def _answer_column(settings: Settings, file: SampleFile) -> str:
    """Return the name of the only column that a submission must fill. Raises InputError unless exactly one column fits.

    The candidates are, in this order: the column that the key `fill` of competition.toml names, the column with the
    name of the label column, the only column except the ids, and a column with a usual name for answers, such as
    "prediction".
    """
    names, wanted = file.others, [*settings.listed("fill")] or [settings.label]
    columns = [name for name in names if name in wanted]
    if not columns and len(names) == 1:
        columns = names
    for known in (str(settings.label).lower(), *ANSWER_NAMES):
        columns = columns or [name for name in names if name.lower() == known]
    if len(columns) != 1:
        raise InputError(
            f"it is not clear which column of {file.path} to fill: {', '.join(map(str, file.table))[:1000]}",
            "a column with the name of the label column, or a column for each class",
            'write fill = "<the column to fill>" in competition.toml',
        )
    return columns[0]


def _answer_of_column(settings: Settings, metric: Metric, path: str, column: str) -> str:
    """Return the kind of answers for a single column to fill: number, ranking, probability, labels, index or label.

    The target and the metric decide. The section "Answers" of docs/competition.md explains the kinds.
    path, column: the sample submission and the column to fill, for the error. Raises InputError if the metric needs the
    probabilities of several classes.
    """
    target, probabilistic = settings.target, metric.needs in ("probabilities", "ranks")
    if target == "regression" or (target == "ordinal" and metric.needs == "values"):
        return "number"
    if metric.needs == "ranking":
        return "ranking"
    if target == "binary" and probabilistic:
        return "probability"
    if probabilistic:
        raise InputError(
            f'metric "{metric.name}" needs probabilities, but {path} has only the column {column} to fill',
            "a column for each class, or another metric",
            'if the competition wants labels, write answer = "label" in competition.toml',
        )
    if target == "multilabel":
        return "labels"
    return "index" if settings.attributes else "label"  # the tables have no name for a combination of attributes


# ---- the exact text of the sample submission, into which a submission is written


def raw_sample(competition: Competition, inputs: Path) -> RawTable:
    """Read the sample submission with the exact text of every field.

    Raises InputError if the file or one of its columns is missing.
    """
    path = inputs / competition.sample.file
    run = "the same command with INPUTS=<the folder of the data>, or correct `sample` in competition.toml"
    return read_raw_csv(path, (competition.sample.id, *competition.sample.columns), run)


def sample_ids(sample: RawTable, competition: Competition) -> list[str]:
    """Return the id of each row of the sample submission. An id may occur in several rows."""
    return sample.column(competition.sample.id)


def sample_ids_here(competition: Competition, inputs: Path) -> list[str] | None:
    """Return the ids in the sample submission, each once, or None if there is no such file in the folder `inputs`."""
    if not (competition.sample and (inputs / competition.sample.file).is_file()):
        return None
    return list(dict.fromkeys(sample_ids(raw_sample(competition, inputs), competition)))


def check_same_ids(expected: Iterable[str], found: Iterable[str], where: str, run: str) -> None:
    """Raise InputError unless `found` has each id in `expected` equally often, in any order, and no other id.

    expected: the ids of the sample submission; where: the path of the file with the ids in `found`, for the error; run:
    what the error tells the user to run.
    """
    expected, found = Counter(list(expected)), Counter(list(found))
    more, fewer = found - expected, expected - found
    problems = {
        "repeated": [name for name in more if name in expected],
        "missing": sorted(fewer),
        "extra": sorted(name for name in more if name not in expected),
    }
    for kind, ids in problems.items():
        if ids:
            often = "exactly once" if max(expected.values(), default=1) == 1 else "as often as there"
            raise InputError(
                f"{len(ids)} {kind} id(s) in {where}:{listed(ids)}",
                f"each of the {len(expected)} ids of the sample submission {often}",
                run,
            )
