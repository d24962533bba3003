"""Whether the test answers are spread as the out-of-fold answers are: in standard errors, groups taken into account.

Rows of a group (photos of a person, of a place) are not independent, so the error comes from the spread over groups. It
is taken to be the same per row in the test set.
"""

import numpy as np


def share_shifts(oof: np.ndarray, groups: np.ndarray, test: np.ndarray, classes: int) -> np.ndarray:
    """How many standard errors (C,) the share of each class among the test answers lies from that of the OOF answers.

    oof, test: classes (N,) and (T,), or sets of labels (N, C) and (T, C) of 0 and 1; groups (N,).
    """
    rows, found = _pairs(oof)
    share = np.bincount(found, minlength=classes) / len(oof)
    test_share = np.bincount(_pairs(test)[1], minlength=classes) / len(test)
    of = np.unique(groups, return_inverse=True)[1]
    size = np.bincount(of)
    # sum over groups of (count - size * share)², from the pairs of group and class that occur
    pairs, counts = np.unique(of[rows] * classes + found, return_counts=True)
    group, c = pairs // classes, pairs % classes
    squares = np.bincount(c, counts**2, classes) - 2 * share * np.bincount(c, counts * size[group], classes)
    variance = (squares + share**2 * (size**2).sum()) / len(oof)  # of one row, as its group makes it
    # a class that is never or seldom predicted: its variance is at least that of one row
    variance = np.maximum(variance, 1 / len(oof))
    return (test_share - share) / np.sqrt(variance * (1 / len(oof) + 1 / len(test)))


def _pairs(answers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows and classes of all answers."""
    return np.nonzero(answers) if answers.ndim == 2 else (np.arange(len(answers)), answers)


def mean_shift(oof: np.ndarray, groups: np.ndarray, test: np.ndarray) -> float:
    """How many standard errors the mean of the test values (T,) lies from that of the OOF values (N,)."""
    of = np.unique(groups, return_inverse=True)[1]
    deviations = np.bincount(of, oof - oof.mean())
    variance = (deviations**2).sum() / len(oof)
    error = np.sqrt(variance * (1 / len(oof) + 1 / len(test)))
    return float((test.mean() - oof.mean()) / error) if error > 0 else 0.0
