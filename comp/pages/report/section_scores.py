"""The score of the blend and of each run, with intervals, folds and attributes."""

from comp.pages import figures
from comp.pages.report import scores
from comp.pages.report.report_data import ReportData
from comp.pages.report.section import Section
from comp.pages.tables import Table

BARS = 20  # runs in the bar chart


def section(data: ReportData) -> Section:
    """Tiles with the main numbers; a table of all sources, per fold and per attribute."""
    values = {"tiles": [], "tables": [], "bars": None, "metric": described(data)}
    if data.sources:
        intervals = [scores.interval(data, source) for source in data.sources]
        values["tiles"] = _tiles(data, intervals[0])
        values["tables"] = [_overall(data, intervals), _by_fold(data), *_by_attribute(data)]
        values["bars"] = _bars(data, intervals)
    return Section("scores", "Scores", "report/scores.html.j2", values)


def described(data: ReportData) -> str:
    """The metric's name and direction."""
    metric = data.competition.metric
    return f"{metric.name} ({'higher' if metric.higher_is_better else 'lower'} is better)"


def _tiles(data: ReportData, interval: tuple[float, float]) -> list[tuple[str, str]]:
    """Pairs of value and what it is. The blend's score and interval are those that `make blend` recorded."""
    rows, main, metric = data.rows, data.main, data.competition.metric.name
    value = data.weights.get("cross_fitted", scores.metrics(data, main)[metric])
    low, high = data.weights.get("interval_95", interval)
    kind = "cross-validated score of the blend" if data.blend else f"out-of-fold score of {main.name}"
    tiles = [(f"{value:.4f}", f"{metric}: {kind}"), (f"{low:.4f} to {high:.4f}", "95 % interval, over groups")]
    if "optimism" in data.weights:
        tiles.append((f"{data.weights['optimism']:+.4f}", "optimism: in sample minus cross-validated"))
    chances = data.weights.get("beats", {})
    tiles += [(f"{chance:.0%}", f"probability to beat the {rival}") for rival, chance in chances.items()]
    return [
        *tiles,
        (f"{main.known.sum():,}", f"rows scored, of {len(rows.ids):,}"),
        (str(int(rows.folds.max()) + 1), "folds"),
    ]


def _overall(data: ReportData, intervals) -> Table:
    measured = [scores.metrics(data, source) for source in data.sources]
    rows = [
        [source.name, int(source.known.sum()), *values.values(), low, high]
        for source, values, (low, high) in zip(data.sources, measured, intervals, strict=True)
    ]
    return Table(["", "rows", *measured[0], "95 % from", "to"], rows, "out of fold")


def _by_fold(data: ReportData) -> Table:
    rows = [[source.name, *scores.by_fold(data, source)] for source in data.sources]
    return Table(["", *(f"fold {k}" for k in range(len(rows[0]) - 1))], rows, f"{described(data)} in each fold")


def _by_attribute(data: ReportData) -> list[Table]:
    rows = [[source.name, *scores.by_attribute(data, source).values()] for source in data.sources]
    names = list(data.competition.attributes)
    return [Table(["", *names], rows, "share of right answers for each attribute")] if len(rows[0]) > 1 else []


def _bars(data: ReportData, intervals) -> figures.Figure:
    """Scores with their intervals."""
    shown = data.sources[:BARS]
    metric = data.competition.metric.name
    values = {source.name: scores.metrics(data, source)[metric] for source in shown}
    return figures.bars(f"{metric} out of fold, with 95 % intervals", metric, values, intervals[: len(shown)])
