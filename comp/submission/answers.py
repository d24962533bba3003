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
"""

import numpy as np

from comp.competition import scoring
from comp.competition.competition import ANSWERS, Competition
from comp.errors import InputError

CLASSES, VALUES = ("index", "label"), ("probability", "probabilities", "number")
RANKED = 5  # length of a ranking if the metric has no k


def form(competition: Competition) -> str:
    """Sample.answer. Raises InputError without a sample submission, and for a form that does not fit the target."""
    if competition.sample is None:
        raise InputError("no sample submission is known", "its name in competition.toml, such as "
                         'sample = "sample_submission.csv"', "edit competition.toml, then make folds")  # fmt: skip
    answer = competition.sample.answer
    fitting = [name for name, targets in ANSWERS.items() if competition.target in targets]
    if answer not in fitting:
        raise InputError(f'answer = "{answer}" with target = "{competition.target}"', f"one of {', '.join(fitting)}",
                         "edit competition.toml, then make folds")  # fmt: skip
    return answer


def from_probabilities(competition: Competition, probs: np.ndarray) -> np.ndarray:
    """Answers in the form of the sample for probs (N, C), by the plain decision of scoring.py.

    Probabilities of a blend are already adjusted, so that the plain decision gives the answers of its rule.
    """
    answer = form(competition)
    if answer in (*CLASSES, "labels"):
        return scoring.answers(competition, probs)
    if answer == "probability":
        return probs[:, 1]
    if answer == "probabilities":
        return probs[:, columns(competition)]
    if answer == "ranking":
        return np.argsort(-probs, axis=1, kind="stable")[:, : ranked(competition)]
    return np.clip(_value(competition, probs), *limits(competition))


def _value(competition: Competition, probs: np.ndarray) -> np.ndarray:
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
    raise InputError(f"column(s) {', '.join(unknown[:20])} of {competition.sample.file} are not classes",
                     f"classes: {', '.join(competition.classes[:20])}",
                     "edit `classes` in competition.toml, then make folds")  # fmt: skip


def separator(competition: Competition) -> str:
    """The text between several labels of a row: as in the training table, else a space."""
    return competition.source.get("separator") or " "


def ranked(competition: Competition) -> int:
    """The length of a ranking: the k of the metric, as in map@5, at most C."""
    _, _, k = competition.metric.name.partition("@")
    wanted = int(k) if competition.metric.needs == "ranking" and k.isdecimal() else RANKED
    return min(wanted, competition.size)


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
