"""One submission from several, for teammates who only have submissions to give. Answers are those of answers.py."""

from collections import defaultdict

import numpy as np

from comp.competition.competition import Competition
from comp.submission import answers


def vote(competition: Competition, votes: list[np.ndarray]) -> np.ndarray:
    """The common answers of F files, each in the sample's form and in the same order of rows.

    Classes: the majority; probabilities and numbers: the mean; labels: those of more than half of the files; rankings:
    by the sum of 1 / rank. Ties go to the earliest file.
    """
    answer = answers.form(competition)
    if answer in answers.CLASSES:
        return majority(np.stack(votes))
    if answer == "labels":
        return more_than_half(np.stack(votes), competition.at_least_one)
    if answer == "ranking":
        return by_rank(votes, answers.ranked(competition))
    return np.mean(votes, axis=0)


def majority(votes: np.ndarray) -> np.ndarray:
    """The class (N,) that most of votes (F, N) name; of equally many, the one that the earliest file names."""
    counts = np.stack([(votes == own).sum(0) for own in votes])  # (F, N): how many files say what this one says
    return votes[counts.argmax(0), np.arange(votes.shape[1])]


def more_than_half(votes: np.ndarray, at_least_one: bool) -> np.ndarray:
    """Labels (N, C) bool that more than half of votes (F, N, C) have; at_least_one: else the most frequent one."""
    counts = votes.sum(0)
    chosen = counts * 2 > len(votes)
    if at_least_one:
        empty = ~chosen.any(1)
        first = counts + 0.5 * votes[0]  # ties go to the first file's labels
        chosen[empty, first[empty].argmax(1)] = True
    return chosen


def by_rank(votes: list[np.ndarray], count: int) -> np.ndarray:
    """The `count` classes (N, count) with the largest sums of 1 / rank over the files; -1 where there are fewer."""
    made = np.full((len(votes[0]), count), -1)
    for i, rankings in enumerate(zip(*votes, strict=True)):
        points: dict[int, float] = defaultdict(float)
        for ranking in rankings:
            for rank, c in enumerate(ranking[ranking >= 0].tolist(), 1):
                points[c] += 1 / rank
        best = sorted(points, key=points.get, reverse=True)[:count]  # stable: ties in the order of the files
        made[i, : len(best)] = best
    return made
