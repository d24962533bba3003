"""The section of the report on learning curves, which show the metric and the losses of each run in each epoch."""

from collections.abc import Mapping

import pandas as pd

from comp.pages import figures
from comp.pages.page import Section
from comp.pages.report.report_data import ReportData

MOST_RUNS = 8  # at most this many runs have figures, the best ones, because more figures make the page large


def section(data: ReportData) -> Section:
    """Return the section with two figures for each run: the metric of each fold, and the mean losses over the folds."""
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
    """Return the epochs, and the mean of a column of the histories in each epoch.

    The mean of an epoch is taken over the folds that reached this epoch. folds: the history of each fold, by the number
    of the fold.
    """
    mean = pd.concat(folds.values()).groupby("epoch")[column].mean()
    return mean.index.tolist(), mean.tolist()
