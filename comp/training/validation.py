"""The scores of an epoch over all held-out rows, and which of them chooses the best epoch."""

import math

import numpy as np

from comp.competition import scoring
from comp.competition.combining import scored
from comp.competition.competition import Competition
from comp.data.batches import Batches
from comp.metrics import metrics
from comp.metrics.metrics import Metric


def scores(competition: Competition, held_out: Batches, probs: np.ndarray) -> dict[str, float]:
    """val_loss and the value of each shown metric, by name; probs (N, C) of the held-out rows.

    Where photos are combined, prediction ids are scored.
    """
    labels, probs = scored(competition, held_out.labels, probs, held_out.ids)
    return {"val_loss": val_loss(competition, labels, probs), **scoring.scores(competition, labels, probs)}


def val_loss(competition: Competition, labels: np.ndarray, probs: np.ndarray) -> float:
    """Log loss of one label, mean binary cross entropy of several, mean squared error of a number."""
    if competition.target == "regression":
        return float(np.mean((probs[:, 0] - labels) ** 2, dtype=np.float64))
    return metrics.log_loss(labels, probs)


def goodness(values: dict[str, float], best_by: str, competition: Competition) -> float:
    """The value that the recipe chooses epochs by, its sign turned where lower is better.

    A metric that is not defined on these rows (NaN, as AUC with one class) counts as worst.
    """
    value = values[best_by]
    better_up = best_by != "val_loss" and _metric(best_by, competition).higher_is_better
    return -math.inf if math.isnan(value) else value if better_up else -value


def _metric(name: str, competition: Competition) -> Metric:
    return next(metric for metric in (competition.metric, *competition.also) if metric.name == name)
