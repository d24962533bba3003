"""Leaks between folds: a group or a photo that is in two folds."""

import pandas as pd

from comp.errors import InputError, listed


def audit(table: pd.DataFrame, digests: dict[str, str] | None = None) -> None:
    """Raise InputError if a group or a photo (by name or by bytes) is in two folds.

    digests: image to a hash of its bytes. Equal bytes under two names in one fold are allowed.
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
            "each group and each photo in one fold; otherwise models have seen the answers",
            "make folds, which puts such photos into one group",
        )


def _in_two_folds(table: pd.DataFrame, key: pd.Series) -> list[tuple[str, str]]:
    """The values of `key` that are in more than one fold, with these folds."""
    folds = table["fold"].groupby(key.to_numpy())
    several = folds.transform("nunique") > 1
    found = table["fold"][several].groupby(key[several].to_numpy()).unique()
    return [(name, " and ".join(map(str, sorted(where)))) for name, where in found.items()]
