"""Print the report of `make sub`: how the answers are distributed, and how similar they are to earlier submissions.

The report compares the test answers with the out-of-fold (OOF) answers, and gives the differences in standard errors.
Rows of a group, such as the photos of one patient, are not independent. Therefore the standard error is computed from
the sums over groups. The report assumes that test rows vary as much as OOF rows.

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

SHIFT = 4.0  # warn above this many standard errors; with 18 classes, chance exceeds it in 1 of 1,000 submissions
SHOWN = 10  # show this many of the latest submissions, and of the classes if there are more than MOST_CLASSES
MOST_CLASSES = 40
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def show_answers(competition: Competition, oof: np.ndarray, groups: np.ndarray, test: np.ndarray) -> None:
    """Print how the OOF answers and the test answers are distributed. Warn if they differ by more than chance.

    oof (N, C), test (T, C): the OOF probabilities and the test probabilities; groups (N,): the group of each OOF row.
    """
    if competition.target == "regression" or competition.sample.answer == "probability":
        _show_values(from_probabilities(competition, oof), groups, from_probabilities(competition, test))
    else:
        _show_shares(competition, scoring.answers(competition, oof), groups, scoring.answers(competition, test))


def _show_shares(competition: Competition, oof: np.ndarray, groups: np.ndarray, test: np.ndarray) -> None:
    """Print the share of each class among the OOF answers and among the test answers.

    If there are more than MOST_CLASSES classes, only the classes whose shares differ most are printed. oof, test: the
    answers as class indices (N,) and (T,), or as sets of labels (N, C) and (T, C); groups (N,): the group of each OOF
    row.
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

    oof (N,), test (T,): the OOF answers and the test answers; groups (N,): the group of each OOF row.
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
    """Return for each class (C,) its share of the test answers minus its share of the OOF answers, in standard errors.

    oof, test: the OOF and test answers as class indices (N,) and (T,), or as sets of labels (N, C) and (T, C) of 0 and
    1; groups (N,): the group of each OOF row; classes: the number C of classes.
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

    answers: class indices (N,), or sets of labels (N, C), which give one entry for each label of a row.
    """
    return np.nonzero(answers) if answers.ndim == 2 else (np.arange(len(answers)), answers)


def mean_shift(oof: np.ndarray, groups: np.ndarray, test: np.ndarray) -> float:
    """Return the mean of the test values (T,) minus the mean of the OOF values (N,), in standard errors.

    groups (N,): the group of each OOF row.
    """
    group = np.unique(groups, return_inverse=True)[1]
    deviations = np.bincount(group, oof - oof.mean())
    variance = (deviations**2).sum() / len(oof)
    error = np.sqrt(variance * (1 / len(oof) + 1 / len(test)))
    return float((test.mean() - oof.mean()) / error) if error > 0 else 0.0


# ---- the similarity of two submissions


def show_earlier(outputs: Path, competition: Competition, ids: Sequence[str], answers: np.ndarray) -> None:
    """Print how similar the answers are to each of the latest submissions.

    ids (T,): the ids of the test rows; answers: their answers, in the form that answers.py describes. For a submission
    that cannot be compared, the reason is printed instead.
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
    """Return how similar two submissions are. The result is 1 if all answers are equal.

    first, second: the answers of the submissions, in the same order of rows. The similarity is the correlation if the
    answers are numbers, else the share of rows with equal answers. Rankings are equal if their first classes are equal.
    If all numbers of a submission are equal, there is no correlation, and the similarity is 1 for equal submissions and
    0 for others.
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
    """Return the title for a table column of similarities: "correlation" if answers are numbers, else "equal rows"."""
    return "correlation" if answers_are_numbers(competition) else "equal rows"


def similarity_text(competition: Competition, value: float) -> str:
    """Return a similarity as text: a number if the answers are numbers, else a percentage of rows."""
    return f"{value:.4f}" if answers_are_numbers(competition) else f"{value:.1%}"


def answers_are_numbers(competition: Competition) -> bool:
    """Return whether the competition's answers are probabilities or numbers, rather than classes."""
    return form_of_answers(competition).limits is not None
