"""The section of the report about the blend: its weights, its candidates, and how much the runs differ from each other.

A candidate is a way of blending that `make blend` tried.
"""

from collections.abc import Mapping

import numpy as np

from comp.blending import diversity
from comp.pages import figures
from comp.pages.figures import Figure, Table
from comp.pages.page import Section
from comp.pages.report.report_data import ReportData

MOST_RUNS = 30  # the tables that compare runs have at most this many runs
MOST_CANDIDATES = 25  # at most this many candidates are listed, the best ones


def section(data: ReportData) -> Section | None:
    """Return the section about the blend and about the differences between runs, or None if there are no runs.

    It shows the weights of the blend, the scores of the ways of blending that `make blend` tried, and two tables that
    compare the complete runs with each other.
    """
    if not data.runs:
        return None
    complete = sum(source.is_complete for source in data.runs)
    notes = [_described(data.weights)]
    if complete < 2:
        runs = "One run is complete" if complete else "No run is complete"
        notes.append(f"{runs}. If two or more runs are complete, this section shows how much they differ.")
    tables = [*_candidates(data), *_pairs(data)]
    return Section("blend", "Blend and runs", notes, figures=_weights(data.weights), tables=tables)


def _described(weights: Mapping) -> str:
    if not weights:
        return "There is no blend to show."
    return f"The blend has method {weights['method']}, rule {weights['rule']} and runs {', '.join(weights['runs'])}."


def _weights(weights: Mapping) -> list[Figure]:
    parts = dict(zip(weights.get("weights_of", ()), weights.get("weights", ()), strict=True))
    losses = weights.get("loss_without", {})
    bars = [figures.bars("Weights of the blend", "weight", parts)] if parts else []
    return bars + ([figures.bars("Drop of the score if one run is left out", "score", losses)] if losses else [])


def _candidates(data: ReportData) -> list[Table]:
    scores, metric = data.weights.get("candidates", {}), data.competition.metric
    best = sorted(scores.items(), key=lambda row: metric.shown(row[1]), reverse=True)[:MOST_CANDIDATES]
    title = "blend candidates, fitted on all folds but one, scored on that fold"
    return [Table(["method + rule", metric.name], [list(row) for row in best], title)] if best else []


def _pairs(data: ReportData) -> list[Table]:
    """Return two tables that compare the complete runs with each other, or [] if fewer than two runs are complete.

    The first table has the share of rows for which two runs predict different classes, and the second table has the
    correlation of their probabilities. For a regression, the second table has the correlation of the errors of two
    runs, and the first table has 1 minus this correlation.
    """
    complete = [source for source in data.runs if source.is_complete][:MOST_RUNS]
    if len(complete) < 2:
        return []
    probs, names = np.stack([source.probs for source in complete]), [source.name for source in complete]
    disagreement = diversity.disagreement(data.competition, probs, data.rows.labels)
    correlation = diversity.correlation(data.competition, probs, data.rows.labels)
    number = data.competition.target == "regression"
    titles = (
        "1 - correlation of errors" if number else "share of rows with different answers",
        "correlation of " + ("errors" if number else "probabilities"),
    )
    return [
        Table(["", *names], [[name, *map(float, row)] for name, row in zip(names, cells, strict=True)], title)
        for title, cells in zip(titles, (disagreement, correlation), strict=True)
    ]
