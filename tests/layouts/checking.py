"""What a competition demands of a submission, read with the csv module alone: nothing of comp is used here."""

import csv
from collections.abc import Callable, Iterable
from pathlib import Path


def read(path: Path) -> tuple[list[str], list[list[str]]]:
    """Header and rows of a CSV file, as text."""
    with open(path, encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    return header, rows


def filled(sample: str, columns: Iterable[str], value: Callable[[str], bool], whole: Callable = lambda row: True):
    """A check of a submission: the sample's header, rows in its order, and `columns` filled.

    value says of one filled field whether it may be; whole says so of the filled fields of a row together. All other
    columns must be as the sample has them, byte for byte.
    """

    def check(folder: Path, submission: Path) -> None:
        (header, expected), (written, rows) = read(folder / sample), read(submission)
        places = [header.index(column) for column in columns]
        others = [place for place in range(len(header)) if place not in places]
        assert written == header
        assert len(rows) == len(expected)
        for row, old in zip(rows, expected, strict=True):
            assert [row[place] for place in others] == [old[place] for place in others]
            answers = [row[place] for place in places]
            assert all(map(value, answers)), row
            assert whole(answers), row
        ids = [tuple(row[place] for place in others) for row in rows]
        assert len(set(ids)) == len(ids), "an id stands in two lines"
        assert b"\r" not in submission.read_bytes()

    return check


# What a field may hold


def probability(text: str) -> bool:
    return 0 <= float(text) <= 1


def whole_number(low: int, high: int) -> Callable[[str], bool]:
    """A whole number from low to high, written without a point."""
    return lambda text: text.isdigit() and low <= int(text) <= high


def number(low: float, high: float) -> Callable[[str], bool]:
    return lambda text: low <= float(text) <= high


def one_of(known: Iterable) -> Callable[[str], bool]:
    """One of the names, as the tables write them."""
    names = set(map(str, known))
    return lambda text: text in names


def best(k: int, known: Iterable) -> Callable[[str], bool]:
    """k different known labels with a blank between."""
    names = set(map(str, known))
    return lambda text: len(text.split(" ")) == k == len(set(text.split(" "))) and set(text.split(" ")) <= names


def some_of(known: Iterable) -> Callable[[str], bool]:
    """At least one known label, all different, with a blank between."""
    names = set(map(str, known))
    return lambda text: len(text.split(" ")) == len(set(text.split(" "))) and set(text.split(" ")) <= names


def sums_to_one(answers: list[str]) -> bool:
    """Whether probabilities as printed sum to 1 within one millionth."""
    return abs(sum(map(float, answers)) - 1) <= 1e-6
