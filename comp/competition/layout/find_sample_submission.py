"""The sample submission: its file, its id column and its rows."""

import os
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from comp.competition.layout.archives import unpack_command
from comp.competition.settings import Settings
from comp.errors import InputError, listed
from comp.io.tables import correct, line_numbers, read_table

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


def read_sample(settings: Settings, inputs: Path, path: str = "") -> SampleFile:
    """Read the sample submission. path: relative to inputs; "" to search for it.

    Raises InputError if there is none, if there are several, or if ids repeat.
    """
    path = path or settings.sample or find(settings, Path(inputs))
    file = Path(inputs) / path
    if not file.is_file():
        raise InputError(f'no {file} (sample = "{path}")', "the sample submission",
                         unpack_command(Path(inputs), path) or "edit sample in competition.toml")  # fmt: skip
    table = read_table(file, (), correct(file))
    sample = SampleFile(path, id_column(settings, table), table)
    repeated = table[sample.id].duplicated(keep=False).to_numpy()
    if repeated.any():
        lines = line_numbers(file, len(table))
        names = [f"line {n}: {name}" for n, name in zip(lines[repeated], table[sample.id][repeated], strict=True)]
        raise InputError(f"{len(names)} rows of {file} with repeated ids:{listed(names)}", f"each {sample.id} once",
                         f"delete the repeated rows of {file}")  # fmt: skip
    return sample


def find(settings: Settings, inputs: Path) -> str:
    """The table with "sample" or "submission" in its name, in inputs or one folder below; relative to inputs."""
    for words in (("sample", "submi"), ("sample",), ("submi",)):
        for depth in (0, 1):
            names = [name for name in _tables(inputs, depth) if name not in (settings.train, settings.test)]
            found = [name for name in names if all(word in name.rpartition("/")[2].lower() for word in words)]
            if len(found) == 1:
                return found[0]
            if found:
                raise InputError(f"{len(found)} sample submissions in {inputs}:{listed(found)}", "one of them",
                                 f'sample = "{found[0]}" in competition.toml')  # fmt: skip
    run = unpack_command(inputs, "sample_submission") or 'sample = "its name" in competition.toml'
    there = listed(_tables(inputs, 0) + _tables(inputs, 1)) or " no table at all"
    raise InputError(f"no sample submission in {inputs}:{there}", "a table such as sample_submission.csv", run)


def _tables(inputs: Path, depth: int) -> list[str]:
    """The tables in inputs (depth 0) or in its folders (depth 1), relative to inputs; only file names are read."""
    with os.scandir(inputs) as entries:
        places = [""] if depth == 0 else sorted(f"{entry.name}/" for entry in entries if entry.is_dir())
    return [place + name for place in places for name in sorted(os.listdir(inputs / place))
            if name.lower().endswith(TABLES) and name[0] != "."]  # fmt: skip


def id_column(settings: Settings, table: pd.DataFrame) -> str:
    """The column named by `id`, upper or lower case; else the first column with a name."""
    names = [name for name in table if not name.startswith(UNNAMED)] or list(table)
    same = [name for name in names if name == settings.id] or [n for n in names if n.lower() == settings.id.lower()]
    return (same or names)[0]
