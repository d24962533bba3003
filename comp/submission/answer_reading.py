"""Read answers from the text fields of a submission: the inverse of answer_writing.py."""

from collections.abc import Sequence

import numpy as np

from comp.competition.competition import Competition
from comp.errors import InputError, listed
from comp.io.numbers_as_text import finite_number
from comp.submission.answers import form, separator


def from_text(
    competition: Competition, fields: dict[str, Sequence[str]], ids: Sequence[str], where: str, run: str
) -> np.ndarray:
    """The inverse of `to_text`; ids (N,) name the rows in messages. Raises InputError for invalid answers."""
    answer = form(competition)
    texts = list(fields[competition.sample.columns[0]])
    if answer == "probabilities":
        parsed = [[finite_number(text) for text in fields[name]] for name in competition.sample.columns]
        rows = [None if None in row else list(row) for row in zip(*parsed, strict=True)]
    else:
        read = _READ[answer](competition)
        rows = [read(text) for text in texts]
    bad = [f"{id}: {text!r}" for id, text, row in zip(ids, texts, rows, strict=True) if row is None]
    if bad:
        raise InputError(f"{len(bad)} answer(s) of {where} are not {_WHAT[answer]}:{listed(bad)}",
                         _expected(competition), run)  # fmt: skip
    return _array(competition, rows)


def _array(competition: Competition, rows: list) -> np.ndarray:
    answer = competition.sample.answer
    if answer == "labels":
        chosen = np.zeros((len(rows), competition.size), bool)
        for i, row in enumerate(rows):
            chosen[i, row] = True
        return chosen
    if answer == "ranking":
        rankings = np.full((len(rows), max(map(len, rows), default=1)), -1)
        for i, row in enumerate(rows):
            rankings[i, : len(row)] = row
        return rankings
    return np.array(rows)


def _index_reader(competition: Competition):
    def read(text: str) -> int | None:
        number = finite_number(text)
        return int(number) if number is not None and number % 1 == 0 and 0 <= number < competition.size else None

    return read


def _name_reader(competition: Competition):
    return {name: c for c, name in enumerate(competition.classes)}.get


def _probability_reader(competition: Competition):
    def read(text: str) -> float | None:
        number = finite_number(text)
        return number if number is not None and 0 <= number <= 1 else None

    return read


def _list_reader(competition: Competition, between: str, empty: bool):
    known = _name_reader(competition)

    def read(text: str) -> list[int] | None:
        found = [known(name) for name in text.split(between) if name]
        right = None not in found and len(set(found)) == len(found) and (found or empty)
        return found if right else None

    return read


_READ = {
    "index": _index_reader,
    "label": _name_reader,
    "probability": _probability_reader,
    "labels": lambda competition: _list_reader(competition, separator(competition), not competition.at_least_one),
    "ranking": lambda competition: _list_reader(competition, " ", False),
    "number": lambda competition: finite_number,
}
_WHAT = {"index": "classes", "label": "classes", "probability": "probabilities", "probabilities": "numbers",
         "labels": "classes", "ranking": "classes", "number": "numbers"}  # fmt: skip


def _expected(competition: Competition) -> str:
    """The expected content of a field, for messages."""
    names = ", ".join(competition.classes[:10]) + (", …" if competition.size > 10 else "")
    return {
        "index": f"whole numbers 0 … {competition.size - 1}",
        "label": f"one of {names}",
        "probability": "numbers from 0 to 1",
        "probabilities": "finite numbers",
        "labels": f"each label once, separated by {separator(competition)!r}: {names}",
        "ranking": f"each label once, the best first, separated by spaces: {names}",
        "number": "finite numbers",
    }[competition.sample.answer]
