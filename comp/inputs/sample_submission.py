"""The sample submission: its file, its id column and its rows.

Which columns of the sample submission must be filled, and how (`Sample.answer`).
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from comp.competition.competition import Competition, Sample
from comp.competition.competition_toml import Settings
from comp.errors import InputError, listed
from comp.inputs.source_table import check_columns, unpack_command
from comp.metrics.named_metrics import Metric
from comp.tables import RawTable, advice_to_correct, line_numbers, read_raw_csv, read_table
from comp.text import same_text

TABLES = (".csv", ".tsv")
UNNAMED = "Unnamed: "  # the name that pandas gives to a column without one, such as a saved index


@dataclass(frozen=True)
class SampleFile:
    """path: relative to inputs; id: the column of prediction ids; table: its rows, with text columns."""

    path: str
    id: str
    table: pd.DataFrame

    @property
    def others(self) -> list[str]:
        """The columns that have a name, without the id."""
        return [name for name in self.table if name != self.id and not name.startswith(UNNAMED)]


def sample_file(settings: Settings, inputs: Path, path: str = "") -> SampleFile:
    """Read the sample submission. path: relative to inputs; "" to search for it.

    Raises InputError if there is none, if there are several, or if ids repeat.
    """
    path = path or settings.sample or find_sample(settings, Path(inputs))
    file = Path(inputs) / path
    if not file.is_file():
        raise InputError(
            f'no {file} (sample = "{path}")',
            "the sample submission",
            unpack_command(Path(inputs), path) or "edit sample in competition.toml",
        )
    table = read_table(file, (), advice_to_correct(file))
    sample = SampleFile(path, id_column(settings, table), table)
    repeated = table[sample.id].duplicated(keep=False).to_numpy()
    if repeated.any():
        lines = line_numbers(file, len(table))
        names = [f"line {n}: {name}" for n, name in zip(lines[repeated], table[sample.id][repeated], strict=True)]
        raise InputError(
            f"{len(names)} rows of {file} with repeated ids:{listed(names)}",
            f"each {sample.id} once",
            f"delete the repeated rows of {file}",
        )
    return sample


def find_sample(settings: Settings, inputs: Path) -> str:
    """The table with "sample" or "submission" in its name, in inputs or one folder below; relative to inputs."""
    for words in (("sample", "submi"), ("sample",), ("submi",)):
        for depth in (0, 1):
            names = [name for name in _tables(inputs, depth) if name not in (settings.train, settings.test)]
            found = [name for name in names if all(word in name.rpartition("/")[2].lower() for word in words)]
            if len(found) == 1:
                return found[0]
            if found:
                raise InputError(
                    f"{len(found)} sample submissions in {inputs}:{listed(found)}",
                    "one of them",
                    f'sample = "{found[0]}" in competition.toml',
                )
    run = unpack_command(inputs, "sample_submission") or 'sample = "its name" in competition.toml'
    there = listed(_tables(inputs, 0) + _tables(inputs, 1)) or " no table at all"
    raise InputError(f"no sample submission in {inputs}:{there}", "a table such as sample_submission.csv", run)


def _tables(inputs: Path, depth: int) -> list[str]:
    """The tables in inputs (depth 0) or in its folders (depth 1), relative to inputs; only file names are read."""
    with os.scandir(inputs) as entries:
        places = [""] if depth == 0 else sorted(f"{entry.name}/" for entry in entries if entry.is_dir())
    return [
        place + name
        for place in places
        for name in sorted(os.listdir(inputs / place))
        if name.lower().endswith(TABLES) and name[0] != "."
    ]


def id_column(settings: Settings, table: pd.DataFrame) -> str:
    """The column named by `id`, upper or lower case; else the first column with a name."""
    names = [name for name in table if not name.startswith(UNNAMED)] or list(table)
    same = [name for name in names if name == settings.id] or [n for n in names if n.lower() == settings.id.lower()]
    return (same or names)[0]


ANSWER_NAMES = ("label", "target", "prediction", "predicted", "predictions", "class", "category", "answer", "ans")
EDIT = "edit competition.toml"


def sample_of(settings: Settings, file: SampleFile, classes: tuple[str, ...], metric: Metric) -> Sample:
    """The Sample value. classes: from competition.toml or the training table.

    Raises InputError if the columns do not fit the classes, if it is not clear which column must be filled, or if the
    metric needs probabilities and the sample has only one column of labels.
    """
    check_columns(file.table, settings.listed("fill"), "fill", file.path)
    columns = class_columns(settings, file, classes)
    if columns:
        return Sample(file.path, file.id, "probabilities", columns)
    column = answer_column(settings, file)
    return Sample(file.path, file.id, settings.answer or single_column(settings, metric, file.path, column), (column,))


def class_columns(settings: Settings, file: SampleFile, classes: tuple[str, ...]) -> tuple[str, ...]:
    """The columns for single classes, in the order of the file; () if the sample has one column for answers.

    A column may have the name or the number of the class. Raises InputError for columns of numbers that are not
    classes, and for classes without a column; a multilabel sample may ask for some of the labels only.
    """
    if settings.answer not in ("", "probabilities") or settings.target == "regression":
        return ()
    candidates = settings.listed("fill") or tuple(file.others)
    known = {same_text(name) for name in classes}
    if not known & set(map(same_text, candidates)) and set(candidates) == {str(c) for c in range(len(classes))}:
        return candidates
    found = tuple(name for name in candidates if same_text(name) in known)
    if len(found) < 2 and not settings.answer:
        return ()
    strange = [name for name in candidates if name not in found and (settings.fill or _is_numeric(file.table[name]))]
    missing = known - set(map(same_text, found)) if settings.target != "multilabel" or not found else set()
    if strange or missing:
        raise _other_classes(file.path, sorted(missing), strange)
    return found


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
        "; ".join(parts), "the same classes in both; `classes` may name them, and `fill` the columns to fill", EDIT
    )


def answer_column(settings: Settings, file: SampleFile) -> str:
    """The one column to fill: named by `fill`, named like the label, the only one, or one with a usual name."""
    names, wanted = file.others, [*settings.listed("fill")] or [settings.label]
    found = [name for name in names if name in wanted]
    if not found and len(names) == 1:
        found = names
    for known in (str(settings.label).lower(), *ANSWER_NAMES):
        found = found or [name for name in names if name.lower() == known]
    if len(found) != 1:
        raise InputError(
            f"{file.path} has columns {', '.join(map(str, file.table))[:1000]}",
            "one with the name of the label, or one for each class",
            'fill = "its name" in competition.toml',
        )
    return found[0]


def single_column(settings: Settings, metric: Metric, path: str, column: str) -> str:
    """The form of the answers in a single column, from target and metric."""
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
            'answer = "label" in competition.toml, if the competition wants labels',
        )
    if target == "multilabel":
        return "labels"
    return "index" if settings.attributes else "label"  # the tables have no name for a combination of attributes


# ---- the sample byte by byte, as a submission is written into it


def read_sample(competition: Competition, inputs: Path) -> RawTable:
    """The sample submission with the text of every field. Raises InputError if it lacks a column or repeats an id."""
    path = inputs / competition.sample.file
    run = "unpack the competition's data again, give INPUTS=<its folder>, or correct `sample` in competition.toml"
    table = read_raw_csv(path, (competition.sample.id, *competition.sample.columns), run)
    ids = sample_ids(table, competition)
    check_same_ids(dict.fromkeys(ids), ids, str(path), run)
    return table


def sample_ids(sample: RawTable, competition: Competition) -> list[str]:
    """The ids of the sample submission, in its order."""
    return sample.column(competition.sample.id)


def sample_ids_here(competition: Competition, inputs: Path) -> list[str] | None:
    """The test ids that every run must predict; None if the sample submission is not on this machine."""
    if not (competition.sample and (inputs / competition.sample.file).is_file()):
        return None
    return sample_ids(read_sample(competition, inputs), competition)


def check_same_ids(expected: Iterable[str], found: Iterable[str], where: str, run: str) -> None:
    """Raise InputError if ids are missing, extra or repeated in `where`, a file."""
    expected, found = pd.Index(list(expected)), pd.Index(list(found))
    problems = {
        "repeated": found[found.duplicated()],
        "missing": expected.difference(found),
        "extra": found.difference(expected),
    }
    for kind, ids in problems.items():
        if len(ids):
            raise InputError(
                f"{len(ids)} {kind} id(s) in {where}:{listed(ids)}",
                f"the {len(expected)} ids of the sample submission, once each",
                run,
            )
