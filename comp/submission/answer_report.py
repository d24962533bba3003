"""The report of `make sub`: the distribution of the answers, and the similarity to earlier submissions.

The distribution of the test answers is compared with the distribution of the out-of-fold (OOF) answers, in standard
errors. Rows of a group, such as the photos of one patient, are not independent, so the standard error is computed over
groups. The report assumes that a test row has the same error as an OOF row.

Letters: N rows out of fold, T test rows, C classes.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from comp import console
from comp.competition import scoring
from comp.competition.competition import Competition
from comp.errors import InputError
from comp.submission import submission_file
from comp.submission.answers import form_of_answers, from_probabilities

SHIFT = 4.0  # standard errors; with 18 classes, one submission in a thousand has a larger shift by chance
SHOWN = 10  # number of latest submissions to show, and number of classes to show if there are more than MOST_CLASSES
MOST_CLASSES = 40
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def show_answers(competition: Competition, oof: np.ndarray, groups: np.ndarray, test: np.ndarray) -> None:
    """Print the distribution of the OOF answers and of the test answers. Warn if they differ by more than chance.

    oof (N, C), test (T, C): probabilities. groups (N,): the group of each OOF row.
    """
    if competition.target == "regression" or competition.sample.answer == "probability":
        _show_values(from_probabilities(competition, oof), groups, from_probabilities(competition, test))
    else:
        _show_shares(competition, scoring.answers(competition, oof), groups, scoring.answers(competition, test))


def _show_shares(competition: Competition, oof: np.ndarray, groups: np.ndarray, test: np.ndarray) -> None:
    """Print the share of rows with each class, or with each of the classes that differ most if there are many.

    oof, test: answers as classes (N,), (T,) or as sets of labels (N, C), (T, C).
    """
    size = competition.size
    shares = [np.bincount(_row_and_class(part)[1], minlength=size) / len(part) for part in (oof, test)]
    shifts = share_shifts(oof, groups, test, size)
    shown = np.arange(size) if size <= MOST_CLASSES else np.argsort(-np.abs(shifts), kind="stable")[:SHOWN]
    rows = [
        [f"{c:2d} {competition.classes[c]}", f"{shares[0][c]:.1%}", f"{shares[1][c]:.1%}", f"{shifts[c]:+.1f}"]
        for c in shown
    ]
    title = "predicted classes" + (f": the {SHOWN} of {size} that differ most" if len(shown) < size else "")
    console.table(title, ["class", "out of fold", "test", "standard errors"], rows)
    for c in np.flatnonzero(np.abs(shifts) > SHIFT)[:SHOWN]:
        _warn_of_shift(f"{competition.classes[c]} is {shares[1][c]:.1%} of the test answers and {shares[0][c]:.1%}")


def _show_values(oof: np.ndarray, groups: np.ndarray, test: np.ndarray) -> None:
    """Print the mean and the quantiles of answers that are probabilities or numbers."""
    rows = [
        [name, float(part.mean()), *map(float, np.quantile(part, QUANTILES))]
        for name, part in (("out of fold", oof), ("test", test))
    ]
    console.table("predicted values", ["", "mean", *[f"{q:.0%}" for q in QUANTILES]], rows)
    shift = mean_shift(oof.astype(np.float64), groups, test.astype(np.float64))
    console.say(f"the means differ by {shift:+.1f} standard errors")
    if abs(shift) > SHIFT:
        _warn_of_shift(f"{test.mean():.4g} is the mean of the test answers and {oof.mean():.4g} is the mean")


def _warn_of_shift(difference: str) -> None:
    console.warn(
        f"{difference} of the out-of-fold answers. This difference is more than chance. Do the test photos differ from "
        "the training photos (other subjects, places, cameras or crops)?"
    )


def share_shifts(oof: np.ndarray, groups: np.ndarray, test: np.ndarray, classes: int) -> np.ndarray:
    """The difference (C,) between the shares of each class in the test answers and the OOF answers, in standard errors.

    oof, test: classes (N,) and (T,), or sets of labels (N, C) and (T, C) of 0 and 1. groups (N,): the group of each OOF
    row. classes: C.
    """
    rows, of_class = _row_and_class(oof)
    share = np.bincount(of_class, minlength=classes) / len(oof)
    test_share = np.bincount(_row_and_class(test)[1], minlength=classes) / len(test)
    group_of_row = np.unique(groups, return_inverse=True)[1]
    size = np.bincount(group_of_row)
    # sum over groups of (count - size * share)², from the pairs of group and class that exist
    pairs, counts = np.unique(group_of_row[rows] * classes + of_class, return_counts=True)
    group, c = pairs // classes, pairs % classes
    squares = np.bincount(c, counts**2, classes) - 2 * share * np.bincount(c, counts * size[group], classes)
    variance = (squares + share**2 * (size**2).sum()) / len(oof)  # per row
    # a class with few or no OOF answers gets at least the variance of one answer
    variance = np.maximum(variance, 1 / len(oof))
    return (test_share - share) / np.sqrt(variance * (1 / len(oof) + 1 / len(test)))


def _row_and_class(answers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rows and the classes of all answers, as two arrays with one entry for each answered class."""
    return np.nonzero(answers) if answers.ndim == 2 else (np.arange(len(answers)), answers)


def mean_shift(oof: np.ndarray, groups: np.ndarray, test: np.ndarray) -> float:
    """The difference between the means of the test values (T,) and of the OOF values (N,), in standard errors."""
    group = np.unique(groups, return_inverse=True)[1]
    deviations = np.bincount(group, oof - oof.mean())
    variance = (deviations**2).sum() / len(oof)
    error = np.sqrt(variance * (1 / len(oof) + 1 / len(test)))
    return float((test.mean() - oof.mean()) / error) if error > 0 else 0.0


# ---- how alike two submissions are


def show_earlier(outputs: Path, competition: Competition, ids: Sequence[str], answers: np.ndarray) -> None:
    """Print the similarity of these answers to each of the latest submissions, or why it cannot be computed.

    ids (T,): the id of each answer.
    """
    rows = []
    for record in submission_file.kept_submissions(outputs)[-SHOWN:]:
        path = outputs / "submissions" / record["file"]
        try:
            earlier = submission_file.read_answers(path, competition, ids)
            text = similarity_text(competition, similarity(competition, answers, earlier))
        except InputError as error:
            text = f"not comparable: {error.found.splitlines()[0]}"
        rows.append([record["file"], record["made"], text])
    if rows:
        console.table("agreement with earlier submissions", ["file", "made", similarity_title(competition)], rows)


def similarity(competition: Competition, first: np.ndarray, second: np.ndarray) -> float:
    """The similarity of the answers of two submissions.

    It is a correlation if the answers are numbers, else the share of rows with equal answers. Two rankings are equal in
    a row if their first classes are equal. The correlation with a constant is 0, or 1 if both submissions are equal.
    """
    if answers_are_numbers(competition):
        return _correlation(np.ravel(first), np.ravel(second))
    form = form_of_answers(competition)
    same = form.compared(first) == form.compared(second)
    return float(np.mean(same.all(1) if same.ndim == 2 else same))


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return float(np.array_equal(first, second))
    return float(np.corrcoef(first, second)[0, 1])


def similarity_title(competition: Competition) -> str:
    """The title of a column of similarities: "correlation" if answers are numbers, else "rows"."""
    return "correlation" if answers_are_numbers(competition) else "rows"


def similarity_text(competition: Competition, value: float) -> str:
    """The text of a similarity for a table: a correlation, or a percentage of rows."""
    return f"{value:.4f}" if answers_are_numbers(competition) else f"{value:.1%}"


def answers_are_numbers(competition: Competition) -> bool:
    """Return whether the competition's answers are probabilities or numbers, rather than classes."""
    return form_of_answers(competition).limits is not None
