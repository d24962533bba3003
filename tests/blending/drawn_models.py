"""Noisy models of drawn labels, for the tests of blending."""

import numpy as np

from comp.blending.choice import OutOfFold
from comp.competition.competition import Attribute, Competition
from comp.metrics import named_metrics

VALUES = ("0", "1")
ATTRIBUTES = {"row": Attribute(VALUES, (0, 0, 1, 1)), "column": Attribute(VALUES, (0, 1, 0, 1))}


def competition(metric="macro_f1", target="multiclass", classes=4):
    attributes = ATTRIBUTES if target == "multiclass" else {}
    return Competition(target, tuple("abcd"[:classes]), named_metrics.get(metric), attributes=attributes)


def data(models=3, rows=400, seed=0, skill=2.5, metric="macro_f1", folds=3):
    """Noisy models of one class per row."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(4, rows, p=[0.4, 0.3, 0.2, 0.1])
    shared = rng.normal(size=(rows, 4))
    scores = np.exp(skill * np.eye(4)[labels] + shared + rng.normal(size=(models, rows, 4)))
    groups = np.arange(rows) // 4
    probs = (scores / scores.sum(2, keepdims=True)).astype(np.float32)
    return OutOfFold(competition(metric), probs, labels, groups % folds, groups)


def other(target, metric, rows=240, models=3, seed=0, folds=3):
    """Noisy models of another kind of target."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(rows, 3)) + rng.normal(size=(models, rows, 3))
    if target == "multilabel":
        labels = (rng.random((rows, 3)) < [0.5, 0.3, 0.1]).astype(np.uint8)
        probs = 1 / (1 + np.exp(-(3 * labels - 2.5 + noise)))
    elif target == "regression":
        labels = rng.normal(50, 20, rows)
        probs = labels[:, None] + 8 * noise[..., :1]
    else:
        classes = 2 if target == "binary" else 3
        labels = rng.choice(3, rows, p=[0.5, 0.3, 0.2]) % classes
        scores = np.exp(2 * np.eye(classes)[labels] + noise[..., :classes])
        probs = scores / scores.sum(2, keepdims=True)
    groups = np.arange(rows) // 4
    return OutOfFold(
        competition(metric, target, probs.shape[2]), probs.astype(np.float32), labels, groups % folds, groups
    )
