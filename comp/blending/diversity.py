"""How unlike the runs of a blend are, what each adds, and where the blend is weak: what to train next.

Letters: M models, N rows, C classes.
"""

import numpy as np

from comp.blending import combine, decision
from comp.competition import metrics

MOST = 200_000  # probabilities a model that correlations are computed from


def disagreement(probs: np.ndarray) -> np.ndarray:
    """Share of rows (M, M) on which two of the models (M, N, C) answer differently."""
    answers = [one.argmax(1) for one in probs]
    return np.array([[np.mean(a != b) for b in answers] for a in answers])


def correlation(probs: np.ndarray) -> np.ndarray:
    """Correlation (M, M) of the models' errors p - mean p, over evenly spaced rows where there are many."""
    step = max(1, probs[0].size // MOST)
    rows = probs[:, ::step].reshape(len(probs), -1).astype(np.float64)
    return np.atleast_2d(np.corrcoef(rows))


def losses_without(method: str, metric: str, probs: np.ndarray, labels: np.ndarray, weights, offsets) -> np.ndarray:
    """What the blend loses (M,) when one model is taken out and the other weights are scaled up; not fitted again."""
    full = _score(method, metric, probs, labels, weights, offsets)
    lost = []
    for m in range(len(probs)):
        left = np.where(np.arange(len(probs)) == m, 0, weights)
        lost.append(full - _score(method, metric, probs, labels, left / left.sum(), offsets) if left.sum() else full)
    return np.array(lost)


def _score(method, metric, probs, labels, weights, offsets) -> float:
    used = weights > 0
    mixed = combine.blended(method, probs[used], weights[used])
    return metrics.score(metric, labels, decision.adjusted(mixed, offsets))


def weakest_classes(oof: np.ndarray, labels: np.ndarray, probs: np.ndarray, count: int = 3) -> list[dict]:
    """The classes of worst recall: {label, rows, recall, taken_for, best_run, best_recall}, the worst first.

    oof (N, C): the blend's; taken_for: the class that most of its missed rows get; best_run: position of the model with
    the best recall of it alone.
    """
    confused = metrics.confusion(labels, oof.argmax(1), oof.shape[1])
    rows = confused.sum(1)
    recall = np.where(rows > 0, np.diag(confused) / np.maximum(rows, 1), np.inf)
    found = []
    for label in np.argsort(recall, kind="stable")[:count]:
        if not np.isfinite(recall[label]):
            continue
        missed = confused[label].copy()
        missed[label] = -1
        of = [float((one[labels == label].argmax(1) == label).mean()) for one in probs]
        found.append({
            "label": int(label), "rows": int(rows[label]), "recall": float(recall[label]),
            "taken_for": int(missed.argmax()), "best_run": int(np.argmax(of)), "best_recall": max(of),
        })  # fmt: skip
    return found
