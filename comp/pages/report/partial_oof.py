"""Out-of-fold probabilities of a run of which folds may be missing or stale. Letters: N photos, C classes."""

import numpy as np
import pandas as pd

from comp.competition.competition import Competition
from comp.errors import InputError
from comp.store import run_predictions
from comp.store.fold_table import fold_count
from comp.store.paths import Run
from comp.store.predictions import load_predictions
from comp.store.repair_commands import repair
from comp.store.same_folds_check import check_same_folds


def load(
    run: Run, folds: pd.DataFrame, digest: str, competition: Competition
) -> tuple[np.ndarray, list[tuple[str, str]]]:
    """Probabilities (N, C) in the order of `folds`, nan where there are none; problems with the commands that help."""
    if not run.recipe.is_file():
        return _external(run, folds, digest, competition)
    probs, problems = np.full((len(folds), competition.size), np.nan, np.float32), []
    missing = [k for k in range(fold_count(folds)) if not run.oof(k).is_file()]
    if missing:
        named = f"{'fold' if len(missing) == 1 else 'folds'} {', '.join(map(str, missing))}"
        problems.append((f"{named} not predicted yet", repair(run, missing[0])))
    for k in range(fold_count(folds)):
        inside = (folds["fold"] == k).to_numpy()
        if k in missing:
            continue
        try:
            probs[inside] = _fold(run, k, folds["image"][inside], digest, competition)
        except InputError as error:
            problems.append(_told(error))
    return probs, problems


def _fold(run: Run, k: int, images: pd.Series, digest: str, competition: Competition) -> np.ndarray:
    part = load_predictions(run.oof(k), competition, repair(run, k))
    check_same_folds(part, run, k, digest)
    run_predictions.check_ids(part, images)
    return part.at(images)


def _external(run: Run, folds: pd.DataFrame, digest: str, competition: Competition):
    try:
        return run_predictions.load(run, folds, digest, competition)[0], []
    except InputError as error:
        return np.full((len(folds), competition.size), np.nan, np.float32), [_told(error)]


def _told(error: InputError) -> tuple[str, str]:
    return error.found.splitlines()[0].rstrip(":"), error.run
