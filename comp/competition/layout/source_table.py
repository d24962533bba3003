"""A table of the competition, CSV or COCO JSON, with all columns as text; messages name its rows by line or image."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from comp.competition.layout import coco
from comp.competition.layout.archives import unpack_command
from comp.errors import InputError
from comp.io.tables import correct, line_numbers, read_table


@dataclass(frozen=True)
class SourceTable:
    """path: the file; size: how many rows it has; table: all or some rows as text, the index is the row number."""

    path: Path
    size: int
    table: pd.DataFrame

    @property
    def is_json(self) -> bool:
        """Whether the file is COCO JSON."""
        return self.path.suffix.lower() == ".json"

    def named(self, rows) -> list[str]:
        """A name for each row number: "line 7" in a CSV, the image in a JSON file, where lines would not help."""
        if self.is_json:
            return [f"image {self.table['file_name'][row]}" for row in rows]
        lines = line_numbers(self.path, self.size)
        return [f"line {lines[row]}" for row in rows]


def check_columns(table: pd.DataFrame, names, key: str, file: str) -> None:
    """Raise InputError for a missing column; it lists the existing ones."""
    missing = [name for name in names if name not in table]
    if missing:
        known = ", ".join(map(str, table))
        raise InputError(f"{key}: no column {', '.join(missing[:20])} in {file}", f"one of {known[:1000]}",
                         f"edit {key} in competition.toml")  # fmt: skip


def read_source(inputs: Path, name: str, key: str) -> SourceTable:
    """The table that competition.toml names under `key`. Raises InputError if it is missing or not a table."""
    path = Path(inputs) / name
    if not path.is_file():
        others = sorted(p.name for p in path.parent.glob("*") if p.suffix.lower() in (".csv", ".tsv", ".txt", ".json"))
        expected = f"a table, such as {', '.join(others[:20])}" if others else "a table"
        raise InputError(f'no {path} ({key} = "{name}")', expected,
                         unpack_command(Path(inputs), name) or f"edit {key} in competition.toml")  # fmt: skip
    table = coco.read(path) if path.suffix.lower() == ".json" else read_table(path, (), correct(path))
    return SourceTable(path, len(table), table)
