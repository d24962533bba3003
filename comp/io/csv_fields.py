"""The raw fields of CSV text, with their quotes."""

import re
from collections.abc import Iterator


def split(text: str, separator: str) -> tuple[list[list[str]], list[str]]:
    """The records of raw fields and their line ends; joined together they are `text` again."""
    pairs = list(records(text, separator))
    return [record for record, _ in pairs], [end for _, end in pairs]


def records(text: str, separator: str) -> Iterator[tuple[list[str], str]]:
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


def value(field: str) -> str:
    """The value of a raw field: without the quotes around it, and with doubled quotes as one."""
    if not field.startswith('"'):
        return field
    inside, after = re.fullmatch(r'"([^"]*(?:""[^"]*)*)"?(.*)', field, re.DOTALL).groups()
    return inside.replace('""', '"') + after


def quoted(text: str, separator: str, always: bool = False) -> str:
    """The raw field for a value: quoted if necessary, or always."""
    if always or any(mark in text for mark in (separator, '"', "\r", "\n")):
        return '"' + text.replace('"', '""') + '"'
    return text
