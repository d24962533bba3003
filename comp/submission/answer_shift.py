"""Compare the distribution of test answers with that of out-of-fold (OOF) answers, in standard errors.

Rows of a group (such as photos of one patient) are not independent, so the standard error is computed over groups. Test
rows are assumed to have the same error per row.
"""

import numpy as np


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
