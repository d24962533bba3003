"""CSV tables with the exact text of every field: some fields can be replaced, all other bytes stay unchanged.

Quotes, numbers such as 0.10 or 000, blank lines, line ends, separator, byte-order mark and encoding are kept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from comp.errors import InputError
from comp.io.csv_fields import decode, quoted, records, split, value

SEPARATORS = (",", ";", "\t", "|")
BOM = "\ufeff"


@dataclass(frozen=True)
class RawTable:
    """The text of a CSV file. records: lists of raw fields, the header first; ends: the line end of each record.

    prefix: the byte-order mark or "". A record of one blank field is a blank line.
    """

    encoding: str
    separator: str
    prefix: str
    records: list[list[str]]
    ends: list[str]

    @property
    def names(self) -> list[str]:
        """The names of the columns."""
        return [value(field) for field in self.records[self._filled[0]]] if self._filled else []

    @property
    def rows(self) -> list[list[str]]:
        """The records below the header, without blank lines."""
        return [self.records[i] for i in self._filled[1:]]

    @property
    def _filled(self) -> list[int]:
        return [i for i, record in enumerate(self.records) if len(record) > 1 or record[0].strip()]

    def column(self, name: str) -> list[str]:
        """The values of a column, without quotes."""
        place = self.names.index(name)
        return [value(row[place]) for row in self.rows]

    def replaced(self, columns: Mapping[str, Sequence[str]]) -> bytes:
        """The file with other values in some columns. They are quoted if necessary, or if the old value was quoted."""
        names, records = self.names, [list(record) for record in self.records]
        for name, values in columns.items():
            place = names.index(name)
            for i, text in zip(self._filled[1:], values, strict=True):
                records[i][place] = quoted(text, self.separator, records[i][place].startswith('"'))
        return self._encoded(records)

    def _encoded(self, records: list[list[str]]) -> bytes:
        lines = [self.separator.join(record) + end for record, end in zip(records, self.ends, strict=True)]
        try:
            return (self.prefix + "".join(lines)).encode(self.encoding)
        except UnicodeEncodeError as error:
            found = f"{error.object[error.start]!r} cannot be written in the table's encoding, {self.encoding}"
            run = f"iconv -f {self.encoding} -t utf-8 on the table that is filled in"
            raise InputError(found, "a table in UTF-8", run) from None

    def to_bytes(self) -> bytes:
        """The file as it was read, byte for byte."""
        return self._encoded(self.records)


def read(path: Path, columns: Sequence[str], run: str) -> RawTable:
    """The table of a CSV file that has these columns.

    Raises InputError if the file is missing, lacks a column, has no rows, or has rows of different lengths.
    """
    expected = f"a CSV file with {','.join(columns)}"
    if not path.is_file():
        raise InputError(f"no {path}", expected, run)
    table = parse(path.read_bytes(), columns)
    problem = _problem(table, columns)
    if problem:
        raise InputError(f"{path} {problem}", expected, run)
    return table


def _problem(table: RawTable, columns: Sequence[str]) -> str:
    missing = [column for column in columns if column not in table.names]
    if missing:
        return f"has columns {','.join(table.names)[:200]}, not {','.join(missing)}"
    rows, count = table.rows, len(table.names)
    bad = next((i for i, row in enumerate(rows, 1) if len(row) != count), 0)
    if bad:
        more = "more" if len(rows[bad - 1]) > count else "fewer"
        return f"has rows of {more} fields than its header: row {bad} has {len(rows[bad - 1])}, not {count}"
    return "" if rows else "has no rows"


def parse(data: bytes, columns: Sequence[str] = ()) -> RawTable:
    """The table in the bytes of a CSV file. The separator is the first one for which the header has all columns."""
    text, encoding = decode(data)
    prefix, text = text[: text.startswith(BOM)], text.removeprefix(BOM)
    separator = separator_of(text, columns)
    return RawTable(encoding, separator, prefix, *split(text, separator))


def separator_of(text: str, columns: Sequence[str]) -> str:
    """The first separator for which the first line of `text` that is not blank has all `columns`; else a comma."""
    for separator in SEPARATORS:
        for names in records(text, separator):
            if len(names[0]) > 1 or names[0][0].strip():
                if set(columns) <= set(map(value, names[0])):
                    return separator
                break
    return SEPARATORS[0]
