"""Answers in the form that the sample submission asks for.

| Sample.answer | array              | meaning                                                               |
|---------------|--------------------|-----------------------------------------------------------------------|
| index         | (N,) int           | class index                                                           |
| label         | (N,) int           | class index, written as the name of the class                         |
| probability   | (N,) float         | probability of the positive class                                     |
| probabilities | (N, columns) float | a probability for each column of the sample, in their order           |
| labels        | (N, C) bool        | the labels of each row, written with a separator between them         |
| ranking       | (N, k) int         | the k most probable classes, the best first; -1 if there are fewer    |
| number        | (N,) float         | a value within the competition's limits                               |

Write answers as the text fields of a submission. answers.py describes the forms and their arrays.

Read answers from the text fields of a submission: the inverse of answer_writing.py.
"""

from collections.abc import Callable, Sequence

import numpy as np

from comp.competition import scoring
from comp.competition.competition import ANSWERS, Competition
from comp.errors import InputError, listed
from comp.text import finite_number

CLASSES, VALUES = ("index", "label"), ("probability", "probabilities", "number")
RANKED = 5  # length of a ranking if the metric does not say it


def form_of_answers(competition: Competition) -> str:
    """Sample.answer. Raises InputError without a sample submission, and for a form that does not fit the target."""
    if competition.sample is None:
        raise InputError(
            "no sample submission is known",
            'its name in competition.toml, such as sample = "sample_submission.csv"',
            "edit competition.toml, then make folds",
        )
    answer = competition.sample.answer
    fitting = [name for name, targets in ANSWERS.items() if competition.target in targets]
    if answer not in fitting:
        raise InputError(
            f'answer = "{answer}" with target = "{competition.target}"',
            f"one of {', '.join(fitting)}",
            "edit competition.toml, then make folds",
        )
    return answer


def from_probabilities(competition: Competition, probs: np.ndarray) -> np.ndarray:
    """Answers in the form of the sample for probs (N, C), by the plain decision of scoring.py.

    Probabilities of a blend are already adjusted, so that the plain decision gives the answers of its rule.
    """
    answer = form_of_answers(competition)
    if answer in (*CLASSES, "labels"):
        return scoring.answers(competition, probs)
    if answer == "probability":
        return probs[:, 1]
    if answer == "probabilities":
        return probs[:, columns(competition)]
    if answer == "ranking":
        return np.argsort(-probs, axis=1, kind="stable")[:, : ranked(competition)]
    return np.clip(_value_of(competition, probs), *limits(competition))


def _value_of(competition: Competition, probs: np.ndarray) -> np.ndarray:
    """The value of a regression, or the expected grade."""
    return probs[:, 0] if competition.target == "regression" else scoring.expectation(probs)


def limits(competition: Competition) -> tuple[float, float]:
    """The lowest and the highest possible number."""
    return competition.limits if competition.target == "regression" else (0, competition.size - 1)


def columns(competition: Competition) -> list[int]:
    """The class index of each column of the sample, by name, else by number.

    Raises InputError for a column that is not a class.
    """
    names = competition.sample.columns
    for known in (list(competition.classes), [str(c) for c in range(competition.size)]):
        if set(names) <= set(known):
            return [known.index(name) for name in names]
    unknown = [name for name in names if name not in competition.classes]
    raise InputError(
        f"column(s) {', '.join(unknown[:20])} of {competition.sample.file} are not classes",
        f"classes: {', '.join(competition.classes[:20])}",
        "edit `classes` in competition.toml, then make folds",
    )


def separator(competition: Competition) -> str:
    """The text between several labels of a row: as in the training table, else a space."""
    return competition.separator


def ranked(competition: Competition) -> int:
    """The length of a ranking: that of the metric, as in map@5, at most C."""
    return min(competition.metric.ranked or RANKED, competition.size)


def agreement(competition: Competition, first: np.ndarray, second: np.ndarray) -> tuple[str, float]:
    """How alike two submissions are: ("correlation", r) for probabilities and numbers, else ("rows", share of equal).

    Of rankings the best answers are compared. A correlation with a constant is 0, unless both are equal.
    """
    answer = competition.sample.answer
    if answer in VALUES:
        return "correlation", _correlation(np.ravel(first), np.ravel(second))
    if answer == "ranking":
        first, second = first[:, 0], second[:, 0]
    same = first == second
    return "rows", float(np.mean(same.all(1) if same.ndim == 2 else same))


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return float(np.array_equal(first, second))
    return float(np.corrcoef(first, second)[0, 1])


DECIMALS = 8  # for probabilities that must sum to 1 in each row; the floor of the log loss needs 7
DIGITS = 12  # largest number of decimals for others: the shortest text that gives the same float32


def answers_to_text(competition: Competition, answers: np.ndarray) -> dict[str, list[str]]:
    """Column name to text fields (N,), for each column of the sample to fill."""
    answer, names = form_of_answers(competition), competition.sample.columns
    if answer != "probabilities":
        return {names[0]: _WRITE[answer](competition, answers)}
    if competition.sums_to_one and len(names) == competition.size:
        texts = rows_that_sum_to_one(answers, competition.metric.lowest_probability)
        return {name: [row[i] for row in texts] for i, name in enumerate(names)}
    return {name: _probabilities(competition, answers[:, i]) for i, name in enumerate(names)}


def _indices(competition: Competition, answers: np.ndarray) -> list[str]:
    return [str(c) for c in answers.tolist()]


def _names(competition: Competition, answers: np.ndarray) -> list[str]:
    return [competition.classes[c] for c in answers.tolist()]


def _probabilities(competition: Competition, answers: np.ndarray) -> list[str]:
    floor = competition.metric.lowest_probability
    return _decimals(np.clip(answers, floor, 1 - floor))


def _label_sets(competition: Competition, answers: np.ndarray) -> list[str]:
    between, names = separator(competition), np.array(competition.classes, dtype=object)
    return [between.join(names[row]) for row in np.asarray(answers, bool)]


def _rankings(competition: Competition, answers: np.ndarray) -> list[str]:
    return [" ".join(competition.classes[c] for c in row if c >= 0) for row in answers.tolist()]


def _numbers(competition: Competition, answers: np.ndarray) -> list[str]:
    return _decimals(answers)


_WRITE: dict[str, Callable[[Competition, np.ndarray], list[str]]] = {
    "index": _indices,
    "label": _names,
    "probability": _probabilities,
    "labels": _label_sets,
    "ranking": _rankings,
    "number": _numbers,
}


def _decimals(values: np.ndarray) -> list[str]:
    """Decimal numbers without an exponent."""
    values = np.asarray(values, np.float32)
    return [np.format_float_positional(value, precision=DIGITS, trim="0") for value in values]


def rows_that_sum_to_one(probs: np.ndarray, floor: float = 0.0) -> list[list[str]]:
    """Probabilities (N, C) as texts (N, C) that sum to exactly 1 in each row.

    All are rounded, then the largest one of each row is adjusted. With many classes there are more decimals, so that
    the largest one stays positive.
    """
    decimals = max(DECIMALS, int(np.ceil(2 * np.log10(probs.shape[1]))))
    one = 10**decimals
    probs = np.maximum(np.asarray(probs, np.float64), floor)
    units = np.rint(probs / probs.sum(1, keepdims=True) * one).astype(np.int64)
    units[np.arange(len(units)), units.argmax(1)] += one - units.sum(1)
    return [[f"{unit // one}.{unit % one:0{decimals}d}" for unit in row] for row in units.tolist()]


def answers_from_text(
    competition: Competition, fields: dict[str, Sequence[str]], ids: Sequence[str], where: str, run: str
) -> np.ndarray:
    """The inverse of `to_text`; ids (N,) name the rows in messages. Raises InputError for invalid answers."""
    answer = form_of_answers(competition)
    texts = list(fields[competition.sample.columns[0]])
    if answer == "probabilities":
        parsed = [[finite_number(text) for text in fields[name]] for name in competition.sample.columns]
        rows = [None if None in row else list(row) for row in zip(*parsed, strict=True)]
    else:
        read = _READ[answer](competition)
        rows = [read(text) for text in texts]
    bad = [f"{id}: {text!r}" for id, text, row in zip(ids, texts, rows, strict=True) if row is None]
    if bad:
        raise InputError(
            f"{len(bad)} answer(s) of {where} are not {_WHAT[answer]}:{listed(bad)}", _expected_text(competition), run
        )
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
_WHAT = {
    "index": "classes",
    "label": "classes",
    "probability": "probabilities",
    "probabilities": "numbers",
    "labels": "classes",
    "ranking": "classes",
    "number": "numbers",
}


def _expected_text(competition: Competition) -> str:
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
