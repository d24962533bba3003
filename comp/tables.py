"""CSV tables as people write them: any usual encoding and separator, line numbers, and clear errors. No torch.

1. Fields: the text of a CSV file as raw fields, with their quotes.
2. Format: the encoding, the separator and the column names of a file.
3. `read_table` gives a pandas table, `line_numbers` the lines of its rows as an editor counts them.
4. `RawTable` keeps the exact text of every field: some fields can be replaced, and all other bytes stay as they are
   (quotes, numbers such as 0.10 or 000, blank lines, line ends, separator, byte-order mark and encoding).

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
    """The records of raw fields and their line ends; joined together they are `text` again."""
    pairs = list(split_records(text, separator))
    return [record for record, _ in pairs], [end for _, end in pairs]


def split_records(text: str, separator: str) -> Iterator[tuple[list[str], str]]:
    """Yield the raw fields and the line end of each record; the last line end is empty."""
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
    """The value of a raw field: without the quotes around it, and with doubled quotes as one."""
    if not field.startswith('"'):
        return field
    inside, after = re.fullmatch(r'"([^"]*(?:""[^"]*)*)"?(.*)', field, re.DOTALL).groups()
    return inside.replace('""', '"') + after


def quoted_field(text: str, separator: str, always: bool = False) -> str:
    """The raw field for a value: quoted if necessary, or always."""
    if always or any(mark in text for mark in (separator, '"', "\r", "\n")):
        return '"' + text.replace('"', '""') + '"'
    return text


def is_blank(record: Sequence[str]) -> bool:
    """Whether no field has a value: a blank line, or separators only, as Excel writes at the end."""
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
GUESSED = ("cp949", "cp1252", "latin-1")  # can only be guessed: Excel writes them in Korea and in the west
PAIR = re.compile(rb"[\x81-\xfe][\x41-\xfe]")  # two bytes that may be a letter in CP949
KOREAN = 0xA1  # smallest second byte of common Korean letters; in western text it is a plain letter
CHUNK = 1 << 20  # bytes
WIDE = 0.05  # if more of the low or high bytes are 0, the text is UTF-16


def encoding_of(data: bytes) -> str:
    """The encoding of the bytes of a file; encoding the text again gives the same bytes.

    It is recognised by the byte-order mark (which stays in the text) or by zeros in every other byte. Else it is the
    first one that fits: UTF-8, CP949 (if it gives common Korean letters), CP1252, or Latin-1, which always fits.
    """
    marked = [encoding for mark, encoding in MARKS.items() if data.startswith(mark)]
    for encoding in (*marked[:1], *_wide(data), "utf-8", "cp949", "cp1252"):
        if _decodes(data, encoding) and (encoding != "cp949" or _is_korean(data)):
            return encoding
    return "latin-1"


def _wide(data: bytes) -> list[str]:
    """UTF-16 without a mark, if the positions of zeros show it; else []."""
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
    """The encoding of a file; see `encoding_of`."""
    return encoding_of(Path(path).read_bytes())


def advice_to_correct(path: Path) -> str:
    """What to do about a wrong table of the user's; if its encoding was guessed, also how to give the right one."""
    encoding = table_encoding(path)
    if encoding not in GUESSED:
        return f"correct {path}"
    name = shlex.quote(str(path))
    other = f"iconv -f <its encoding> -t utf-8 {name} > utf8.csv && mv utf8.csv {name}"
    return f"correct {path}, or, where {encoding} is not its encoding: {other}"


def separator_of(start: str, columns: Sequence[str] = ()) -> str:
    """The separator for which the header has all `columns`, else the one that gives most columns (a comma first).

    start: the text of the file, or a beginning that includes the header.
    """
    names = {separator: header_names(start, separator) for separator in SEPARATORS}
    fitting = [separator for separator in SEPARATORS if columns and set(columns) <= set(names[separator])]
    return fitting[0] if fitting else max(SEPARATORS, key=lambda separator: len(names[separator]))


def header_names(start: str, separator: str) -> list[str]:
    """The names in the first record that is not blank."""
    return [column_name(field_value(field)) for field in _first_record(start, separator, is_blank)]


def begins_with_header(start: str, separator: str) -> bool:
    """Whether no record with separators only comes before the header; empty lines are allowed."""
    return not is_blank(_first_record(start, separator, lambda record: len(record) == 1 and is_blank(record)))


def _first_record(start: str, separator: str, is_skipped: Callable[[list[str]], bool]) -> list[str]:
    records = split_records(start.removeprefix(BOM), separator)
    return next((record for record, _ in records if not is_skipped(record)), [])


def column_name(text: str) -> str:
    """The column name in a field of the header: without spaces around it, in Unicode NFC."""
    return same_text(text.strip())


class CsvText:
    """A CSV file with its encoding, separator and column names.

    zeros: whether it has NUL bytes that are no part of a letter; plain: see `begins_with_header`.
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
        """The text without its byte-order mark, as a file. The file on disk is not opened again."""
        file = io.TextIOWrapper(io.BytesIO(self.data), encoding=self.encoding, newline="")
        if file.read(1) != BOM:
            file.seek(0)
        return file

    def records(self) -> Iterator[tuple[int, list[str]]]:
        """Yield first line and fields of each record, with the header and without blank records."""
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
    """The column names of a file; [] if it cannot be read."""
    try:
        return CsvText(Path(path)).names
    except OSError:
        return []


def read_table(path: Path, columns: Sequence[str], run: str, text: Sequence | None = None) -> pd.DataFrame:
    """A table with a header and at least one row; its encoding and separator are recognised.

    columns: those that it must have, others are kept; text: names or positions of columns that stay as they are written
    (ids keep their leading zeros), None for all; run: the command of the error if the table is wrong.
    Names of columns lose the spaces around them; rows without any value are left out.
    Raises InputError for a file that is missing, too large, not a table, without those columns, with a column twice, or
    with rows of more fields than the header.
    """
    path = Path(path)
    expected = f"a CSV file with {','.join(columns)}" if columns else "a CSV file"
    if not path.is_file():
        raise InputError(f"no {path}", expected, run)
    if path.stat().st_size > LARGEST_MB * 1e6:
        raise InputError(f"{path} has {path.stat().st_size / 1e6:,.0f} MB", f"at most {LARGEST_MB}", run)
    try:
        problem, table = _parsed(CsvText(path, columns), columns, text)
    except (OSError, ValueError) as error:  # pandas' parser errors are ValueErrors
        problem, table = f"is not a readable table: {error}", None
    if problem:
        raise InputError(f"{path} {problem}", expected, run)
    return table


def _parsed(source: CsvText, columns: Sequence[str], text: Sequence | None) -> tuple[str, pd.DataFrame | None]:
    """What is wrong with a table, and the table."""
    problem = _header_problem(source, columns)
    if problem:
        return problem, None
    try:
        with source.opened() as file:
            table = _read(file, source, text)
        # pandas makes an index of fields beyond the header
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
        return f"has NUL bytes, the first on line {line}: it is damaged, or no text"
    if not names:
        return "is empty"
    if missing:
        return f"has columns {','.join(names)[:1000]}, not {','.join(missing)}"
    return f"has the column {', '.join(twice[:20])} twice" if twice else ""


def _problem_of_long_rows(source: CsvText) -> str:
    """A line that names the rows with values beyond the header; "" if there are none."""
    size = len(source.names)
    try:
        longer = [
            f"line {line}: {len(record)} fields" for line, record in source.records() if not is_blank(record[size:])
        ]
    except (csv.Error, ValueError) as error:
        return f"is not a readable table: {error}"
    return f"has rows of more fields than its header of {size}: {len(longer)}{listed(longer)}" if longer else ""


def _cut(source: CsvText) -> io.StringIO:
    """The table without blank records, and without the empty fields that some records have beyond the header."""
    file = io.StringIO(newline="")
    size = len(source.names)
    csv.writer(file, delimiter=source.separator).writerows(record[:size] for _, record in source.records())
    file.seek(0)
    return file


def line_numbers(path: Path, rows: int) -> np.ndarray:
    """The line (rows,) on which each row of the table begins, as an editor counts: the header is usually line 1.

    Blank lines count, and so do line breaks within quotes. If quotes are so wrong that the csv module reads another
    number of rows than pandas did, the rows are counted instead.
    """
    lines = [line for line, _ in CsvText(Path(path)).records()][1:]
    return np.array(lines if len(lines) == rows else range(2, rows + 2), int)


# ---- tables whose bytes stay


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
        """The names of the columns, without spaces around them."""
        return [column_name(field_value(field)) for field in self.records[self._filled[0]]] if self._filled else []

    @property
    def rows(self) -> list[list[str]]:
        """The records below the header, without blank ones."""
        return [self.records[i] for i in self._filled[1:]]

    @property
    def _filled(self) -> list[int]:
        return [i for i, record in enumerate(self.records) if not is_blank(record)]

    def column(self, name: str) -> list[str]:
        """The values of a column, without quotes."""
        place = self.names.index(column_name(name))
        return [field_value(row[place]) for row in self.rows]

    def replaced(self, columns: Mapping[str, Sequence[str]]) -> bytes:
        """The file with other values in some columns. They are quoted if necessary, or if the old value was quoted."""
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
                f"iconv -f {self.encoding} -t utf-8 on the table that is filled in",
            ) from None


def read_raw_csv(path: Path, columns: Sequence[str], run: str) -> RawTable:
    """The table of a CSV file that has these columns.

    Raises InputError if the file is missing, lacks a column, has no rows, or has rows of different lengths.
    """
    expected = f"a CSV file with {','.join(columns)}"
    if not path.is_file():
        raise InputError(f"no {path}", expected, run)
    table = parse_raw_csv(path.read_bytes(), columns)
    problem = _problem_of_raw(table, columns)
    if problem:
        raise InputError(f"{path} {problem}", expected, run)
    return table


def parse_raw_csv(data: bytes, columns: Sequence[str] = ()) -> RawTable:
    """The table that bytes hold; its separator is the one that gives the header these columns, else the most."""
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
