"""One submission from several submission files (`make vote`), for teammates who only have submissions to give.

Classes: each id gets the class that most files name. Probabilities and numbers: the mean. Labels: those in more than half
of the files. Rankings: by the sum of 1 / rank. Ties go to the file that is named first, so the best one is named first.
"""

from collections import defaultdict
from pathlib import Path

import numpy as np

from comp import console, files
from comp.competition.competition import Competition
from comp.errors import InputError
from comp.inputs.sample_submission import sample_ids
from comp.project import Project
from comp.store.paths import submission_csv
from comp.submission import answers, submission_file


def make_vote(project: Project, paths: list[Path]) -> None:
    """Write submission.csv as the vote of these files, unless it is that already."""
    _check_files(paths, project.competition)
    record = submission_file.submission_sources(project, None, [files.digest(path) for path in paths])
    if submission_file.is_current(project.outputs, record):
        console.say(f"{submission_csv(project.outputs)} is up to date: the vote of {len(paths)} files")
        return
    competition, sample = project.competition, submission_file.read_sample(project)
    ids = sample_ids(sample, competition)
    votes = [submission_file.read_answers(path, competition, ids) for path in paths]
    combined = vote(competition, votes)
    source = {"run": "vote", "files": [str(path) for path in paths]}
    data = submission_file.fill(sample, competition, combined)
    submission_file.write_submission(project.outputs, data, source, record)
    _show_agreement(paths, [answers.agreement(competition, own, combined) for own in votes])
    console.say(f"wrote {submission_csv(project.outputs)}: {len(ids)} rows, the vote of {len(votes)} files")


def _check_files(paths: list[Path], competition: Competition) -> None:
    """Raise InputError for fewer than two files, and for files that do not exist."""
    if len(paths) < 2:
        raise InputError(f"{len(paths)} file(s) to vote", "two or more", 'make vote FILES="a.csv b.csv c.csv"')
    missing = [path for path in paths if not path.is_file()]
    if missing:
        sample = competition.sample
        columns = ",".join((sample.id, *sample.columns)) if sample else "the sample's columns"
        raise InputError(
            f"no {', no '.join(map(str, missing))}",
            f"files with {columns}",
            'ls, then make vote FILES="a.csv, b.csv" with the names that it shows',
        )


def _show_agreement(paths: list[Path], agreement: list[tuple[str, float]]) -> None:
    rows = [
        [str(path), f"{value:.4f}" if what == "correlation" else f"{value:.1%}"]
        for path, (what, value) in zip(paths, agreement, strict=True)
    ]
    console.table("agreement with the vote", ["file", agreement[0][0]], rows)


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
