"""The blend's weights and candidates, and how unlike the runs are."""

import numpy as np

from comp.blending import diversity
from comp.pages import figures
from comp.pages.figures import Table
from comp.pages.page import ReportSection
from comp.pages.report.report_data import ReportData

MOST_RUNS = 30  # in the table of pairs
MOST_CANDIDATES = 25


def section(data: ReportData) -> ReportSection | None:
    """Weights and candidates as weights.json has them; the pairs are of all complete runs. None without runs."""
    if not data.runs:
        return None
    values = {
        "weights": data.weights,
        "figures": _weights(data.weights),
        "tables": [*_candidates(data), *_pairs(data)],
        "complete": sum(source.is_complete for source in data.runs),
    }
    return ReportSection("blend", "Blend and runs", "report/blend.html.j2", values)


def _weights(weights) -> list[figures.Figure]:
    parts = dict(zip(weights.get("weights_of", ()), weights.get("weights", ()), strict=True))
    adds = weights.get("loss_without", {})
    made = [figures.bars("Weights of the blend", "weight", parts)] if parts else []
    return made + ([figures.bars("What each adds: the score without it is lower by", "score", adds)] if adds else [])


def _candidates(data: ReportData) -> list[Table]:
    table, metric = data.weights.get("candidates", {}), data.competition.metric
    best = sorted(table.items(), key=lambda row: metric.shown(row[1]), reverse=True)[:MOST_CANDIDATES]
    title = "blend candidates, fitted on K-1 folds, scored on the fold left out"
    return [Table(["method + rule", metric.name], [list(row) for row in best], title)] if best else []


def _pairs(data: ReportData) -> list[Table]:
    """How unlike each two runs are, and the correlation of their probabilities."""
    whole = [source for source in data.runs if source.is_complete][:MOST_RUNS]
    if len(whole) < 2:
        return []
    probs, names = np.stack([source.probs for source in whole]), [source.name for source in whole]
    differ = diversity.disagreement(data.competition, probs, data.rows.labels)
    alike = diversity.correlation(data.competition, probs, data.rows.labels)
    number = data.competition.target == "regression"
    titles = (
        "1 - correlation of errors" if number else "share of different answers",
        "correlation of " + ("errors" if number else "probabilities"),
    )
    return [
        Table(["", *names], [[name, *map(float, row)] for name, row in zip(names, cells, strict=True)], title)
        for title, cells in zip(titles, (differ, alike), strict=True)
    ]
