"""What one asks of a photo: what speaks for the answer, for the truth, or for a higher and a lower number. No torch."""

from dataclasses import dataclass

import numpy as np

from comp.competition import scoring
from comp.competition.competition import Competition

MOST = 6  # labels of one photo that get a map


@dataclass(frozen=True)
class Question:
    """title: for people; value: the probability, or the number.

    place: the class or label; None for a number, then sign: 1 for what raises it, -1 for what lowers it.
    """

    title: str
    value: float
    place: int | None = None
    sign: int = 1


def asked(competition: Competition, probs: np.ndarray, label, number: bool) -> list[Question]:
    """The questions for a photo: probs (C,); label as competition/labels.py has it, or None where it is not known.

    number: whether the model gives a number (a regression, or grades by one).
    """
    if number:
        value = float(probs[0] if competition.target == "regression" else scoring.expectation(probs[None])[0])
        return [Question("raises the number", value, sign=1), Question("lowers the number", value, sign=-1)]
    answer = scoring.answers(competition, probs[None])[0]
    if competition.target == "multilabel":
        return _of_labels(competition, probs, answer, label)
    parts = {int(answer): ["prediction"]}
    if label is not None:
        parts.setdefault(int(label), []).append("truth")
    return [_of_class(competition, probs, place, " and ".join(roles)) for place, roles in parts.items()]


def _of_labels(competition: Competition, probs: np.ndarray, answer: np.ndarray, label) -> list[Question]:
    """One for each label that is predicted or true; the most probable label if there is none."""
    truth = np.zeros(len(probs), bool) if label is None else np.asarray(label) > 0
    places = np.flatnonzero(answer | truth) if (answer | truth).any() else [int(probs.argmax())]
    roles = {(True, True): "prediction and truth", (True, False): "prediction", (False, True): "truth, missed"}
    return [
        _of_class(competition, probs, int(i), roles.get((bool(answer[i]), bool(truth[i])), "most probable"))
        for i in sorted(places, key=lambda i: -probs[i])[:MOST]
    ]


def _of_class(competition: Competition, probs: np.ndarray, place: int, role: str) -> Question:
    return Question(f"{role}: {competition.classes[place]}", float(probs[place]), place)


def named(competition: Competition, label) -> str:
    """A label or an answer in words; empty for None."""
    if label is None:
        return ""
    if competition.target == "regression":
        return f"{float(label):.6g}"
    if competition.target == "multilabel":
        return ", ".join(competition.classes[i] for i in np.flatnonzero(label)) or "no label"
    return competition.classes[int(label)]
