"""Write and read two files about the training of a fold: history.csv, with one row per epoch, and diverged.json.

diverged.json has the error of a training that diverged, which means that its numbers became infinite or NaN. If the
same training is started again, the saved error is raised at once, because training is deterministic and would fail
again.
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
    """Write diverged.json, which saves the error of a training that diverged.

    k: the number of the fold, or "all_data" for the training on all rows; record: the hashes of everything that the
    training depends on, such as recipe.json and folds.csv; error: the error to save.
    """
    content = {"found": error.found, "expected": error.expected, "run": error.run}
    files.write_json(run.diverged(k), {**record, **content})


def check_diverged(run: Run, k: int | str, record: dict) -> None:
    """Raise InputError if the same training has diverged before and would therefore diverge again.

    k: the number of the fold, or "all_data" for the training on all rows; record: the current hashes of everything that
    the training depends on, such as recipe.json and folds.csv. If one of them differs from the hashes in diverged.json,
    or if there is no diverged.json, no error is raised.
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
    """Return the content of diverged.json, or {} if there is no such file.

    k: the number of the fold, or "all_data" for the training on all rows. The content has the hashes of everything that
    the training depended on, and the three texts of the saved error under the keys "found", "expected" and "run".
    """
    path = run.diverged(k)
    return files.read_json(path, "the file as `make train` wrote it", f"rm {quoted(path)}") if path.is_file() else {}


# ---- history.csv, with the columns epoch, losses, one column for each metric, learning rate and times

NOT_METRICS = ("epoch", "train_loss", "val_loss", "lr", "seconds", "images_per_second", "waiting")


def write_history(path: Path, rows: list[dict]) -> None:
    """Write history.csv with one row per epoch. rows: for each epoch a dictionary from column names to values."""
    with files.replacing(path) as temporary:
        pd.DataFrame(rows).to_csv(temporary, index=False, float_format="%.6g")


def metric_names(row) -> list[str]:
    """Return the names of the metrics among the columns of history.csv.

    row: the table of history.csv, or one of its rows as a dictionary.
    """
    return [name for name in row if name not in NOT_METRICS]


def read_histories(run: Run) -> tuple[dict[int, pd.DataFrame], list[str]]:
    """Read history.csv of each fold of a run. Return the tables by fold number, and warnings about unreadable files.

    A table has one row per epoch, and the columns epoch, train_loss, val_loss and one column for each metric.
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
    """How long the training of a run took. A value that is not known is None or ().

    minutes: the training time of all folds together; images_per_second: the mean over the whole training; epochs: for
    each trained fold a text such as "4/6", which means that epoch 4 of 6 was the best.
    """

    minutes: float | None = None
    images_per_second: float | None = None
    epochs: tuple[str, ...] = ()


def training_times(run: Run, folds: int, competition: Competition, best_by: str) -> Times:
    """Return how long the training of a run took, from the history.csv of each fold. Unreadable files are left out.

    folds: the number of folds; best_by: the run's setting best_by, which is the metric or loss that chooses the best
    epoch.
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
    """Return history.csv of fold k as a table of numbers, or None if the file is missing, empty or damaged."""
    try:
        history = pd.read_csv(run.history(k)).apply(pd.to_numeric, errors="coerce")
    except (OSError, ValueError):
        return None
    return history if {"epoch", "seconds", "images_per_second"} <= set(history) and len(history) else None


def _column(competition: Competition, best_by: str) -> tuple[str, int]:
    """Return the column of history.csv that chooses the best epoch, and 1 if higher values are better, else -1.

    best_by: the run's setting best_by, which is "last", "metric", the name of a metric, or "val_loss".
    """
    if best_by == "last":
        return "epoch", 1
    if best_by in ("metric", competition.metric.name):
        return competition.metric.name, 1 if competition.metric.higher_is_better else -1
    try:
        return best_by, 1 if named_metrics.get(best_by).higher_is_better else -1
    except InputError:  # best_by is val_loss
        return best_by, -1


def _best(history: pd.DataFrame, column: str, sign: int) -> str:
    """Return the best epoch and the number of epochs as a text such as "4/6", or "" if `column` has no values.

    history: the table of history.csv; column: the column that chooses the best epoch; sign: 1 if higher values in this
    column are better, else -1. Among equally good epochs, the first is the best.
    """
    if column not in history or history[column].isna().all():
        return ""
    values = (sign * history[column]).fillna(-np.inf).to_numpy()
    return f"{int(history['epoch'].iloc[values.argmax()])}/{len(history)}"
