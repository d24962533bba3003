"""Learning curves: the metric and the losses of each run by epoch."""

from collections.abc import Mapping

import pandas as pd

from comp.pages import figures
from comp.pages.page import ReportSection
from comp.pages.report.report_data import ReportData

MOST = 8  # runs that are drawn, the best ones


def section(data: ReportData) -> ReportSection:
    """Two figures for each run: the metric of each fold, and the mean losses."""
    there = {name: found for name, found in data.histories.items() if found}
    best = [source.name for source in data.runs if source.name in there]
    names = (best + [name for name in there if name not in best])[:MOST]
    drawn = [figure for name in names for figure in _of_run(data, name, there[name])]
    values = {
        "figures": drawn,
        "left_out": [name for name in there if name not in names],
        "without": [name for name in data.histories if name not in there],
    }
    return ReportSection("curves", "Learning curves", "report/curves.html.j2", values)


def _of_run(data: ReportData, name: str, folds: Mapping[int, pd.DataFrame]) -> list[figures.Figure]:
    metric = data.competition.metric.name
    by_fold = {f"fold {k}": (table["epoch"], table[metric]) for k, table in folds.items() if metric in table}
    losses = {what: _mean(folds, column) for what, column in (("training", "train_loss"), ("validation", "val_loss"))}
    made = [figures.lines(f"{name}: {metric} on validation", "epoch", metric, by_fold)] if by_fold else []
    return [*made, figures.lines(f"{name}: loss, mean over folds", "epoch", "loss", losses)]


def _mean(folds: Mapping[int, pd.DataFrame], column: str) -> tuple[list, list]:
    """Epochs and the mean over the folds that have them."""
    mean = pd.concat(folds.values()).groupby("epoch")[column].mean()
    return mean.index.tolist(), mean.tolist()
