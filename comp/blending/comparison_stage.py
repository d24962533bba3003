"""Load two sets of runs for their comparison, on the folds that all of them have."""

from pathlib import Path

import numpy as np
import pandas as pd

from comp import console
from comp.blending import combine
from comp.blending.compared_parts import Compared
from comp.competition.competition import Competition
from comp.errors import InputError
from comp.store.blend_predictions import load_blend
from comp.store.common_folds import common_folds, load_oof
from comp.store.fold_table import fold_count
from comp.store.paths import BLEND, Run
from comp.store.scored_rows import scored_rows


def compared(
    outputs: Path, folds: pd.DataFrame, digest: str, competition: Competition, first: list[str], second: list[str]
) -> Compared:
    """The data of both sets; a warning names the folds that are left out.

    Raises InputError if there is no common fold, and for two runs with the same predictions.
    """
    names = [*first, *second]
    numbers = common_folds(outputs, names, folds)
    left = [str(k) for k in range(fold_count(folds)) if k not in numbers]
    if left:
        console.warn(f"left out: fold {', '.join(left)}, which not all of these runs have predicted")
    rows = scored_rows(folds[folds["fold"].isin(numbers)], competition)

    def load(name: str) -> np.ndarray:
        if name == BLEND:
            return load_blend(outputs, rows, digest, competition)[0]
        return rows.combine(load_oof(Run(outputs, name), folds, digest, competition, numbers))

    probs = [load(name) for name in names]
    _check_distinct(names, probs)
    group = np.unique(rows.groups, return_inverse=True)[1]
    return Compared(competition, rows.labels, rows.folds, group, probs[: len(first)], probs[len(first) :])


def _check_distinct(names: list[str], probs: list[np.ndarray]) -> None:
    """Raise InputError for two runs with the same predictions: their difference is 0, and not by chance."""
    order, of = combine.distinct(probs)
    for place in range(len(order)):
        same = [name for name, where in zip(names, of, strict=True) if where == place]
        if len(same) > 1:
            raise InputError(f"{' and '.join(same)} hold the same predictions", "runs that differ",
                             "make scores shows all runs, then the same command with others")  # fmt: skip
