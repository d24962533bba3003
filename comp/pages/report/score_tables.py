"""The section of the report about the scores of the blend and of each run. All scores are out of fold.

It shows the scores over all rows with their 95 % intervals, the scores in each fold and, if the classes have attributes
(properties such as a colour), the scores of each attribute.
"""

import numpy as np

from comp.blending import bootstrap
from comp.competition import scoring
from comp.console import score_text
from comp.pages import figures
from comp.pages.figures import Table
from comp.pages.page import Section
from comp.pages.report import categories
from comp.pages.report.report_data import ReportData, Source

MOST_BARS = 20  # the bar chart shows at most this many runs, the best ones, with the blend among them


def section(data: ReportData) -> Section:
    """Return the section about the scores of the blend and of all runs: key numbers, tables of scores, and a bar chart.

    The tables have the scores over all rows, in each fold, and for each attribute (a property of the classes, such as a
    colour).
    """
    values = {"tiles": [], "tables": [], "bars": None, "metric": _described(data)}
    if data.sources:
        intervals = [interval(data, source) for source in data.sources]
        values["tiles"] = _tiles(data, intervals[0])
        values["tables"] = [_overall(data, intervals), _by_fold(data), *_by_attribute(data)]
        values["bars"] = _bars(data, intervals)
    return Section("scores", "Scores", template="scores.html.j2", values=values)


def metric_values(data: ReportData, source: Source) -> dict[str, float]:
    """Return the value of each metric of the competition, by the name of the metric. The main metric comes first.

    source: the run or the blend whose predictions are scored. Rows without a prediction are left out.
    """
    known = source.known
    return scoring.scores(data.competition, data.rows.labels[known], source.probs[known])


def interval(data: ReportData, source: Source) -> tuple[float, float]:
    """Return the lower and the upper end of the 95 % interval of the main metric.

    The interval is from a bootstrap that draws whole groups of photos. source: the run or the blend whose predictions
    are scored. Rows without a prediction are left out.
    """
    known, competition = source.known, data.competition
    group = np.unique(data.rows.groups[known], return_inverse=True)[1]
    count = int(group.max()) + 1
    predictions = scoring.predictions(competition, competition.metric, source.probs[known])
    sums = bootstrap.sums_of_predictions(competition, data.rows.labels[known], group, count, [predictions])
    scores = bootstrap.bootstrap_scores(sums, count)[0]
    low, high = sorted(float(competition.metric.shown(score)) for score in np.percentile(scores, [2.5, 97.5]))
    return low, high


def by_fold(data: ReportData, source: Source) -> list[float | None]:
    """Return for each fold the value of the main metric, or None for a fold without predictions.

    source: the run or the blend whose predictions are scored.
    """
    known, competition = source.known, data.competition
    values = []
    for k in range(int(data.rows.folds.max()) + 1):
        rows = known & (data.rows.folds == k)
        score = scoring.score(competition, data.rows.labels[rows], source.probs[rows]) if rows.any() else None
        values.append(None if score is None else float(competition.metric.shown(score)))
    return values


def by_attribute(data: ReportData, source: Source) -> dict[str, float]:
    """Return for each attribute the share of rows for which it is predicted correctly, by the name of the attribute.

    An attribute is a property of the classes, such as a colour. The dictionary is empty if the classes have no
    attributes. source: the run or the blend whose predictions are scored. Rows without a prediction are left out.
    """
    target = categories.of_target(data)
    shares = {}
    for name, attribute in categories.of_attributes(data).items():
        answers = target.answers(data.competition, source)
        values = categories.attribute_values(data.competition.attributes[name].of_class, answers)
        shares[name] = float((values == attribute.truth)[source.known].mean())
    return shares


def _described(data: ReportData) -> str:
    """Return the name of the metric, with the words "higher is better" or "lower is better"."""
    metric = data.competition.metric
    return f"{metric.name} ({'higher' if metric.higher_is_better else 'lower'} is better)"


def _tiles(data: ReportData, interval: tuple[float, float]) -> list[tuple[str, str]]:
    """Return the key numbers of the section, as pairs of texts: the number, and what it means.

    If there is a blend, its score and its interval are read from the blend's weights.json. interval: the lower and the
    upper end of the 95 % interval to show if weights.json has none.
    """
    rows, main, metric = data.rows, data.main, data.competition.metric.name
    value = data.weights.get("cross_fitted", metric_values(data, main)[metric])
    low, high = data.weights.get("interval_95", interval)
    kind = "cross-validated score of the blend" if data.blend else f"out-of-fold score of {main.name}"
    tiles = [
        (score_text(value), f"{metric}: {kind}"),
        (f"{score_text(low)} to {score_text(high)}", "95 % interval of this score"),
    ]
    if "optimism" in data.weights:
        tiles.append(
            (score_text(data.weights["optimism"], value, "+"), "optimism: in-sample score minus cross-validated score")
        )
    chances = data.weights.get("beats", {})
    tiles += [(f"{chance:.0%}", f"probability to beat the {rival}") for rival, chance in chances.items()]
    return [
        *tiles,
        (f"{main.known.sum():,}", f"scored rows, of {len(rows.ids):,} rows in all"),
        (str(int(rows.folds.max()) + 1), "folds"),
    ]


def _overall(data: ReportData, intervals) -> Table:
    measured = [metric_values(data, source) for source in data.sources]
    rows = [
        [source.name, int(source.known.sum()), *values.values(), low, high]
        for source, values, (low, high) in zip(data.sources, measured, intervals, strict=True)
    ]
    return Table(["", "rows", *measured[0], "95 % interval from", "to"], rows, "out-of-fold scores")


def _by_fold(data: ReportData) -> Table:
    rows = [[source.name, *by_fold(data, source)] for source in data.sources]
    return Table(["", *(f"fold {k}" for k in range(len(rows[0]) - 1))], rows, f"{_described(data)} in each fold")


def _by_attribute(data: ReportData) -> list[Table]:
    rows = [[source.name, *by_attribute(data, source).values()] for source in data.sources]
    names = list(data.competition.attributes)
    return [Table(["", *names], rows, "share of right answers for each attribute")] if len(rows[0]) > 1 else []


def _bars(data: ReportData, intervals) -> figures.Figure:
    """Return a bar chart with the score of the blend and of each run. Whiskers show the 95 % intervals."""
    shown = data.sources[:MOST_BARS]
    metric = data.competition.metric.name
    values = {source.name: metric_values(data, source)[metric] for source in shown}
    return figures.bars(f"{metric} out of fold, with 95 % intervals", metric, values, intervals[: len(shown)])
