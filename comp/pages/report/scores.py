"""Out-of-fold scores of each source: over all rows with their interval, in each fold, and for each attribute."""

import numpy as np

from comp.blending import bootstrap, group_sums
from comp.competition import scoring
from comp.pages.report import categories
from comp.pages.report.report_data import ReportData, Source


def metrics(data: ReportData, source: Source) -> dict[str, float]:
    """Name of the competition's metric and of those beside it to the value over the predicted rows."""
    known = source.known
    return scoring.scores(data.competition, data.rows.labels[known], source.probs[known])


def interval(data: ReportData, source: Source) -> tuple[float, float]:
    """The 95 % interval of the metric over the predicted rows, by bootstrap over groups; lower value first."""
    known, competition = source.known, data.competition
    group = np.unique(data.rows.groups[known], return_inverse=True)[1]
    made = scoring.predictions(competition, competition.metric, source.probs[known])
    sums = group_sums.of_predictions(competition, data.rows.labels[known], group, int(group.max()) + 1, [made])
    drawn = bootstrap.scores(sums, int(group.max()) + 1)[0]
    low, high = sorted(float(competition.metric.shown(score)) for score in np.percentile(drawn, [2.5, 97.5]))
    return low, high


def by_fold(data: ReportData, source: Source) -> list[float | None]:
    """The metric in each fold; None for a fold that is not predicted."""
    known, competition = source.known, data.competition
    values = []
    for k in range(int(data.rows.folds.max()) + 1):
        rows = known & (data.rows.folds == k)
        score = scoring.score(competition, data.rows.labels[rows], source.probs[rows]) if rows.any() else None
        values.append(None if score is None else float(competition.metric.shown(score)))
    return values


def by_attribute(data: ReportData, source: Source) -> dict[str, float]:
    """Attribute to the share of rows whose value of it is right; empty without attributes."""
    target = categories.of_target(data)
    shares = {}
    for name, one in categories.of_attributes(data).items():
        answers = target.answers(data.competition, source)
        values = categories.of_classes(data.competition.attributes[name].of_class, answers)
        shares[name] = float((values == one.truth)[source.known].mean())
    return shares
