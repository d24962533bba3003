"""Turn probabilities into answers, and write, read, check and combine answers.

Answers are what a submission has in its answer columns. The form of the answers has a name, which is the value of
Sample.answer:

| Sample.answer | array              | meaning                                                               |
|---------------|--------------------|-----------------------------------------------------------------------|
| index         | (N,) int           | class index                                                           |
| label         | (N,) int           | class index, written as the name of the class                         |
| probability   | (N,) float         | probability of the positive class                                     |
| probabilities | (N, columns) float | a probability for each answer column of the sample submission         |
| labels        | (N, C) bool        | whether a row has each label; written with separators between labels  |
| ranking       | (N, k) int         | the k most probable classes, the best first; -1 for a missing class   |
| number        | (N,) float         | a value (within the limits, if there are any), or the expected grade  |

Everything that differs between the forms is in the dictionary FORMS at the end of the module. To add a form, add an
entry to FORMS, and to ANSWERS in comp/competition/competition.py, which says for which targets each form can be used.

Letters in the shapes: N rows, C classes, F submission files, k classes in a ranking.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from comp.competition import scoring
from comp.competition.competition import ANSWERS, Competition
from comp.errors import InputError, listed
from comp.text import finite_number, number_text, same_value

RANKED = 5  # number of classes in a ranking if the metric has no k
DECIMALS = 8  # decimals of probabilities whose rows must sum to 1; the lowest probability of the log loss needs 7
SUM_TOLERANCE = 1e-9  # rows that must sum to 1 may have sums that differ from 1 by this much


@dataclass(frozen=True)
class AnswerForm:
    """The functions that handle one form of answers, such as class indices or rankings.

    decide: turns probabilities (N, C), with one row for each answer and one column for each class, into answers.
    write: turns answers into text, as one list of N fields for each answer column of the sample submission.
    read: turns such lists of fields into a list of N values, with None for a text that is not valid.
    join: turns the values from `read` into an array of answers.
    vote: combines the answers of several files.
    kind: what valid fields are called in an error, such as "classes".
    expected: returns a description of valid fields for an error.
    limits: returns the lowest and the highest allowed number. This field is None if the answers are not numbers.
    compared: returns the part of the answers that counts when two answers are compared.
    """

    decide: Callable[[Competition, np.ndarray], np.ndarray]
    write: Callable[[Competition, np.ndarray], list[list[str]]]
    read: Callable[[Competition, list[Sequence[str]]], list]
    vote: Callable[[Competition, list[np.ndarray]], np.ndarray]
    kind: str
    expected: Callable[[Competition], str] = lambda competition: "finite numbers"
    join: Callable[[Competition, list], np.ndarray] = lambda competition, rows: np.array(rows)
    limits: Callable[[Competition], tuple[float, float]] | None = None
    compared: Callable[[np.ndarray], np.ndarray] = lambda answers: answers


def form_of_answers(competition: Competition) -> AnswerForm:
    """Return the functions that handle the competition's form of answers.

    Raises InputError if the competition has no sample submission, or if the form does not fit the target.
    """
    if competition.sample is None:
        raise InputError(
            "competition.toml names no sample submission",
            'a line such as sample = "sample_submission.csv"',
            "first edit competition.toml, then run `make folds`",
        )
    answer = competition.sample.answer
    fitting = [name for name, targets in ANSWERS.items() if competition.target in targets]
    if answer not in fitting:
        raise InputError(
            f'competition.toml has answer = "{answer}" with target = "{competition.target}", which do not fit together',
            f"for this target, one of these values of answer: {', '.join(fitting)}",
            "first edit competition.toml, then run `make folds`",
        )
    return FORMS[answer]


def check_columns(competition: Competition) -> None:
    """Raise InputError if no answer can be written into the columns of the sample submission.

    So `make folds` finds what `make sub` would otherwise refuse after all trainings.
    """
    equal = np.full((1, competition.size), 1 / competition.size, np.float32)
    answers_to_text(competition, from_probabilities(competition, equal))


def from_probabilities(competition: Competition, probs: np.ndarray) -> np.ndarray:
    """Turn probabilities into answers, such as the most probable class of each row.

    probs (N, C): the probabilities, with one row for each answer and one column for each class. The probabilities of a
    blend already include its decision rule.
    """
    return form_of_answers(competition).decide(competition, probs)


def answers_to_text(competition: Competition, answers: np.ndarray) -> dict[str, list[str]]:
    """Return the answers as text: for each answer column of the sample submission, its name and the list of its fields.

    The result is a dictionary from the name to the list.
    """
    fields = form_of_answers(competition).write(competition, answers)
    return dict(zip(competition.sample.columns, fields, strict=True))


def answers_from_text(
    competition: Competition, fields: dict[str, Sequence[str]], ids: Sequence[str], where: str, run: str
) -> np.ndarray:
    """Turn the text fields of a submission into an array of answers. This is the inverse of `answers_to_text`.

    fields: a dictionary from each answer column of the sample submission to the list of its fields.
    ids: the ids of the rows.
    where: the name of the file, for the error.
    run: what the error tells the user to do.
    Raises InputError if a field is not a valid answer. The error lists the wrong fields with their ids.
    """
    form = form_of_answers(competition)
    columns = [fields[name] for name in competition.sample.columns]
    rows = form.read(competition, columns)
    bad = [f"{id}: {text!r}" for id, text, row in zip(ids, columns[0], rows, strict=True) if row is None]
    if bad:
        problem = f"{len(bad)} answer(s) in {where} are not {form.kind}:{listed(bad)}"
        raise InputError(problem, form.expected(competition), run)
    return form.join(competition, rows)


def check_range(competition: Competition, answers: np.ndarray, ids: Sequence[str], run: str) -> None:
    """Raise InputError if a number is out of the allowed range, or if a row must sum to 1 and does not.

    Answers that are not numbers are not checked. ids: the ids of the rows, for the error; run: what the error tells the
    user to do.
    """
    form = form_of_answers(competition)
    if form.limits is None:
        return
    low, high = form.limits(competition)
    rows = answers.reshape(len(answers), -1)
    slack = 1e-6 * max(abs(low), abs(high))  # allows for the rounding of float32
    bad = ~(np.isfinite(rows) & (rows >= low - slack) & (rows <= high + slack)).all(1)
    expected = f"numbers from {low:g} to {high:g}" if np.isfinite(high) else "finite numbers"
    if _rows_sum_to_one(competition):
        bad |= np.abs(rows.sum(1) - 1) > SUM_TOLERANCE
        expected += " that sum to 1 in each row"
    if bad.any():
        found = f"{bad.sum()} row(s) of the submission have answers that are not allowed:{listed(np.array(ids)[bad])}"
        raise InputError(found, expected, run)


def vote(competition: Competition, votes: list[np.ndarray]) -> np.ndarray:
    """Combine the answers of several submission files into one array of answers.

    votes: the answers of each file, all with the same order of rows. The result is the most frequent class, or the mean
    of the probabilities or numbers. A label is kept if more than half of the files have it. A ranking has the classes
    with the largest sums of 1 / rank over all files. In a tie, the file that comes first in `votes` decides.
    """
    return form_of_answers(competition).vote(competition, votes)


# ---- properties of the competition that the forms need


def columns(competition: Competition) -> list[int]:
    """Return the class index of each answer column of the sample submission.

    The columns have either the names of the classes or their numbers (the first class is 0). Raises InputError if a
    column has another name.
    """
    names = competition.sample.columns
    for places in (competition.places, {str(c): c for c in range(competition.size)}):
        if set(map(same_value, names)) <= set(places):
            return [places[same_value(name)] for name in names]
    unknown = [name for name in names if same_value(name) not in competition.places]
    raise InputError(
        f"column(s) {', '.join(unknown[:20])} of {competition.sample.file} are not classes",
        f"columns with the names of the classes: {', '.join(competition.classes[:20])}",
        "first edit `classes` in competition.toml, then run `make folds`",
    )


def _ranked(competition: Competition) -> int:
    """Return the number of classes in a ranking: k for a metric such as map@k, else RANKED, but at most all classes."""
    return min(competition.metric.ranked or RANKED, competition.size)


def _limits_of_number(competition: Competition) -> tuple[float, float]:
    if competition.target == "regression":
        return competition.limits or (-math.inf, math.inf)
    return float(min(competition.grade_values)), float(max(competition.grade_values))


def _rows_sum_to_one(competition: Competition) -> bool:
    """Return whether the probabilities in each row of the submission must sum to 1.

    They must if each row has exactly one class and the sample submission has a column for each class.
    """
    return competition.sums_to_one and len(competition.sample.columns) == competition.size


def _class_names(competition: Competition) -> str:
    return ", ".join(competition.classes[:10]) + (", …" if competition.size > 10 else "")


# ---- decide


def _ranking(competition: Competition, probs: np.ndarray) -> np.ndarray:
    return np.argsort(-probs, axis=1, kind="stable")[:, : _ranked(competition)]


def _number(competition: Competition, probs: np.ndarray) -> np.ndarray:
    return scoring.limited(competition, probs).astype(np.float32)


# ---- write


def _write_index(competition: Competition, answers: np.ndarray) -> list[list[str]]:
    return [[str(c) for c in answers.tolist()]]


def _write_name(competition: Competition, answers: np.ndarray) -> list[list[str]]:
    return [[competition.classes[c] for c in answers.tolist()]]


def _write_probability(competition: Competition, answers: np.ndarray) -> list[list[str]]:
    floor = competition.metric.lowest_probability
    return _decimals(competition, np.clip(answers, floor, 1 - floor))


def _write_probabilities(competition: Competition, answers: np.ndarray) -> list[list[str]]:
    if not _rows_sum_to_one(competition):
        return [text for column in answers.T for text in _write_probability(competition, column)]
    rows = rows_that_sum_to_one(answers, competition.metric.lowest_probability)
    return [[row[i] for row in rows] for i in range(answers.shape[1])]


def _write_labels(competition: Competition, answers: np.ndarray) -> list[list[str]]:
    between, names = competition.separator, np.array(competition.classes, dtype=object)
    return [[between.join(names[row]) for row in np.asarray(answers, bool)]]


def _write_ranking(competition: Competition, answers: np.ndarray) -> list[list[str]]:
    return [[" ".join(competition.classes[c] for c in row if c >= 0) for row in answers.tolist()]]


def _decimals(competition: Competition, values: np.ndarray) -> list[list[str]]:
    """Return numbers as text, in decimal form without an exponent. The result is a list with one column of texts."""
    return [list(map(number_text, np.asarray(values)))]


def rows_that_sum_to_one(probs: np.ndarray, floor: float = 0.0) -> list[list[str]]:
    """Return probabilities as decimal texts whose values sum to exactly 1 in each row.

    probs (N, C): the probabilities, with one column for each class; floor: lower probabilities are first raised to this
    value. All probabilities are rounded, and then the largest one in each row is changed so that the sum is 1. If there
    are many classes, the texts have more decimals, so that the largest probability stays positive. The result is a list
    of rows, each a list of C texts.
    """
    decimals = max(DECIMALS, int(np.ceil(2 * np.log10(probs.shape[1]))))
    whole = 10**decimals
    probs = np.maximum(np.asarray(probs, np.float64), floor)
    units = np.rint(probs / probs.sum(1, keepdims=True) * whole).astype(np.int64)
    units[np.arange(len(units)), units.argmax(1)] += whole - units.sum(1)
    return [[f"{unit // whole}.{unit % whole:0{decimals}d}" for unit in row] for row in units.tolist()]


# ---- read and join


def _read_index(competition: Competition, columns: list[Sequence[str]]) -> list:
    numbers = map(finite_number, columns[0])
    return [_whole(number, competition.size) if number is not None else None for number in numbers]


def _whole(number: float, size: int) -> int | None:
    return int(number) if number % 1 == 0 and 0 <= number < size else None


def _read_name(competition: Competition, columns: list[Sequence[str]]) -> list:
    return [competition.places.get(same_value(name)) for name in columns[0]]


def _read_probability(competition: Competition, columns: list[Sequence[str]]) -> list:
    numbers = map(finite_number, columns[0])
    return [number if number is not None and 0 <= number <= 1 else None for number in numbers]


def _read_probabilities(competition: Competition, columns: list[Sequence[str]]) -> list:
    rows = zip(*[map(finite_number, column) for column in columns], strict=True)
    return [None if None in row else list(row) for row in rows]


def _read_number(competition: Competition, columns: list[Sequence[str]]) -> list:
    return list(map(finite_number, columns[0]))


def _read_labels(competition: Competition, columns: list[Sequence[str]]) -> list:
    rows = _read_names(competition, columns[0], competition.separator)
    return [None if row == [] and competition.at_least_one else row for row in rows]


def _read_ranking(competition: Competition, columns: list[Sequence[str]]) -> list:
    return [row or None for row in _read_names(competition, columns[0], " ")]


def _read_names(competition: Competition, texts: Sequence[str], between: str) -> list[list[int] | None]:
    """Return for each text the indices of the classes that it names, or None if a name is unknown or occurs twice.

    between: the separator of the names in a text.
    """
    known = competition.places
    rows = [[known.get(same_value(name)) for name in text.split(between) if name] for text in texts]
    return [None if None in row or len(set(row)) < len(row) else row for row in rows]


def _join_labels(competition: Competition, rows: list[list[int]]) -> np.ndarray:
    chosen = np.zeros((len(rows), competition.size), bool)
    for i, row in enumerate(rows):
        chosen[i, row] = True
    return chosen


def _join_rankings(competition: Competition, rows: list[list[int]]) -> np.ndarray:
    rankings = np.full((len(rows), max(map(len, rows), default=1)), -1)
    for i, row in enumerate(rows):
        rankings[i, : len(row)] = row
    return rankings


# ---- vote


def _majority(competition: Competition, votes: list[np.ndarray]) -> np.ndarray:
    """Return the most frequent class of each row. In a tie, the file that comes first in `votes` decides."""
    stacked = np.stack(votes)  # (F, N)
    counts = np.stack([(stacked == answers).sum(0) for answers in votes])  # (F, N): how many files have this answer
    return stacked[counts.argmax(0), np.arange(stacked.shape[1])]


def _more_than_half(competition: Competition, votes: list[np.ndarray]) -> np.ndarray:
    """Return for each row the labels that more than half of the files have, as an array (N, C) bool.

    If every row of the competition has a label, a row without such labels gets its most frequent label.
    """
    counts = np.stack(votes).sum(0)
    chosen = counts * 2 > len(votes)
    if competition.at_least_one:
        empty = ~chosen.any(1)
        first = counts + 0.5 * votes[0]  # ties go to the first file's labels
        chosen[empty, first[empty].argmax(1)] = True
    return chosen


def _by_rank(competition: Competition, votes: list[np.ndarray]) -> np.ndarray:
    """Combine rankings: sort the classes of each row by the sum of 1 / rank over all files, the largest sum first.

    votes: the rankings of each file. Rankings are arrays (N, k) with k class indices for each of N rows, and -1 for a
    missing class.
    """
    rankings = np.full((len(votes[0]), _ranked(competition)), -1)
    for i, row in enumerate(zip(*votes, strict=True)):
        points: dict[int, float] = defaultdict(float)
        for ranking in row:
            for rank, c in enumerate(ranking[ranking >= 0].tolist(), 1):
                points[c] += 1 / rank
        best = sorted(points, key=points.get, reverse=True)[: rankings.shape[1]]  # ties keep the order of the files
        rankings[i, : len(best)] = best
    return rankings


def _mean(competition: Competition, votes: list[np.ndarray]) -> np.ndarray:
    return np.mean(votes, axis=0)


def _one_of_the_classes(competition: Competition) -> str:
    return f"one of {_class_names(competition)}"


def _class_numbers(competition: Competition) -> str:
    return f"whole numbers from 0 to {competition.size - 1}"


def _separated_labels(competition: Competition) -> str:
    return f"different names of labels with {competition.separator!r} between them: {_class_names(competition)}"


def _ranked_labels(competition: Competition) -> str:
    return f"different names of classes, the best first, with spaces between them: {_class_names(competition)}"


FORMS = {  # decide, write, read, vote, kind, expected
    "index": AnswerForm(scoring.answers, _write_index, _read_index, _majority, "classes", _class_numbers),
    "label": AnswerForm(scoring.answers, _write_name, _read_name, _majority, "classes", _one_of_the_classes),
    "probability": AnswerForm(
        lambda competition, probs: probs[:, 1].astype(np.float32),
        _write_probability,
        _read_probability,
        _mean,
        "probabilities",
        expected=lambda competition: "numbers from 0 to 1",
        limits=lambda competition: (0.0, 1.0),
    ),
    "probabilities": AnswerForm(
        lambda competition, probs: probs[:, columns(competition)],
        _write_probabilities,
        _read_probabilities,
        _mean,
        "numbers",
        limits=lambda competition: (0.0, 1.0),
    ),
    "labels": AnswerForm(
        scoring.answers, _write_labels, _read_labels, _more_than_half, "classes", _separated_labels, join=_join_labels
    ),
    "ranking": AnswerForm(
        _ranking,
        _write_ranking,
        _read_ranking,
        _by_rank,
        "classes",
        _ranked_labels,
        join=_join_rankings,
        compared=lambda rankings: rankings[:, 0],
    ),
    "number": AnswerForm(_number, _decimals, _read_number, _mean, "numbers", limits=_limits_of_number),
}
