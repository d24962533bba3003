"""Find the encoding, the separator and the column names of a CSV file."""

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
GUESSED = ("cp949", "cp1252", "latin-1")  # can only be guessed: Excel writes them in Korea and the west
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


def separator_of(start: str, columns: Sequence[str] = ()) -> str:
    """The separator for which the header has all `columns`, else the one that gives most columns (a comma first).

    start: the text of the file, or a beginning that includes the header.
    """
    names = {separator: header(start, separator) for separator in SEPARATORS}
    fitting = [separator for separator in SEPARATORS if columns and set(columns) <= set(names[separator])]
    return fitting[0] if fitting else max(SEPARATORS, key=lambda separator: len(names[separator]))


def header(start: str, separator: str) -> list[str]:
    """The names in the first record that is not blank."""
    return [column_name(value(field)) for field in _first(start, separator, is_blank)]


def begins_with_header(start: str, separator: str) -> bool:
    """Whether no record with separators only comes before the header; empty lines are allowed."""
    return not is_blank(_first(start, separator, lambda record: len(record) == 1 and is_blank(record)))


def _first(start: str, separator: str, skipped: Callable[[list[str]], bool]) -> list[str]:
    found = (record for record, _ in records(start.removeprefix(BOM), separator) if not skipped(record))
    return next(found, [])


def column_name(text: str) -> str:
    """The column name in a field of the header: without spaces around it, in Unicode NFC."""
    return same_text(text.strip())


def is_blank(record: Sequence[str]) -> bool:
    """Whether no field has a value: a blank line, or separators only, as Excel writes at the end."""
    return not any(field.strip().strip('"').strip() for field in record)
