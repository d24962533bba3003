"""The fields of CSV text as they are written, quotes included."""

import re
from collections.abc import Iterator


def split(text: str, separator: str) -> tuple[list[list[str]], list[str]]:
    """Records of raw fields and what ends each; joined again they are `text`."""
    pairs = list(records(text, separator))
    return [record for record, _ in pairs], [end for _, end in pairs]


def records(text: str, separator: str) -> Iterator[tuple[list[str], str]]:
    """Yield each record's raw fields and its line end; the last one's is empty."""
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
    """The value of a raw field: without the quotes around it, doubled quotes as one."""
    if not field.startswith('"'):
        return field
    inside, after = re.fullmatch(r'"([^"]*(?:""[^"]*)*)"?(.*)', field, re.DOTALL).groups()
    return inside.replace('""', '"') + after


def quoted(text: str, separator: str, always: bool = False) -> str:
    """The raw field of a value: quoted where it has to be, or always."""
    if always or any(mark in text for mark in (separator, '"', "\r", "\n")):
        return '"' + text.replace('"', '""') + '"'
    return text
