"""Combine several submissions into one, if only the files are available. The forms of answers are in answers.py."""

from collections import defaultdict

import numpy as np

from comp.competition.competition import Competition
from comp.submission import answers


def vote(competition: Competition, votes: list[np.ndarray]) -> np.ndarray:
    """The combined answers of F files. votes: the answers of each file, in the same order of rows.

    Classes: the majority; probabilities and numbers: the mean; labels: those in more than half of the files; rankings:
    by the sum of 1 / rank. Ties go to the earliest file.
    """
    answer = answers.form_of_answers(competition)
    if answer in answers.CLASSES:
        return majority(np.stack(votes))
    if answer == "labels":
        return more_than_half(np.stack(votes), competition.at_least_one)
    if answer == "ranking":
        return by_rank(votes, answers.ranked(competition))
    return np.mean(votes, axis=0)


def majority(votes: np.ndarray) -> np.ndarray:
    """The most frequent class (N,) in votes (F, N); among equally frequent ones, the one in the earliest file."""
    counts = np.stack([(votes == own).sum(0) for own in votes])  # (F, N): how many files have the same answer
    return votes[counts.argmax(0), np.arange(votes.shape[1])]


def more_than_half(votes: np.ndarray, at_least_one: bool) -> np.ndarray:
    """Labels (N, C) bool in more than half of votes (F, N, C). at_least_one: else the most frequent one."""
    counts = votes.sum(0)
    chosen = counts * 2 > len(votes)
    if at_least_one:
        empty = ~chosen.any(1)
        first = counts + 0.5 * votes[0]  # ties go to the first file's labels
        chosen[empty, first[empty].argmax(1)] = True
    return chosen


def by_rank(votes: list[np.ndarray], count: int) -> np.ndarray:
    """The classes (N, count) with the largest sums of 1 / rank over the files; -1 if there are fewer than `count`."""
    rankings = np.full((len(votes[0]), count), -1)
    for i, row in enumerate(zip(*votes, strict=True)):
        points: dict[int, float] = defaultdict(float)
        for ranking in row:
            for rank, c in enumerate(ranking[ranking >= 0].tolist(), 1):
                points[c] += 1 / rank
        best = sorted(points, key=points.get, reverse=True)[:count]  # stable: ties in the order of the files
        rankings[i, : len(best)] = best
    return rankings
