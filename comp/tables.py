"""Read CSV files in any usual encoding and with any usual separator.

The module has four sections:
1. Split the text of a CSV file into rows and fields. A raw field is the text of a field together with its quotes.
2. Recognise the encoding, the separator and the column names of a file.
3. `read_table` reads a file as a pandas table, and `line_numbers` finds the line of the file on which each row begins.
4. `RawTable` keeps the exact text of every field. Some fields can be replaced, and all other bytes of the file stay
   unchanged (quotes, numbers such as 0.10 or 000, blank lines, line ends, separator, byte-order mark and encoding).

pandas parses the tables. This module does the rest itself, because pandas does not recognise encodings, does not return
line numbers, and cannot write a file back byte for byte. The package charset-normalizer recognises encodings, but it is
wrong for three of seven short texts that were tried.
"""

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd

from comp.errors import InputError, listed, quoted
from comp.table_formats import advice_to_convert, not_csv, other_format
from comp.text import same_text

UNNAMED = "Unnamed: "  # a column without a name, such as a saved index, gets such a name and its number

# ---- fields


def split_fields(text: str, separator: str) -> tuple[list[list[str]], list[str]]:
    """Split the text of a CSV file into rows, and return two lists: the raw fields and the line end of each row.

    The rows include the header and blank rows. The line end of the last row is "".
    """
    pairs = list(split_records(text, separator))
    return [record for record, _ in pairs], [end for _, end in pairs]


def split_records(text: str, separator: str) -> Iterator[tuple[list[str], str]]:
    """Yield the raw fields (with their quotes) and the line end of each row in the text of a CSV file.

    The rows include the header and blank rows. The line end of the last row is "".
    """
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
    """Return the value of a raw CSV field. The quotes around it are removed, and a doubled quote becomes one quote."""
    if not field.startswith('"'):
        return field
    inside, after = re.fullmatch(r'"([^"]*(?:""[^"]*)*)"?(.*)', field, re.DOTALL).groups()
    return inside.replace('""', '"') + after


def quoted_field(text: str, separator: str, always: bool = False) -> str:
    """Return the value `text` as a field for a CSV file. It is quoted if this is necessary, or if `always` is true."""
    if always or any(mark in text for mark in (separator, '"', "\r", "\n")):
        return '"' + text.replace('"', '""') + '"'
    return text


def is_blank(record: Sequence[str]) -> bool:
    """Return whether all fields of a row are empty, or hold only spaces and quotes.

    record: the raw fields of the row. Such a row is a blank line, or a line with only separators, as Excel may write
    it.
    """
    return not any(field.strip().strip('"').strip() for field in record)


# ---- encoding, separator and column names

SEPARATORS = (",", ";", "\t", "|")
BOM = "\ufeff"
MARKS = {  # each byte-order mark: its encoding
    b"\xef\xbb\xbf": "utf-8",
    b"\xff\xfe\0\0": "utf-32-le",
    b"\0\0\xfe\xff": "utf-32-be",
    b"\xff\xfe": "utf-16-le",
    b"\xfe\xff": "utf-16-be",
}
GUESSED = ("cp949", "cp1252", "latin-1")  # only guesses; Excel writes cp949 in Korea and cp1252 in western countries
PAIR = re.compile(rb"[\x81-\xfe][\x41-\xfe]")  # two bytes that may be a letter in CP949
KOREAN = 0xA1  # smallest second byte of common Korean letters; in western text the second byte is usually smaller
CHUNK = 1 << 20  # bytes that are read at once
FIRST_ROWS = 20  # rows from which a separator is recognised
WIDE = 0.05  # the text is UTF-16 if a larger share of its even bytes, or of its odd bytes, is 0


def encoding_of(data: bytes) -> str:
    """Return the encoding of a text file whose bytes are `data`.

    A byte-order mark, or zeros in every other byte, shows the encoding. Without such a sign, the function returns the
    first encoding that can decode the bytes: UTF-8, CP949 (only if the text then has mostly common Korean letters),
    CP1252, or Latin-1, which can decode all bytes. The decoded text, including a byte-order mark, can be encoded to the
    same bytes again.
    """
    marked = [encoding for mark, encoding in MARKS.items() if data.startswith(mark)]
    for encoding in (*marked[:1], *_wide(data), "utf-8", "cp949", "cp1252"):
        if _decodes(data, encoding) and (encoding != "cp949" or _is_korean(data)):
            return encoding
    return "latin-1"


def _wide(data: bytes) -> list[str]:
    """Return ["utf-16-le"] or ["utf-16-be"] if the positions of the zero bytes show this encoding, and otherwise []."""
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
    """Return the encoding of the file at `path`, as `encoding_of` recognises it."""
    return encoding_of(Path(path).read_bytes())


def advice_to_correct(path: Path) -> str:
    """Return the text with which an error tells the user to correct the table at `path`.

    If the encoding of the table was only guessed, the text also says how to convert the table from another encoding.
    """
    what = other_format(Path(path).read_bytes())
    if what:
        return advice_to_convert(path, what)
    encoding = table_encoding(path)
    if encoding not in GUESSED:
        return f"correct {path}"
    name = quoted(path)
    other = f"iconv -f <its encoding> -t utf-8 {name} > utf8.csv && mv utf8.csv {name}"
    return f"correct {path}, or, if the encoding of the file is not {encoding}, convert it: {other}"


def separator_of(start: str, columns: Sequence[str] = ()) -> str:
    """Return the separator with which the header has all `columns`, or else the one that fits the first rows best.

    start: the text of a CSV file, or a first part of it that has the whole header; columns: the names of columns that
    the header should have, or () if they are not known. A separator fits best if the first rows have as many fields as
    the header, and then if it gives the most columns. If several separators fit, the first of them in SEPARATORS is
    returned.
    """
    names = {separator: header_names(start, separator) for separator in SEPARATORS}
    fitting = [separator for separator in SEPARATORS if columns and set(columns) <= set(names[separator])]
    return fitting[0] if fitting else max(SEPARATORS, key=lambda each: (_fits_rows(start, each), len(names[each])))


def _fits_rows(start: str, separator: str) -> bool:
    """Return whether the first rows that are not blank have as many fields as the header, and more than one."""
    records = islice(split_records(start.removeprefix(BOM), separator), FIRST_ROWS)
    whole = [record for record, end in records if not is_blank(record) and (end or len(start) < CHUNK)]
    return len({len(record) for record in whole}) == 1 and len(whole[0]) > 1


def header_names(start: str, separator: str) -> list[str]:
    """Return the column names in the header, which is the first row that is not blank.

    start: the text of a CSV file, or a first part of it that has the whole header.
    """
    return [column_name(field_value(field)) for field in _first_record(start, separator, is_blank)]


def begins_with_header(start: str, separator: str) -> bool:
    """Return whether the header is the first line that is not empty. A line of separators only is not empty.

    start: the text of a CSV file, or a first part of it that has the whole header.
    """
    return not is_blank(_first_record(start, separator, lambda record: len(record) == 1 and is_blank(record)))


def _first_record(start: str, separator: str, is_skipped: Callable[[list[str]], bool]) -> list[str]:
    records = split_records(start.removeprefix(BOM), separator)
    return next((record for record, _ in records if not is_skipped(record)), [])


def column_name(text: str) -> str:
    """Return a field of the header as a column name: in Unicode NFC, and without the spaces around it."""
    return same_text(text.strip())


class CsvText:
    """A CSV file, read into memory, with its encoding, separator and column names.

    columns: the names of columns that the header should have, from which the separator is recognised. The attribute
    `other` says what the file is if it is not text (see `other_format`); it then has no column names. The attribute
    `zeros` tells whether the file has NUL bytes although it is not UTF-16 or UTF-32, and so is damaged. The attribute
    `plain` tells whether the header is the first line that is not empty.
    """

    def __init__(self, path: Path, columns: Sequence[str] = ()):
        data = path.read_bytes()
        self.path, self.data, self.other = path, data, other_format(data)
        self.encoding = "latin-1" if self.other else encoding_of(data)
        self.zeros = b"\0" in data and not self.encoding.startswith(("utf-16", "utf-32"))
        with self.opened() as file:
            start = "" if self.other else file.read(CHUNK)
        self.separator = separator_of(start, columns)
        self.names = header_names(start, self.separator)
        self.plain = begins_with_header(start, self.separator)

    def opened(self):
        """Return the text of the file as an open file object in memory, without a byte-order mark."""
        file = io.TextIOWrapper(io.BytesIO(self.data), encoding=self.encoding, newline="")
        if file.read(1) != BOM:
            file.seek(0)
        return file

    def records(self) -> Iterator[tuple[int, list[str]]]:
        """Yield, for each row that is not blank, the number of its first line and the list of its values.

        The first row is the header. The first line of the file has the number 1.
        """
        csv.field_size_limit(CHUNK * LARGEST_MB)  # the csv module refuses fields above 128 kB, but pandas reads them
        with self.opened() as file:
            reader, line = csv.reader(file, delimiter=self.separator), 1
            for record in reader:
                if not is_blank(record):
                    yield line, record
                line = reader.line_num + 1


# ---- tables for pandas

LARGEST_MB = 2000


def header_of(path: Path) -> list[str]:
    """Return the column names of the CSV file at `path`, or [] if the file cannot be read."""
    try:
        return CsvText(Path(path)).names
    except OSError:
        return []


def read_table(path: Path, columns: Sequence[str], run: str, text: Sequence | None = None) -> pd.DataFrame:
    """Read a CSV file as a pandas table. The encoding and the separator are recognised.

    columns: the columns that the table must have; it may have more. text: the names or positions of the columns whose
    values stay text, so that ids keep their leading zeros, or None for all columns. run: what the error tells the user
    to do.
    Spaces around column names are removed, and rows without any value are left out. Raises InputError if the file is
    missing, too large or not a table, if it has no rows, lacks one of `columns`, has two columns of the same name, or
    has rows with more fields than the header.
    """
    path = Path(path)
    expected = f"a CSV file with the columns {','.join(columns)}" if columns else "a CSV file"
    if not path.is_file():
        raise InputError(f"there is no file {path}", expected, run)
    if path.stat().st_size > LARGEST_MB * 1e6:
        size = f"{path.stat().st_size / 1e6:,.0f} MB"
        raise InputError(f"{path} has {size}, which is too large", f"a file of at most {LARGEST_MB:,} MB", run)
    try:
        source = CsvText(path, columns)
        if source.other:
            raise not_csv(path, source.other, expected)
        problem, table = _parsed(source, columns, text)
    except (OSError, ValueError) as error:  # pandas' parser errors are ValueErrors
        problem, table = f"is not a readable table: {error}", None
    if problem:
        raise InputError(f"{path} {problem}", expected, run)
    return table


def _parsed(source: CsvText, columns: Sequence[str], text: Sequence | None) -> tuple[str, pd.DataFrame | None]:
    """Return the problem of the table as a text ("" if there is none), and the table (None if it cannot be parsed).

    columns, text: as in `read_table`.
    """
    problem = _header_problem(source, columns)
    if problem:
        return problem, None
    try:
        with source.opened() as file:
            table = _read(file, source, text)
        # if all rows have more fields than the header, pandas makes an index of their first fields
        ragged = not (isinstance(table.index, pd.RangeIndex) and source.plain)
    except pd.errors.ParserError as error:
        if "EOF" in str(error):  # a quote that is not closed makes one field of all rows below it
            raise
        ragged = True
    if ragged:
        problem = _problem_of_long_rows(source)
        table = None if problem else _read(_cut(source), source, text)
    return problem or ("has no rows" if table.empty else ""), table


def _read(file, source: CsvText, text: Sequence | None) -> pd.DataFrame:
    kinds = {"dtype": str}
    if text is not None:  # low_memory would give a column of words and numbers the type of each part of the file
        kinds = {"converters": dict.fromkeys(text, str), "na_values": [""], "low_memory": False}
    names = [name or f"{UNNAMED}{i}" for i, name in enumerate(source.names)]
    # only an empty field is missing, because NA, None and nan may be names
    table = pd.read_csv(file, sep=source.separator, names=names, header=0, keep_default_na=False, **kinds)
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
        return f"has the columns {','.join(names)[:1000]}, but not {','.join(missing)}"
    if not twice:
        return ""
    return f"has the column{'s' * (len(twice) > 1)} {', '.join(twice[:20])} twice (spaces around a name do not count)"


def _problem_of_long_rows(source: CsvText) -> str:
    """Return a text that lists the rows with more fields than the header has, or "" if there are none."""
    size = len(source.names)
    try:
        longer = [
            f"line {line}: {len(record)} fields" for line, record in source.records() if not is_blank(record[size:])
        ]
    except (csv.Error, ValueError) as error:
        return f"is not a readable table: {error}"
    problem = f"has rows with more fields than the {size} of its header: {len(longer)} row(s){listed(longer)}"
    return problem if longer else ""


def _cut(source: CsvText) -> io.StringIO:
    """Return the text of the table without blank rows, with each row cut to as many fields as the header has."""
    file = io.StringIO(newline="")
    size = len(source.names)
    csv.writer(file, delimiter=source.separator).writerows(record[:size] for _, record in source.records())
    file.seek(0)
    return file


def line_numbers(path: Path, rows: int) -> np.ndarray:
    """Return, for each row below the header, the number of the line on which it begins, as an array (rows,) int.

    rows: the number of rows that pandas read from the file. The first line of the file has the number 1. Blank lines
    and line breaks within quotes are counted, too. If wrong quotes make the csv module find another number of rows than
    pandas, the result is 2, 3, 4 and so on.
    """
    lines = [line for line, _ in CsvText(Path(path)).records()][1:]
    return np.array(lines if len(lines) == rows else range(2, rows + 2), int)


# ---- tables whose bytes stay


@dataclass(frozen=True)
class RawTable:
    """The exact text of a CSV file, split into raw fields, which keep their quotes.

    prefix: the byte-order mark, or "" if there is none; records: the raw fields of each row, including the header and
    blank rows; ends: the line end of each row.
    """

    encoding: str
    separator: str
    prefix: str
    records: list[list[str]]
    ends: list[str]

    @property
    def names(self) -> list[str]:
        """The column names, without spaces around them."""
        return [column_name(field_value(field)) for field in self.records[self._filled[0]]] if self._filled else []

    @property
    def rows(self) -> list[list[str]]:
        """The raw fields (with their quotes) of each row below the header. Blank rows are left out."""
        return [self.records[i] for i in self._filled[1:]]

    @property
    def _filled(self) -> list[int]:
        return [i for i, record in enumerate(self.records) if not is_blank(record)]

    def column(self, name: str) -> list[str]:
        """Return the values of the column `name`, without the quotes around them, for all rows that are not blank."""
        place = self.names.index(column_name(name))
        return [field_value(row[place]) for row in self.rows]

    def replaced(self, columns: Mapping[str, Sequence[str]]) -> bytes:
        """Return the bytes of the file with new values in some columns. All other bytes stay unchanged.

        columns: a dictionary from the name of each column to replace to its new values, one for each row that is not
        blank. A new value is quoted if it needs quotes or if the old value was quoted.
        """
        names, records = self.names, [list(record) for record in self.records]
        for name, values in columns.items():
            place = names.index(column_name(name))
            for i, text in zip(self._filled[1:], values, strict=True):
                records[i][place] = quoted_field(text, self.separator, records[i][place].startswith('"'))
        return self._encoded(records)

    def to_bytes(self) -> bytes:
        """Return the bytes of the file as they were read."""
        return self._encoded(self.records)

    def _encoded(self, records: list[list[str]]) -> bytes:
        lines = [self.separator.join(record) + end for record, end in zip(records, self.ends, strict=True)]
        try:
            return (self.prefix + "".join(lines)).encode(self.encoding)
        except UnicodeEncodeError as error:
            raise InputError(
                f"the character {error.object[error.start]!r} does not exist in the table's encoding, {self.encoding}",
                "a table in UTF-8",
                f"iconv -f {self.encoding} -t utf-8 <the table> > utf8.csv && mv utf8.csv <the table>",
            ) from None


def read_raw_csv(path: Path, columns: Sequence[str], run: str) -> RawTable:
    """Read the CSV file at `path` as a RawTable.

    columns: the columns that the file must have; run: what the error tells the user to do. Raises InputError if the
    file is missing, lacks one of `columns` or has it twice, has no rows, or has rows with more or fewer fields than the
    header.
    """
    expected = f"a CSV file with the columns {','.join(columns)}"
    if not path.is_file():
        raise InputError(f"there is no file {path}", expected, run)
    data = path.read_bytes()
    if what := other_format(data):
        raise not_csv(path, what, expected)
    table = parse_raw_csv(data, columns)
    problem = _problem_of_raw(table, columns)
    if problem:
        raise InputError(f"{path} {problem}", expected, run)
    return table


def parse_raw_csv(data: bytes, columns: Sequence[str] = ()) -> RawTable:
    """Return the RawTable of a CSV file whose bytes are `data`.

    columns: the names of columns that the header should have, from which the separator is recognised.
    """
    encoding = encoding_of(data)
    text = data.decode(encoding)
    prefix, text = text[: text.startswith(BOM)], text.removeprefix(BOM)
    separator = separator_of(text, columns)
    return RawTable(encoding, separator, prefix, *split_fields(text, separator))


def _problem_of_raw(table: RawTable, columns: Sequence[str]) -> str:
    missing = [column for column in columns if column_name(column) not in table.names]
    twice = [column for column in columns if table.names.count(column_name(column)) > 1]
    if missing or twice:
        wrong = f"with {twice[0]} twice" if twice else f"but not {','.join(missing)}"
        return f"has the columns {','.join(table.names)[:200]}, {wrong}"
    rows, count = table.rows, len(table.names)
    bad = next((i for i, row in enumerate(rows, 1) if len(row) < count or not is_blank(row[count:])), 0)
    if bad:
        more = "more" if len(rows[bad - 1]) > count else "fewer"
        return f"has rows with {more} fields than its header: row {bad} has {len(rows[bad - 1])} fields, not {count}"
    return "" if rows else "has no rows"
