"""CSV tables with the exact text of every field: some fields can be replaced, all other bytes stay unchanged.

Quotes, numbers such as 0.10 or 000, blank lines, line ends, separator, byte-order mark and encoding are kept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from comp.errors import InputError
from comp.io.csv_fields import quoted, split, value
from comp.io.csv_format import BOM, column_name, encoding_of, is_blank, separator_of


@dataclass(frozen=True)
class RawTable:
    """The text of a CSV file. records: lists of raw fields, the header first; ends: the line end of each record.

    prefix: the byte-order mark or "". A record may be blank.
    """

    encoding: str
    separator: str
    prefix: str
    records: list[list[str]]
    ends: list[str]

    @property
    def names(self) -> list[str]:
        """The names of the columns, without blanks around them."""
        return [column_name(value(field)) for field in self.records[self._filled[0]]] if self._filled else []

    @property
    def rows(self) -> list[list[str]]:
        """The records below the header, without those that have no value in any field."""
        return [self.records[i] for i in self._filled[1:]]

    @property
    def _filled(self) -> list[int]:
        return [i for i, record in enumerate(self.records) if not is_blank(record)]

    def column(self, name: str) -> list[str]:
        """The values of a column, without quotes."""
        place = self.names.index(column_name(name))
        return [value(row[place]) for row in self.rows]

    def replaced(self, columns: Mapping[str, Sequence[str]]) -> bytes:
        """The file with other values in some columns. They are quoted if necessary, or if the old value was quoted."""
        names, records = self.names, [list(record) for record in self.records]
        for name, values in columns.items():
            place = names.index(column_name(name))
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
    missing = [column for column in columns if column_name(column) not in table.names]
    twice = [column for column in columns if table.names.count(column_name(column)) > 1]
    if missing or twice:
        wrong = f"{twice[0]} twice" if twice else f"not {','.join(missing)}"
        return f"has columns {','.join(table.names)[:200]}, {wrong}"
    rows, count = table.rows, len(table.names)
    bad = next((i for i, row in enumerate(rows, 1) if len(row) < count or not is_blank(row[count:])), 0)
    if bad:
        more = "more" if len(rows[bad - 1]) > count else "fewer"
        return f"has rows of {more} fields than its header: row {bad} has {len(rows[bad - 1])}, not {count}"
    return "" if rows else "has no rows"


def parse(data: bytes, columns: Sequence[str] = ()) -> RawTable:
    """The table that bytes hold; its separator gives the header these columns, or else the most."""
    encoding = encoding_of(data)
    text = data.decode(encoding)
    prefix, text = text[: text.startswith(BOM)], text.removeprefix(BOM)
    separator = separator_of(text, columns)
    return RawTable(encoding, separator, prefix, *split(text, separator))
