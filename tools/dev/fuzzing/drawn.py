"""What is drawn of a competition: its tables, its photos, and what a judge must know of them."""

import csv
import io
import re
import unicodedata
from dataclasses import dataclass, field


def nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def same(label: str) -> str:
    """Return a label such that all spellings of one label are equal: the Unicode form NFC, and 1 for 1.0."""
    return re.sub(r"^(-?\d+)\.0$", r"\1", nfc(label))


@dataclass
class Photo:
    """A training photo: its path relative to inputs, its labels as the tables write them, its group, its id."""

    path: str
    labels: tuple[str, ...]
    group: str
    id: str


@dataclass
class Table:
    """A table to write: its columns, its rows of texts, and how it is written."""

    columns: list[str]
    rows: list[list[str]]
    separator: str = ","
    encoding: str = "utf-8"
    line_end: str = "\n"

    def bytes(self) -> bytes:
        """The table as the bytes of a CSV file, in UTF-8 if its encoding lacks a letter."""
        text = io.StringIO()
        csv.writer(text, delimiter=self.separator, lineterminator=self.line_end).writerows([self.columns, *self.rows])
        try:
            return text.getvalue().encode(self.encoding)
        except UnicodeEncodeError:
            self.encoding = "utf-8"
            return text.getvalue().encode()


@dataclass
class Drawn:
    """A drawn competition.

    target, answer: what is predicted, and the form of the answers; classes: the labels as the training table writes
    them, in one form each; order: whether the classes must be in this order; photos: the training photos; test: the
    paths of the test photos of each id, in the order of the sample submission; columns: the columns to fill, and for
    each the class that it belongs to, or "" if it is for all; files: the bytes of each file by its path; keys: the
    keys of a competition.toml, or None if none describes the files; odd: what is unusual; refusable: that part of
    `odd` with which the competition may be refused.
    """

    seed: int
    target: str = ""
    answer: str = ""
    classes: list[str] = field(default_factory=list)
    separator: str = ""
    photos: list[Photo] = field(default_factory=list)
    test: dict[str, list[str]] = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=dict)
    sample: Table | None = None
    id: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    keys: dict | None = field(default_factory=dict)
    grouped: bool = False
    inputs: str = "in"
    outputs: str = "out"
    odd: list[str] = field(default_factory=list)
    refusable: list[str] = field(default_factory=list)
