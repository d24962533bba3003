"""Leaks between folds: a group or a photo that is on two sides."""

import pandas as pd

from comp.errors import InputError, listed


def audit(table: pd.DataFrame, digests: dict[str, str] | None = None) -> None:
    """Raise InputError if a group is on two sides, or one photo (by name or by bytes) lies in two folds.

    digests: image to a hash of its bytes; same bytes under two names in one fold are harmless and pass.
    """
    problems = [f"group {name} is in folds {where}" for name, where in _in_two_folds(table, table["group"])]
    problems += [f"photo {name} is in folds {where}" for name, where in _in_two_folds(table, table["image"])]
    if digests:
        bytes_of = table["image"].map(digests)
        for digest, where in _in_two_folds(table, bytes_of):
            names = table["image"][bytes_of == digest].tolist()
            problems.append(f"the same bytes in folds {where}: {', '.join(names)}")
    if problems:
        raise InputError(
            f"{len(problems)} leak(s) between folds:{listed(problems)}",
            "each group and each photo in one fold; otherwise the score is of memory, not of skill",
            "make folds, which gives such photos one group",
        )


def _in_two_folds(table: pd.DataFrame, key: pd.Series) -> list[tuple[str, str]]:
    """The values of `key` that are in more than one fold, and which those are."""
    folds = table["fold"].groupby(key.to_numpy())
    several = folds.transform("nunique") > 1
    of = table["fold"][several].groupby(key[several].to_numpy()).unique()
    return [(name, " and ".join(map(str, sorted(where)))) for name, where in of.items()]
