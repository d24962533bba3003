"""Add your own metrics here: write a function, add a Metric to METRICS, and write its name into competition.toml:

    metric = "weighted_auc"

Your metric is then used like a built-in metric: to choose the best epoch, the blend and the decision rule. The function
takes labels and predictions. comp/competition/competition.py describes the form of the labels for each target, and the
field `needs` of the Metric sets the form of the predictions. metric.py describes all fields of a Metric.
"""

import numpy as np

from comp.metrics.metric import Metric


def weighted_auc(labels: np.ndarray, probs: np.ndarray) -> float:
    """Return the AUC of the Kaggle competition ALASKA2. The area below a true positive rate of 0.4 counts twice.

    The result is scaled to the range from 0 to 1. labels (N,): 0 or 1. probs (N, 2): the probability of the negative
    and of the positive class.
    """
    from sklearn.metrics import roc_curve

    if labels.min() == labels.max():
        return 0.5  # labels of only one class have no curve
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
