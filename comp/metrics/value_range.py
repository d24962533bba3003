"""The values that a metric can have, to refuse a score that was mistyped."""

import math

from comp.metrics import user_metrics
from comp.metrics.metric import Metric


def possible_values(metric: Metric) -> tuple[float, float]:
    """The lowest and the highest possible value; infinite where there is no limit, or for a metric of the user's."""
    if any(metric.name == own.name for own in user_metrics.METRICS):
        return -math.inf, math.inf
    if not metric.higher_is_better:
        return 0.0, math.inf  # a loss, or a distance
    return (-1.0 if metric.name == "quadratic_kappa" else 0.0), 1.0
