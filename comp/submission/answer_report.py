"""Compare the distribution of test answers with that of out-of-fold (OOF) answers, in standard errors.

Rows of a group (such as photos of one patient) are not independent, so the standard error is computed over groups. Test
rows are assumed to have the same error per row.

The report of a submission: the distribution of its answers, and its agreement with earlier submissions.
"""

import numpy as np

from comp import console
from comp.competition import scoring
from comp.errors import InputError
from comp.submission import answers, submission_file


def share_shifts(oof: np.ndarray, groups: np.ndarray, test: np.ndarray, classes: int) -> np.ndarray:
    """Difference (C,) between the share of each class in test answers and in OOF answers, in standard errors.

    oof, test: classes (N,) and (T,), or sets of labels (N, C) and (T, C) of 0 and 1; groups (N,).
    """
    rows, found = _pairs(oof)
    share = np.bincount(found, minlength=classes) / len(oof)
    test_share = np.bincount(_pairs(test)[1], minlength=classes) / len(test)
    group_of_row = np.unique(groups, return_inverse=True)[1]
    size = np.bincount(group_of_row)
    # sum over groups of (count - size * share)², from the pairs of group and class that exist
    pairs, counts = np.unique(group_of_row[rows] * classes + found, return_counts=True)
    group, c = pairs // classes, pairs % classes
    squares = np.bincount(c, counts**2, classes) - 2 * share * np.bincount(c, counts * size[group], classes)
    variance = (squares + share**2 * (size**2).sum()) / len(oof)  # per row
    # for classes with few or no OOF answers: at least the variance of one row
    variance = np.maximum(variance, 1 / len(oof))
    return (test_share - share) / np.sqrt(variance * (1 / len(oof) + 1 / len(test)))


def _pairs(answers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The row and the class of every answer."""
    return np.nonzero(answers) if answers.ndim == 2 else (np.arange(len(answers)), answers)


def mean_shift(oof: np.ndarray, groups: np.ndarray, test: np.ndarray) -> float:
    """Difference between the mean of test values (T,) and of OOF values (N,), in standard errors."""
    group = np.unique(groups, return_inverse=True)[1]
    deviations = np.bincount(group, oof - oof.mean())
    variance = (deviations**2).sum() / len(oof)
    error = np.sqrt(variance * (1 / len(oof) + 1 / len(test)))
    return float((test.mean() - oof.mean()) / error) if error > 0 else 0.0


SHIFT = 4.0  # standard errors; with 18 classes, one submission in a thousand has a larger shift by chance
SHOWN = 10  # latest submissions to show; classes to show, if there are more than MOST_CLASSES
MOST_CLASSES = 40
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def show_answers(competition, oof: np.ndarray, groups: np.ndarray, test: np.ndarray) -> None:
    """Print the distribution of answers out of fold and in the submission; warn if they differ more than by chance."""
    if competition.target == "regression" or competition.sample.answer == "probability":
        values = [answers.from_probabilities(competition, probs) for probs in (oof, test)]
        _show_values(values[0], groups, values[1])
    else:
        _show_shares(competition, scoring.answers(competition, oof), groups, scoring.answers(competition, test))


def _show_shares(competition, oof: np.ndarray, groups: np.ndarray, test: np.ndarray) -> None:
    """Print the share of rows with each class; of many classes only those that differ most."""
    size = competition.size
    shares = [
        np.bincount(np.nonzero(part)[1] if part.ndim == 2 else part, minlength=size) / len(part) for part in (oof, test)
    ]
    far = share_shifts(oof, groups, test, size)
    shown = np.arange(size) if size <= MOST_CLASSES else np.argsort(-np.abs(far), kind="stable")[:SHOWN]
    rows = [
        [f"{c:2d} {competition.classes[c]}", f"{shares[0][c]:.1%}", f"{shares[1][c]:.1%}", f"{far[c]:+.1f}"]
        for c in shown
    ]
    title = "predicted classes" + (f": the {SHOWN} of {size} that differ most" if len(shown) < size else "")
    console.table(title, ["class", "out of fold", "test", "standard errors"], rows)
    for c in np.flatnonzero(np.abs(far) > SHIFT)[:SHOWN]:
        _warn_of_shift(f"{competition.classes[c]} is {shares[1][c]:.1%} of the test answers and {shares[0][c]:.1%}")


def _show_values(oof: np.ndarray, groups: np.ndarray, test: np.ndarray) -> None:
    """Print mean and quantiles of probabilities or numbers."""
    rows = [
        [name, float(part.mean()), *map(float, np.quantile(part, QUANTILES))]
        for name, part in (("out of fold", oof), ("test", test))
    ]
    console.table("predicted values", ["", "mean", *[f"{q:.0%}" for q in QUANTILES]], rows)
    far = mean_shift(oof.astype(np.float64), groups, test.astype(np.float64))
    console.say(f"the means differ by {far:+.1f} standard errors")
    if abs(far) > SHIFT:
        _warn_of_shift(f"the mean is {test.mean():.4g} in the test answers and {oof.mean():.4g}")


def _warn_of_shift(found: str) -> None:
    console.warn(
        f"{found} out of fold, more than chance: do the test photos differ from the training photos "
        "(other subjects, places, cameras or crops)?"
    )


def show_earlier(outputs, competition, ids, made: np.ndarray) -> None:
    """Print the agreement with each earlier submission, or the reason why it cannot be compared."""
    rows = []
    for one in submission_file.kept_submissions(outputs)[-SHOWN:]:
        path = outputs / "submissions" / one["file"]
        try:
            what, value = answers.agreement(competition, made, submission_file.read_answers(path, competition, ids))
            agreement = f"{value:.4f}" if what == "correlation" else f"{value:.1%}"
        except InputError as error:
            agreement = f"not comparable: {error.found.splitlines()[0]}"
        rows.append([one["file"], one["made"], agreement])
    if rows:
        title = "correlation" if competition.sample.answer in answers.VALUES else "rows"
        console.table("agreement with earlier submissions", ["file", "made", title], rows)
