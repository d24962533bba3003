"""Minutes, images per second and best epochs of a run, from the history.csv of its folds."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from comp.competition.competition import Competition
from comp.errors import InputError
from comp.metrics import metrics
from comp.store.paths import Run


@dataclass(frozen=True)
class Times:
    """minutes: of all folds together; images_per_second: over all epochs; epochs: the best one of each trained fold.

    None or empty where no fold has a history.
    """

    minutes: float | None = None
    images_per_second: float | None = None
    epochs: tuple[str, ...] = ()


def of(run: Run, folds: int, competition: Competition, best_by: str) -> Times:
    """The times of a run. best_by: the setting of its recipe. A history that cannot be read is left out."""
    histories = [made for k in range(folds) if (made := _history(run, k)) is not None]
    if not histories:
        return Times()
    every = pd.concat(histories)
    seconds = every["seconds"].sum()
    images = (every["seconds"] * every["images_per_second"]).sum()
    column, sign = _column(competition, best_by)
    return Times(float(seconds / 60), float(images / seconds) if seconds else None,
                 tuple(filter(None, (_best(made, column, sign) for made in histories))))  # fmt: skip


def _history(run: Run, k: int) -> pd.DataFrame | None:
    """The table of fold k with its numbers; None without one."""
    try:
        made = pd.read_csv(run.history(k)).apply(pd.to_numeric, errors="coerce")
    except (OSError, ValueError):
        return None
    return made if {"epoch", "seconds", "images_per_second"} <= set(made) and len(made) else None


def _column(competition: Competition, best_by: str) -> tuple[str, int]:
    """The column that chose the best epoch, and 1 where higher is better, else -1."""
    if best_by in ("metric", competition.metric.name):
        return competition.metric.name, 1 if competition.metric.higher_is_better else -1
    try:
        return best_by, 1 if metrics.get(best_by).higher_is_better else -1
    except InputError:  # val_loss
        return best_by, -1


def _best(history: pd.DataFrame, column: str, sign: int) -> str:
    """ "4/6": the best epoch and how many there were; of equal ones the first."""
    if column not in history or history[column].isna().all():
        return ""
    values = (sign * history[column]).fillna(-np.inf).to_numpy()
    return f"{int(history['epoch'].iloc[values.argmax()])}/{len(history)}"
