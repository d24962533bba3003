"""Out-of-fold predictions of several runs on the folds that all of them have predicted."""

from pathlib import Path

import numpy as np
import pandas as pd

from comp.competition.competition import Competition
from comp.errors import InputError
from comp.store.fold_table import fold_count
from comp.store.paths import BLEND, Run
from comp.store.predictions import load_predictions
from comp.store.repair_commands import repair
from comp.store.run_predictions import check_ids, load
from comp.store.same_folds_check import check_same_folds


def folds_of(run: Run, count: int) -> list[int]:
    """The folds with out-of-fold predictions; all `count` for external predictions and for the blend."""
    if run.name == BLEND or not run.recipe.is_file():
        return list(range(count))
    return [k for k in range(count) if run.oof(k).is_file()]


def common_folds(outputs: Path, names: list[str], folds: pd.DataFrame) -> list[int]:
    """The folds that all runs have. Raises InputError if there is none."""
    count = fold_count(folds)
    have = {name: folds_of(Run(outputs, name), count) for name in names}
    common = [k for k in range(count) if all(k in numbers for numbers in have.values())]
    if common:
        return common
    fewest = min(names, key=lambda name: len(have[name]))
    wanted = next(k for k in range(count) if k not in have[fewest])
    found = "; ".join(f"{name} has folds {numbers}" for name, numbers in have.items())
    raise InputError(found, "a fold that all of them have", repair(Run(outputs, fewest), wanted))


def load_oof(
    run: Run, folds: pd.DataFrame, folds_digest: str, competition: Competition, numbers: list[int]
) -> np.ndarray:
    """OOF probabilities (N, C) of the photos in the folds `numbers`, in the order of `folds`; not for the blend.

    Raises InputError for predictions that were made with another folds.csv, recipe or weights, or for other photos.
    """
    inside = folds["fold"].isin(numbers).to_numpy()
    if not run.recipe.is_file():
        return load(run, folds, folds_digest, competition)[0][inside]
    probs = np.zeros((len(folds), competition.size), np.float32)
    for k in numbers:
        rows = (folds["fold"] == k).to_numpy()
        part = load_predictions(run.oof(k), competition, repair(run, k))
        check_same_folds(part, run, k, folds_digest)
        check_ids(part, folds["image"][rows])
        probs[rows] = part.at(folds["image"][rows])
    return probs[inside]
