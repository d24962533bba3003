"""Read CSV tables as people write them, in any usual encoding and with any usual separator. Torch is not imported.

1. Fields: split the text of a CSV file into raw fields, which keep their quotes.
2. Format: recognise the encoding, the separator and the column names of a file.
3. `read_table` returns a pandas table, and `line_numbers` the line of each row as an editor counts lines.
4. `RawTable` keeps the exact text of every field. Some fields can be replaced, and all other bytes of the file stay
   unchanged (quotes, numbers such as 0.10 or 000, blank lines, line ends, separator, byte-order mark and encoding).

pandas parses the tables. The rest is own code, because pandas recognises no encoding, knows no line numbers and cannot
write a file back byte for byte, and because charset-normalizer misreads three of the seven short names of the tests.
"""

import codecs
import csv
import io
import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from comp.errors import InputError, listed
from comp.text import same_text

# ---- fields


def split_fields(text: str, separator: str) -> tuple[list[list[str]], list[str]]:
    """Split `text` into records. Returns the raw fields of each record, and the line end of each record."""
    pairs = list(split_records(text, separator))
    return [record for record, _ in pairs], [end for _, end in pairs]


def split_records(text: str, separator: str) -> Iterator[tuple[list[str], str]]:
    """Yield the raw fields and the line end of each record. The line end of the last record is empty."""
    quotes = r'"[^"]*(?:""[^"]*)*(?:"|\Z)'
    plain = rf"[^{re.escape(separator)}\r\n]*"
    record: list[str] = []
    for match in re.finditer(rf"((?:{quotes})?{plain})({re.escape(separator)}|\r\n|\r|\n|\Z)", text):
        record.append(match[1])
        if match[2] == separator:
            continue
        yield record, match[2]
        record = []
        if not match[2]:
            return


def field_value(field: str) -> str:
    """The value of a raw field, without the quotes around the field and with one quote for each doubled quote."""
    if not field.startswith('"'):
        return field
    inside, after = re.fullmatch(r'"([^"]*(?:""[^"]*)*)"?(.*)', field, re.DOTALL).groups()
    return inside.replace('""', '"') + after


def quoted_field(text: str, separator: str, always: bool = False) -> str:
    """The raw field for the value `text`, in quotes if the value needs them or if `always` is true."""
    if always or any(mark in text for mark in (separator, '"', "\r", "\n")):
        return '"' + text.replace('"', '""') + '"'
    return text


def is_blank(record: Sequence[str]) -> bool:
    """Return whether no field has a value, as in a blank line or in the lines of separators that Excel may write."""
    return not any(field.strip().strip('"').strip() for field in record)


# ---- encoding, separator and column names

SEPARATORS = (",", ";", "\t", "|")
BOM = "\ufeff"
MARKS = {
    b"\xef\xbb\xbf": "utf-8",
    b"\xff\xfe\0\0": "utf-32-le",
    b"\0\0\xfe\xff": "utf-32-be",
    b"\xff\xfe": "utf-16-le",
    b"\xfe\xff": "utf-16-be",
}
GUESSED = ("cp949", "cp1252", "latin-1")  # only guesses; Excel writes cp949 in Korea and cp1252 in the west
PAIR = re.compile(rb"[\x81-\xfe][\x41-\xfe]")  # two bytes that may be a letter in CP949
KOREAN = 0xA1  # smallest second byte of common Korean letters; in western text the second byte is usually smaller
CHUNK = 1 << 20  # bytes
WIDE = 0.05  # if a larger share of the low or of the high bytes is 0, the text is UTF-16


def encoding_of(data: bytes) -> str:
    """The encoding of a file with the bytes `data`. The decoded text can be encoded to the same bytes again.

    The encoding is recognised by a byte-order mark (which stays in the text) or by zeros in every other byte. Without
    such a sign it is the first encoding that fits: UTF-8, CP949 (if the text then has common Korean letters), CP1252,
    or Latin-1, which always fits.
    """
    marked = [encoding for mark, encoding in MARKS.items() if data.startswith(mark)]
    for encoding in (*marked[:1], *_wide(data), "utf-8", "cp949", "cp1252"):
        if _decodes(data, encoding) and (encoding != "cp949" or _is_korean(data)):
            return encoding
    return "latin-1"


def _wide(data: bytes) -> list[str]:
    """The kind of UTF-16, in a list, that the positions of zero bytes show; [] if they show none."""
    head = data[:CHUNK]
    low, high = head[0::2].count(0), head[1::2].count(0)
    if len(data) % 2 or max(low, high) < WIDE * len(head) / 2 or (low and high):
        return []
    encoding = "utf-16-le" if high else "utf-16-be"
    return [encoding] if "\n" in head.decode(encoding, "ignore") else []


def _decodes(data: bytes, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for i in range(0, len(data), CHUNK):
            decoder.decode(data[i : i + CHUNK], final=i + CHUNK >= len(data))
    except UnicodeError:
        return False
    return True


def _is_korean(data: bytes) -> bool:
    pairs = PAIR.findall(data[:CHUNK])
    return 2 * sum(pair[1] >= KOREAN for pair in pairs) >= len(pairs)


def table_encoding(path: Path) -> str:
    """The encoding of the file at `path`; see `encoding_of`."""
    return encoding_of(Path(path).read_bytes())


def advice_to_correct(path: Path) -> str:
    """The advice for a table that the user must correct, or must convert if its encoding was guessed wrongly."""
    encoding = table_encoding(path)
    if encoding not in GUESSED:
        return f"correct {path}"
    name = shlex.quote(str(path))
    other = f"iconv -f <its encoding> -t utf-8 {name} > utf8.csv && mv utf8.csv {name}"
    return f"correct {path}, or, where {encoding} is not its encoding, convert it: {other}"


def separator_of(start: str, columns: Sequence[str] = ()) -> str:
    """The separator with which the header has all `columns`, or, if there is none, has most columns.

    start: the text of the file, or a first part of the text that includes the header. Of several such separators the
    first in SEPARATORS is returned.
    """
    names = {separator: header_names(start, separator) for separator in SEPARATORS}
    fitting = [separator for separator in SEPARATORS if columns and set(columns) <= set(names[separator])]
    return fitting[0] if fitting else max(SEPARATORS, key=lambda separator: len(names[separator]))


def header_names(start: str, separator: str) -> list[str]:
    """The column names in the first record of `start` that is not blank."""
    return [column_name(field_value(field)) for field in _first_record(start, separator, is_blank)]


def begins_with_header(start: str, separator: str) -> bool:
    """Return whether only empty lines come before the header. A record of separators is not an empty line."""
    return not is_blank(_first_record(start, separator, lambda record: len(record) == 1 and is_blank(record)))


def _first_record(start: str, separator: str, is_skipped: Callable[[list[str]], bool]) -> list[str]:
    records = split_records(start.removeprefix(BOM), separator)
    return next((record for record, _ in records if not is_skipped(record)), [])


def column_name(text: str) -> str:
    """The column name in a field of the header, in Unicode NFC and without the spaces around it."""
    return same_text(text.strip())


class CsvText:
    """A CSV file with its encoding, separator and column names.

    columns: the names that `separator_of` looks for. zeros: whether the file has NUL bytes that belong to no letter.
    plain: whether only empty lines come before the header.
    """

    def __init__(self, path: Path, columns: Sequence[str] = ()):
        data = path.read_bytes()
        self.path, self.data, self.encoding = path, data, encoding_of(data)
        self.zeros = b"\0" in data and not self.encoding.startswith(("utf-16", "utf-32"))
        with self.opened() as file:
            start = file.read(CHUNK)
        self.separator = separator_of(start, columns)
        self.names = header_names(start, self.separator)
        self.plain = begins_with_header(start, self.separator)

    def opened(self):
        """The text without its byte-order mark, as an open file in memory. The file on disk is not read again."""
        file = io.TextIOWrapper(io.BytesIO(self.data), encoding=self.encoding, newline="")
        if file.read(1) != BOM:
            file.seek(0)
        return file

    def records(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the number of the first line and the fields of each record. Blank records are left out."""
        csv.field_size_limit(CHUNK * LARGEST_MB)  # the module's own limit is 128 kB, pandas has none
        with self.opened() as file:
            reader, line = csv.reader(file, delimiter=self.separator), 1
            for record in reader:
                if not is_blank(record):
                    yield line, record
                line = reader.line_num + 1


# ---- tables for pandas

LARGEST_MB = 2000


def header_of(path: Path) -> list[str]:
    """The column names of a file; [] if the file cannot be read."""
    try:
        return CsvText(Path(path)).names
    except OSError:
        return []


def read_table(path: Path, columns: Sequence[str], run: str, text: Sequence | None = None) -> pd.DataFrame:
    """Read the CSV file at `path`, which must have a header and at least one row, as a pandas table.

    columns: the columns that the table must have; further columns are kept. text: the names or positions of the columns
    that stay text as in the file (ids keep their leading zeros); None means all columns. run: the command that an
    InputError advises.
    The encoding and the separator are recognised. Column names lose the spaces around them, and rows without any value
    are left out. Raises InputError if the file is missing, too large or not a table, and if the table lacks one of
    `columns`, has two columns of one name, or has rows with more fields than the header.
    """
    path = Path(path)
    expected = f"a CSV file with the columns {','.join(columns)}" if columns else "a CSV file"
    if not path.is_file():
        raise InputError(f"no {path}", expected, run)
    if path.stat().st_size > LARGEST_MB * 1e6:
        raise InputError(f"{path} has {path.stat().st_size / 1e6:,.0f} MB", f"a file of at most {LARGEST_MB:,} MB", run)
    try:
        problem, table = _parsed(CsvText(path, columns), columns, text)
    except (OSError, ValueError) as error:  # pandas' parser errors are ValueErrors
        problem, table = f"is not a readable table: {error}", None
    if problem:
        raise InputError(f"{path} {problem}", expected, run)
    return table


def _parsed(source: CsvText, columns: Sequence[str], text: Sequence | None) -> tuple[str, pd.DataFrame | None]:
    """Return a text that says what is wrong with the table ("" if nothing is), and the table if it can be parsed."""
    problem = _header_problem(source, columns)
    if problem:
        return problem, None
    try:
        with source.opened() as file:
            table = _read(file, source, text)
        # if rows have more fields than the header, pandas makes an index of them
        ragged = not (isinstance(table.index, pd.RangeIndex) and source.plain)
    except pd.errors.ParserError as error:
        if "EOF" in str(error):  # a quote that is not closed would swallow the rows below it
            raise
        ragged = True
    if ragged:
        problem = _problem_of_long_rows(source)
        table = None if problem else _read(_cut(source), source, text)
    return problem or ("has no rows" if table.empty else ""), table


def _read(file, source: CsvText, text: Sequence | None) -> pd.DataFrame:
    kinds = {"dtype": str} if text is None else {"converters": dict.fromkeys(text, str)}
    names = [name or f"Unnamed: {i}" for i, name in enumerate(source.names)]
    table = pd.read_csv(file, sep=source.separator, names=names, header=0, keep_default_na=text is not None, **kinds)
    first = table.iloc[:, 0]
    if not (first.isna() | (first == "")).any():
        return table
    blank = (table.isna() | (table.astype(str).apply(lambda column: column.str.strip()) == "")).all(axis=1)
    return table[~blank].reset_index(drop=True)


def _header_problem(source: CsvText, columns: Sequence[str]) -> str:
    names = source.names
    missing = [column for column in columns if column_name(column) not in names]
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if source.zeros:
        line = source.data.partition(b"\0")[0].count(b"\n") + 1
        return f"has NUL bytes, the first on line {line}, so it is damaged or not a text file"
    if not names:
        return "is empty"
    if missing:
        return f"has columns {','.join(names)[:1000]}, not {','.join(missing)}"
    return f"has the column {', '.join(twice[:20])} twice" if twice else ""


def _problem_of_long_rows(source: CsvText) -> str:
    """A text that lists the rows with values in more fields than the header has; "" if there are none."""
    size = len(source.names)
    try:
        longer = [
            f"line {line}: {len(record)} fields" for line, record in source.records() if not is_blank(record[size:])
        ]
    except (csv.Error, ValueError) as error:
        return f"is not a readable table: {error}"
    return f"has rows of more fields than its header of {size}: {len(longer)} row(s){listed(longer)}" if longer else ""


def _cut(source: CsvText) -> io.StringIO:
    """The text of the table, without blank records and without the empty fields of records longer than the header."""
    file = io.StringIO(newline="")
    size = len(source.names)
    csv.writer(file, delimiter=source.separator).writerows(record[:size] for _, record in source.records())
    file.seek(0)
    return file


def line_numbers(path: Path, rows: int) -> np.ndarray:
    """The line (rows,) on which each row of the table begins, as an editor counts lines (the header is often line 1).

    Blank lines count, and so do line breaks within quotes. If quotes are so wrong that the csv module reads another
    number of rows than pandas did, the rows are numbered from 2 on instead.
    """
    lines = [line for line, _ in CsvText(Path(path)).records()][1:]
    return np.array(lines if len(lines) == rows else range(2, rows + 2), int)


# ---- tables whose bytes stay


@dataclass(frozen=True)
class RawTable:
    """The exact text of a CSV file.

    prefix: the byte-order mark, or "" if there is none. records: the raw fields of each record, also of the header and
    of blank records. ends: the line end of each record.
    """

    encoding: str
    separator: str
    prefix: str
    records: list[list[str]]
    ends: list[str]

    @property
    def names(self) -> list[str]:
        """The names of the columns, without spaces around them."""
        return [column_name(field_value(field)) for field in self.records[self._filled[0]]] if self._filled else []

    @property
    def rows(self) -> list[list[str]]:
        """The records below the header, without blank records."""
        return [self.records[i] for i in self._filled[1:]]

    @property
    def _filled(self) -> list[int]:
        return [i for i, record in enumerate(self.records) if not is_blank(record)]

    def column(self, name: str) -> list[str]:
        """The values of a column, without quotes."""
        place = self.names.index(column_name(name))
        return [field_value(row[place]) for row in self.rows]

    def replaced(self, columns: Mapping[str, Sequence[str]]) -> bytes:
        """The bytes of the file after the values of some columns are replaced.

        columns: the new values of all rows, by column name. A new value is quoted if it needs quotes or if the old
        value is quoted.
        """
        names, records = self.names, [list(record) for record in self.records]
        for name, values in columns.items():
            place = names.index(column_name(name))
            for i, text in zip(self._filled[1:], values, strict=True):
                records[i][place] = quoted_field(text, self.separator, records[i][place].startswith('"'))
        return self._encoded(records)

    def to_bytes(self) -> bytes:
        """The file as it was read, byte for byte."""
        return self._encoded(self.records)

    def _encoded(self, records: list[list[str]]) -> bytes:
        lines = [self.separator.join(record) + end for record, end in zip(records, self.ends, strict=True)]
        try:
            return (self.prefix + "".join(lines)).encode(self.encoding)
        except UnicodeEncodeError as error:
            raise InputError(
                f"{error.object[error.start]!r} cannot be written in the table's encoding, {self.encoding}",
                "a table in UTF-8",
                f"iconv -f {self.encoding} -t utf-8 <the sample> > utf8.csv && mv utf8.csv <the sample>",
            ) from None


def read_raw_csv(path: Path, columns: Sequence[str], run: str) -> RawTable:
    """Read the CSV file at `path`, which must have `columns`, as a RawTable.

    run: the command that an InputError advises.
    Raises InputError if the file is missing, lacks a column, has no rows, or has rows of different lengths.
    """
    expected = f"a CSV file with the columns {','.join(columns)}"
    if not path.is_file():
        raise InputError(f"no {path}", expected, run)
    table = parse_raw_csv(path.read_bytes(), columns)
    problem = _problem_of_raw(table, columns)
    if problem:
        raise InputError(f"{path} {problem}", expected, run)
    return table


def parse_raw_csv(data: bytes, columns: Sequence[str] = ()) -> RawTable:
    """The RawTable of the bytes of a CSV file. columns: the names by which `separator_of` chooses the separator."""
    encoding = encoding_of(data)
    text = data.decode(encoding)
    prefix, text = text[: text.startswith(BOM)], text.removeprefix(BOM)
    separator = separator_of(text, columns)
    return RawTable(encoding, separator, prefix, *split_fields(text, separator))


def _problem_of_raw(table: RawTable, columns: Sequence[str]) -> str:
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
