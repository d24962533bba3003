"""Print the report of `make sub`: how the answers are distributed, and how similar they are to earlier submissions.

The report compares the distribution of the test answers with that of the out-of-fold (OOF) answers, and gives the
differences in standard errors. The rows of one group, such as the photos of one patient, are not independent. Therefore
the standard error is computed from sums over groups. The report assumes that test rows vary as much as OOF rows.

Letters in the shapes: N OOF rows, T test rows, C classes.
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

SHIFT = 4.0  # warn above this many standard errors; with 18 classes, chance exceeds it in 1 of 1,000 submissions
SHOWN = 10  # show this many of the latest submissions, and of the classes if there are more than MOST_CLASSES
MOST_CLASSES = 40
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def show_answers(competition: Competition, oof: np.ndarray, groups: np.ndarray, test: np.ndarray) -> None:
    """Print how the OOF answers and the test answers are distributed. Warn if they differ by more than chance.

    oof (N, C), test (T, C): the probabilities of the OOF rows and of the test rows, with one column for each class;
    groups (N,): the group of each OOF row, such as its patient.
    """
    if competition.target == "regression" or competition.sample.answer == "probability":
        _show_values(from_probabilities(competition, oof), groups, from_probabilities(competition, test))
    else:
        _show_shares(competition, scoring.answers(competition, oof), groups, scoring.answers(competition, test))


def _show_shares(competition: Competition, oof: np.ndarray, groups: np.ndarray, test: np.ndarray) -> None:
    """Print the share of each class among the OOF answers and among the test answers.

    oof, test: the answers, each a class index or, for a multilabel competition, a row with 0 or 1 for each class;
    groups (N,): the group of each OOF row, such as its patient. If there are more than MOST_CLASSES classes, only the
    classes whose shares differ most are printed.
    """
    size = competition.size
    shares = [np.bincount(_row_and_class(part)[1], minlength=size) / len(part) for part in (oof, test)]
    shifts = share_shifts(oof, groups, test, size)
    shown = np.arange(size) if size <= MOST_CLASSES else np.argsort(-np.abs(shifts), kind="stable")[:SHOWN]
    rows = [
        [f"{c:2d} {competition.classes[c]}", f"{shares[0][c]:.1%}", f"{shares[1][c]:.1%}", f"{shifts[c]:+.1f}"]
        for c in shown
    ]
    title = "share of each class" + (f": the {SHOWN} of {size} classes that differ most" if len(shown) < size else "")
    console.table(title, ["class", "out of fold", "test", "difference in standard errors"], rows)
    for c in np.flatnonzero(np.abs(shifts) > SHIFT)[:SHOWN]:
        test_share = f"class {competition.classes[c]} is {shares[1][c]:.1%} of the test answers"
        _warn_of_shift(f"{test_share}, but {shares[0][c]:.1%} of the out-of-fold answers")


def _show_values(oof: np.ndarray, groups: np.ndarray, test: np.ndarray) -> None:
    """Print the mean and the quantiles of answers that are probabilities or numbers.

    oof (N,), test (T,): the OOF answers and the test answers; groups (N,): the group of each OOF row, such as its
    patient.
    """
    rows = [
        [name, float(part.mean()), *map(float, np.quantile(part, QUANTILES))]
        for name, part in (("out of fold", oof), ("test", test))
    ]
    console.table("predicted values", ["", "mean", *[f"{q:.0%}" for q in QUANTILES]], rows)
    shift = mean_shift(oof.astype(np.float64), groups, test.astype(np.float64))
    console.say(f"the mean of the test answers minus the mean of the out-of-fold answers: {shift:+.1f} standard errors")
    if abs(shift) > SHIFT:
        test_mean = f"the mean of the test answers is {test.mean():.4g}"
        _warn_of_shift(f"{test_mean}, but the mean of the out-of-fold answers is {oof.mean():.4g}")


def _warn_of_shift(difference: str) -> None:
    console.warn(
        f"{difference}. This difference is more than chance. Do the test photos differ from the training photos (other "
        "subjects, places, cameras or crops)?"
    )


def share_shifts(oof: np.ndarray, groups: np.ndarray, test: np.ndarray, classes: int) -> np.ndarray:
    """Return how much the share of each class among the answers differs between test and OOF rows, in standard errors.

    oof, test: the answers, each a class index or, for a multilabel competition, a row with 0 or 1 for each class;
    groups (N,): the group of each OOF row, such as its patient; classes: the number of classes. The result has one
    value for each class, which is positive if the share is larger among the test answers.
    """
    rows, of_class = _row_and_class(oof)
    share = np.bincount(of_class, minlength=classes) / len(oof)
    test_share = np.bincount(_row_and_class(test)[1], minlength=classes) / len(test)
    group_of_row = np.unique(groups, return_inverse=True)[1]
    size = np.bincount(group_of_row)
    # sum (count - size * share)² over the groups; only pairs of a group and a class that occur are stored
    pairs, counts = np.unique(group_of_row[rows] * classes + of_class, return_counts=True)
    group, c = pairs // classes, pairs % classes
    squares = np.bincount(c, counts**2, classes) - 2 * share * np.bincount(c, counts * size[group], classes)
    variance = (squares + share**2 * (size**2).sum()) / len(oof)  # of one row
    # a class with few or no OOF answers gets at least the variance of one answer
    variance = np.maximum(variance, 1 / len(oof))
    return (test_share - share) / np.sqrt(variance * (1 / len(oof) + 1 / len(test)))


def _row_and_class(answers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the row numbers and the class indices of all answers, as two arrays of equal length.

    answers: a class index for each row, or a row with 0 or 1 for each class. A row with several labels occurs several
    times in the result.
    """
    return np.nonzero(answers) if answers.ndim == 2 else (np.arange(len(answers)), answers)


def mean_shift(oof: np.ndarray, groups: np.ndarray, test: np.ndarray) -> float:
    """Return the mean of the test answers minus the mean of the OOF answers, in standard errors.

    oof (N,), test (T,): the OOF answers and the test answers; groups (N,): the group of each OOF row, such as its
    patient.
    """
    group = np.unique(groups, return_inverse=True)[1]
    deviations = np.bincount(group, oof - oof.mean())
    variance = (deviations**2).sum() / len(oof)
    error = np.sqrt(variance * (1 / len(oof) + 1 / len(test)))
    return float((test.mean() - oof.mean()) / error) if error > 0 else 0.0


# ---- the similarity of two submissions


def show_earlier(outputs: Path, competition: Competition, ids: Sequence[str], answers: np.ndarray) -> None:
    """Print how similar the new answers are to each of the latest submissions.

    ids: the ids of the test rows; answers: the new answer for each id, in the form that submission/answers.py
    describes. If a submission cannot be compared with the new answers, the reason is printed.
    """
    rows = []
    for record in submission_file.kept_submissions(outputs)[-SHOWN:]:
        path = outputs / "submissions" / record["file"]
        try:
            earlier = submission_file.read_answers(path, competition, ids)
            text = similarity_text(competition, similarity(competition, answers, earlier))
        except InputError as error:
            text = f"not comparable: {error.summary}"
        rows.append([record["file"], record["made"], text])
    if rows:
        console.table("agreement with earlier submissions", ["file", "made", similarity_title(competition)], rows)


def similarity(competition: Competition, first: np.ndarray, second: np.ndarray) -> float:
    """Return how similar the answers of two submissions are. For equal answers, the result is 1.

    first, second: the answers of the submissions, in the same order of rows. For numbers and probabilities, the
    similarity is their correlation. For all other answers, it is the share of rows with equal answers, where rankings
    are equal if their first classes are equal. If all numbers of one submission are the same, there is no correlation,
    and the result is 1 for equal submissions and 0 for others.
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
    """Return the title for a column of similarities: "correlation" if answers are numbers, else "equal rows"."""
    return "correlation" if answers_are_numbers(competition) else "equal rows"


def similarity_text(competition: Competition, value: float) -> str:
    """Return a similarity as text: a correlation such as "0.9876", or a share of equal rows such as "98.8%"."""
    return f"{value:.4f}" if answers_are_numbers(competition) else f"{value:.1%}"


def answers_are_numbers(competition: Competition) -> bool:
    """Return whether the competition's answers are numbers or probabilities, and not classes."""
    return form_of_answers(competition).limits is not None
