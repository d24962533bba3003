"""The section of the report with learning curves: the metric and the losses of each run after each epoch."""

from collections.abc import Mapping

import pandas as pd

from comp.pages import figures
from comp.pages.page import Section
from comp.pages.report.report_data import ReportData

MOST_RUNS = 8  # at most this many runs have figures, the best ones, because more figures make the page large


def section(data: ReportData) -> Section:
    """Return the section with the learning curves of the best runs, at most MOST_RUNS.

    Each run has two figures: the metric of each fold, and the training loss and validation loss as means over the
    folds.
    """
    histories = {name: folds for name, folds in data.histories.items() if folds}
    best = [source.name for source in data.runs if source.name in histories]
    names = (best + [name for name in histories if name not in best])[:MOST_RUNS]
    values = {
        "figures": [figure for name in names for figure in _of_run(data, name, histories[name])],
        "left_out": [name for name in histories if name not in names],
        "without": [name for name in data.histories if name not in histories],
    }
    return Section("curves", "Learning curves", template="curves.html.j2", values=values)


def _of_run(data: ReportData, name: str, folds: Mapping[int, pd.DataFrame]) -> list[figures.Figure]:
    metric = data.competition.metric.name
    by_fold = {f"fold {k}": (table["epoch"], table[metric]) for k, table in folds.items() if metric in table}
    losses = {what: _mean(folds, column) for what, column in (("training", "train_loss"), ("validation", "val_loss"))}
    metrics = [figures.lines(f"{name}: {metric} on validation", "epoch", metric, by_fold)] if by_fold else []
    return [*metrics, figures.lines(f"{name}: loss, mean over folds", "epoch", "loss", losses)]


def _mean(folds: Mapping[int, pd.DataFrame], column: str) -> tuple[list, list]:
    """Return two lists: the epochs, and the mean of a column over the folds in each epoch.

    Only the folds that reached an epoch count for its mean. folds: by fold number, the history of the fold, which is a
    table with a row for each epoch. column: the name of the column, such as "val_loss".
    """
    mean = pd.concat(folds.values()).groupby("epoch")[column].mean()
    return mean.index.tolist(), mean.tolist()
