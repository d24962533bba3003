"""Write and read the history of a fold's training: history.csv, which has one row per epoch, and diverged.json.

diverged.json has the error of a training that ended without weights because its numbers were not finite. If the same
training is started again, the saved error is raised at once. Without this file the training would fail after the same
epochs as before, because training is deterministic.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from comp import files
from comp.competition.competition import Competition
from comp.errors import InputError, first_line, quoted
from comp.metrics import named_metrics
from comp.store import made_of
from comp.store.runs import Run


def keep_divergence(run: Run, k: int | str, record: dict, error: InputError) -> None:
    """Write diverged.json, which has the error that ended the training of fold k.

    k: the number of the fold, or ALL_DATA; record: the hashes of everything that the training depends on, such as
    recipe.json and folds.csv (see made_of.py).
    """
    content = {"found": error.found, "expected": error.expected, "run": error.run}
    files.write_json(run.diverged(k), {**record, **content})


def check_diverged(run: Run, k: int | str, record: dict) -> None:
    """Raise the saved error of fold k if the failed training would be repeated unchanged.

    record: the current hashes of what the training depends on (see made_of.py). They are compared with the hashes in
    diverged.json.
    """
    kept = read_divergence(run, k)
    if kept and not made_of.changes(kept, record):
        raise InputError(
            f"fold {k} of {run.name} diverged when it was last trained: {kept['found']}",
            kept["expected"],
            f"{kept['run']}; or if the photos, the versions of packages or DEVICE have changed: "
            f"first rm {quoted(run.diverged(k))}, then the same command",
        )


def read_divergence(run: Run, k: int | str) -> dict:
    """Return the content of fold k's diverged.json, or {} if there is no such file.

    The content is the record of `keep_divergence`, and the texts found, expected and run of the saved error.
    """
    path = run.diverged(k)
    return files.read_json(path, "the file as `make train` wrote it", f"rm {quoted(path)}") if path.is_file() else {}


# ---- history.csv, with the columns epoch, losses, one column for each metric, learning rate and times

NOT_METRICS = ("epoch", "train_loss", "val_loss", "lr", "seconds", "images_per_second", "waiting")


def write_history(path: Path, rows: list[dict]) -> None:
    """Write history.csv. rows: for each epoch a dictionary from column names to values."""
    with files.replacing(path) as temporary:
        pd.DataFrame(rows).to_csv(temporary, index=False, float_format="%.6g")


def metric_names(row) -> list[str]:
    """Return the names of the metrics in a history. row: the history as a table, or one of its rows as a dictionary."""
    return [name for name in row if name not in NOT_METRICS]


def read_histories(run: Run) -> tuple[dict[int, pd.DataFrame], list[str]]:
    """Return the histories of a run by fold number, and a warning for each history.csv that cannot be read.

    A history has one row per epoch, and the columns epoch, train_loss, val_loss and one column for each metric.
    """
    histories, problems = {}, []
    for path in sorted(run.folder.glob("fold*/history.csv")):
        number = path.parent.name.removeprefix("fold")
        try:
            table = pd.read_csv(path).apply(pd.to_numeric)
            histories[int(number)] = table[["epoch", "train_loss", "val_loss", *metric_names(table)]]
        except (ValueError, KeyError, OSError) as error:  # the errors of pandas are ValueErrors
            reason = f"because the file cannot be read: {first_line(error)}"
            problems.append(f"the learning curve of {path} is left out, {reason}")
    return dict(sorted(histories.items())), problems


@dataclass(frozen=True)
class Times:
    """The training times of a run.

    minutes: the training time of all folds together; images_per_second: the mean over all epochs; epochs: for each
    trained fold the best epoch and the number of epochs, such as "4/6". A value is None or () if it is not known.
    """

    minutes: float | None = None
    images_per_second: float | None = None
    epochs: tuple[str, ...] = ()


def training_times(run: Run, folds: int, competition: Competition, best_by: str) -> Times:
    """Return the training times of a run. Histories that cannot be read are left out.

    folds: the number of folds; best_by: the setting best_by of the run's recipe, which names the metric or loss that
    chose the best epoch.
    """
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
    """Return the history of fold k as a table of numbers, or None if the file is missing, empty or damaged."""
    try:
        history = pd.read_csv(run.history(k)).apply(pd.to_numeric, errors="coerce")
    except (OSError, ValueError):
        return None
    return history if {"epoch", "seconds", "images_per_second"} <= set(history) and len(history) else None


def _column(competition: Competition, best_by: str) -> tuple[str, int]:
    """Return the name of the history column that chose the best epoch, and 1 if higher values are better, else -1.

    best_by: as for `training_times`.
    """
    if best_by in ("metric", competition.metric.name):
        return competition.metric.name, 1 if competition.metric.higher_is_better else -1
    try:
        return best_by, 1 if named_metrics.get(best_by).higher_is_better else -1
    except InputError:  # best_by is val_loss
        return best_by, -1


def _best(history: pd.DataFrame, column: str, sign: int) -> str:
    """Return the best epoch and the number of epochs as a text such as "4/6", or "" if `column` has no values.

    Of equally good epochs the first is the best. column: the column of the history that chose the best epoch; sign: 1
    if higher values in `column` are better, else -1.
    """
    if column not in history or history[column].isna().all():
        return ""
    values = (sign * history[column]).fillna(-np.inf).to_numpy()
    return f"{int(history['epoch'].iloc[values.argmax()])}/{len(history)}"
