"""Your own metrics: write a function, add a Metric to METRICS, and name it in competition.toml.

    metric = "weighted_auc"

A metric in this list chooses the best epoch, the blend and the decision rule like any other. Its function takes labels
in the form of the table in comp/competition/competition.py, and the predictions that `needs` names. metric.py describes
all fields of a Metric: which values are possible, what speeds up the searches, what training and the submission need.
"""

import numpy as np

from comp.metrics.metric import Metric


def weighted_auc(labels: np.ndarray, probs: np.ndarray) -> float:
    """AUC in which the area below a true positive rate of 0.4 counts twice (ALASKA2); labels (N,), probs (N, 2)."""
    from sklearn.metrics import roc_curve

    if labels.min() == labels.max():
        return 0.5  # one class only: there is no curve
    false_rate, true_rate, _ = roc_curve(labels, probs[:, 1])
    place = np.searchsorted(true_rate, 0.4)  # insert a point where the curve crosses 0.4
    around = slice(place - 1, place + 1)
    false_rate = np.insert(false_rate, place, np.interp(0.4, true_rate[around], false_rate[around]))
    true_rate = np.insert(true_rate, place, 0.4)
    area = np.trapezoid(true_rate, false_rate) + np.trapezoid(np.minimum(true_rate, 0.4), false_rate)
    return float(area / 1.4)


METRICS = [
    Metric("weighted_auc", weighted_auc, needs="ranks", targets=("binary",)),
]
