"""The tables of a page, read back with the standard library's parser: what a reader sees, entities resolved."""

from html.parser import HTMLParser
from pathlib import Path


class _Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tables, self.tags, self.cell, self.text = [], [], None, []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag == "table":
            self.tables.append(("", []))
        if tag == "tr":
            self.tables[-1][1].append([])
        if tag in ("th", "td", "caption"):
            self.cell = ""

    def handle_endtag(self, tag):
        if tag == "caption":
            self.tables[-1] = (self.cell, self.tables[-1][1])
        if tag in ("th", "td"):
            self.tables[-1][1][-1].append(self.cell)
        if tag in ("th", "td", "caption"):
            self.cell = None

    def handle_data(self, data):
        self.text.append(data)
        if self.cell is not None:
            self.cell += data


def _read(path: Path) -> _Reader:
    reader = _Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    return reader


def tables(path: Path) -> dict[str, list[list[str]]]:
    """Title of each table to its rows, the row of column names first."""
    return dict(_read(path).tables)


def text(path: Path) -> str:
    return " ".join(" ".join(_read(path).text).split())


def tags(path: Path) -> list[tuple[str, dict]]:
    """Every element's name and attributes."""
    return _read(path).tags


def column(table: list[list[str]], name: str) -> list[str]:
    """The cells of one column."""
    place = table[0].index(name)
    return [row[place] for row in table[1:]]
