"""Guess which column names the group of a photo: photos of one group must stay in one fold."""

import re

import pandas as pd

from comp.competition.guess.guess_lines import Line, some

WORDS = {
    "patient", "subject", "person", "user", "owner", "individual", "animal", "location", "site", "place", "camera",
    "slide", "case", "study", "series", "sequence", "seq", "session", "group", "field", "plot", "specimen", "donor",
}  # fmt: skip
FEWEST = 4  # groups; fewer are not enough for folds
REPEATED = 0.9  # groups per row, at most


def group_lines(train: pd.DataFrame, test: pd.DataFrame | None, taken: set[str]) -> list[Line]:
    """The line of `group`, or none. taken: the columns of labels and photo names; test: None without a test table."""
    repeated = [name for name in train if name not in taken and _repeats(train[name])]
    apart = [name for name in repeated if test is not None and name in test and _apart(train[name], test[name])]
    if apart:
        best = max(apart, key=lambda name: (bool(_words(name) & WORDS), -train[name].nunique()))
        others = f"; so do {some(name for name in apart if name != best)}" if len(apart) > 1 else ""
        return [Line("group", best, f"no value occurs in both train and test{others}", check=not _words(best) & WORDS)]
    named = [name for name in repeated if _words(name) & WORDS and (test is None or name not in test)]
    if named:
        best = min(named, key=lambda name: train[name].nunique())
        reason = f"from its name: {train[best].nunique():,} values for {len(train):,} photos"
        return [Line("group", best, reason, check=True)]
    return []


def _repeats(values: pd.Series) -> bool:
    values = values[values != ""]
    return FEWEST <= values.nunique() <= REPEATED * len(values)


def _apart(train: pd.Series, test: pd.Series) -> bool:
    return not (set(train) & set(test)) - {""}


def _words(name: str) -> set[str]:
    """The words of a column name: patient and id for both patient_id and PatientID."""
    return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)}
