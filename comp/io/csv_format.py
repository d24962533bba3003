"""In which encoding, with which separator and under which names of columns a CSV file was written."""

import codecs
import re
from collections.abc import Callable, Sequence

from comp.io.csv_fields import records, value
from comp.io.unicode_names import same_text

SEPARATORS = (",", ";", "\t", "|")
BOM = "\ufeff"
MARKS = {
    b"\xef\xbb\xbf": "utf-8",
    b"\xff\xfe\0\0": "utf-32-le",
    b"\0\0\xfe\xff": "utf-32-be",
    b"\xff\xfe": "utf-16-le",
    b"\xfe\xff": "utf-16-be",
}
GUESSED = ("cp949", "cp1252", "latin-1")  # encodings that a file does not tell: those of Excel in Korea and the west
PAIR = re.compile(rb"[\x81-\xfe][\x41-\xfe]")  # what two bytes of a letter in CP949 may be
KOREAN = 0xA1  # the second byte of usual Korean letters is not below; those of western words are plain letters
CHUNK = 1 << 20  # bytes
WIDE = 0.05  # share of the low or high bytes that are 0, from which text is in UTF-16


def encoding_of(data: bytes) -> str:
    """The encoding of a file's bytes, in which its text gives them back.

    By its byte-order mark (which stays in the text), by zeros in every other byte, else the first that fits of UTF-8,
    CP949 (where it gives usual Korean letters) and CP1252, else Latin-1, which fits any bytes.
    """
    marked = [encoding for mark, encoding in MARKS.items() if data.startswith(mark)]
    for encoding in (*marked[:1], *_wide(data), "utf-8", "cp949", "cp1252"):
        if _decodes(data, encoding) and (encoding != "cp949" or _is_korean(data)):
            return encoding
    return "latin-1"


def _wide(data: bytes) -> list[str]:
    """UTF-16 without a mark, where the zeros say so."""
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


def separator_of(start: str, columns: Sequence[str] = ()) -> str:
    """The separator with which the header has all `columns`, else the one that gives it the most (a comma first).

    start: the text of the file, or as much of its beginning as holds the header.
    """
    names = {separator: header(start, separator) for separator in SEPARATORS}
    fitting = [separator for separator in SEPARATORS if columns and set(columns) <= set(names[separator])]
    return fitting[0] if fitting else max(SEPARATORS, key=lambda separator: len(names[separator]))


def header(start: str, separator: str) -> list[str]:
    """The names in the first record that is not blank."""
    return [column_name(value(field)) for field in _first(start, separator, is_blank)]


def begins_with_header(start: str, separator: str) -> bool:
    """Whether the header is the first record that is not an empty line: no record of separators alone before it."""
    return not is_blank(_first(start, separator, lambda record: len(record) == 1 and is_blank(record)))


def _first(start: str, separator: str, skipped: Callable[[list[str]], bool]) -> list[str]:
    found = (record for record, _ in records(start.removeprefix(BOM), separator) if not skipped(record))
    return next(found, [])


def column_name(text: str) -> str:
    """The name that a header's field means: without blanks around it, in one Unicode form."""
    return same_text(text.strip())


def is_blank(record: Sequence[str]) -> bool:
    """Whether no field has a value: a blank line, or one of separators, as Excel leaves them at the end."""
    return not any(field.strip().strip('"').strip() for field in record)
