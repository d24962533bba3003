"""How the training of a fold went: history.csv with a row per epoch, and diverged.json if it ended without weights.

diverged.json holds the error of a training whose numbers were not finite. Training is deterministic, so the same
command would fail again after the same epochs. With this file it fails at once.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from comp import files
from comp.competition.competition import Competition
from comp.errors import InputError, quoted
from comp.metrics import named_metrics
from comp.store import made_of
from comp.store.runs import Run


def keep_divergence(run: Run, k: int | str, record: dict, error: InputError) -> None:
    """Save the error of a training. record: what the training was made of."""
    content = {"found": error.found, "expected": error.expected, "run": error.run}
    files.write_json(run.diverged(k), {**record, **content})


def check_diverged(run: Run, k: int | str, record: dict) -> None:
    """Raise the saved error of fold k if the training would be made of the same things again."""
    kept = read_divergence(run, k)
    if kept and not made_of.changes(kept, record):
        raise InputError(
            f"fold {k} of {run.name} diverged when it was last trained: {kept['found']}",
            kept["expected"],
            f"{kept['run']}; or, after a change of photos, versions or DEVICE: "
            f"rm {quoted(run.diverged(k))}, then the same command",
        )


def read_divergence(run: Run, k: int | str) -> dict:
    """The saved error; empty if there is none."""
    path = run.diverged(k)
    return files.read_json(path, "a record of `make train`", f"rm {quoted(path)}") if path.is_file() else {}


# ---- history.csv: epoch, losses, then the metrics by name, learning rate and times

NOT_METRICS = ("epoch", "train_loss", "val_loss", "lr", "seconds", "images_per_second", "waiting")


def write_history(path: Path, rows: list[dict]) -> None:
    """One row per epoch."""
    with files.replacing(path) as temporary:
        pd.DataFrame(rows).to_csv(temporary, index=False, float_format="%.6g")


def metric_names(row) -> list[str]:
    """The names of the metrics among the columns of a history, or the keys of one epoch's row."""
    return [name for name in row if name not in NOT_METRICS]


def read_histories(run: Run) -> tuple[dict[int, pd.DataFrame], list[str]]:
    """Fold to its epochs, with the columns epoch, train_loss, val_loss and the metrics; and what cannot be read."""
    histories, problems = {}, []
    for path in sorted(run.folder.glob("fold*/history.csv")):
        number = path.parent.name.removeprefix("fold")
        try:
            table = pd.read_csv(path).apply(pd.to_numeric)
            histories[int(number)] = table[["epoch", "train_loss", "val_loss", *metric_names(table)]]
        except (ValueError, KeyError, OSError) as error:  # what pandas raises are ValueErrors
            problems.append(f"{path} cannot be read, its learning curve is left out: {str(error).splitlines()[0]}")
    return dict(sorted(histories.items())), problems


@dataclass(frozen=True)
class Times:
    """minutes: of all folds together; images_per_second: over all epochs; epochs: the best one of each trained fold.

    None or empty where no fold has a history.
    """

    minutes: float | None = None
    images_per_second: float | None = None
    epochs: tuple[str, ...] = ()


def training_times(run: Run, folds: int, competition: Competition, best_by: str) -> Times:
    """The times of a run. best_by: the setting of its recipe. A history that cannot be read is left out."""
    histories = [history for k in range(folds) if (history := _history(run, k)) is not None]
    if not histories:
        return Times()
    every = pd.concat(histories)
    seconds = every["seconds"].sum()
    images = (every["seconds"] * every["images_per_second"]).sum()
    column, sign = _column(competition, best_by)
    return Times(
        float(seconds / 60),
        float(images / seconds) if seconds else None,
        tuple(filter(None, (_best(history, column, sign) for history in histories))),
    )


def _history(run: Run, k: int) -> pd.DataFrame | None:
    """The table of fold k with its numbers; None without one."""
    try:
        history = pd.read_csv(run.history(k)).apply(pd.to_numeric, errors="coerce")
    except (OSError, ValueError):
        return None
    return history if {"epoch", "seconds", "images_per_second"} <= set(history) and len(history) else None


def _column(competition: Competition, best_by: str) -> tuple[str, int]:
    """The column that chose the best epoch, and 1 where higher is better, else -1."""
    if best_by in ("metric", competition.metric.name):
        return competition.metric.name, 1 if competition.metric.higher_is_better else -1
    try:
        return best_by, 1 if named_metrics.get(best_by).higher_is_better else -1
    except InputError:  # val_loss
        return best_by, -1


def _best(history: pd.DataFrame, column: str, sign: int) -> str:
    """ "4/6": the best epoch and how many there were; of equal ones the first."""
    if column not in history or history[column].isna().all():
        return ""
    values = (sign * history[column]).fillna(-np.inf).to_numpy()
    return f"{int(history['epoch'].iloc[values.argmax()])}/{len(history)}"
