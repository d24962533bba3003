"""Scores of probabilities under a competition's metrics, with the plain decision (argmax, 0.5, rounding).

Letters: N rows, C classes.
"""

import numpy as np

from comp.competition.competition import Competition


def answers(competition: Competition, probs: np.ndarray) -> np.ndarray:
    """The plain decision for probs (N, C).

    One label: the most probable class (N,); ordinal: the same, unless the metric is for grades, then the rounded
    expectation; multilabel: (N, C) bool, at least 0.5, and the most probable label where a row would have none but must
    have one; regression: values (N,).
    """
    if competition.target == "regression":
        return probs[:, 0]
    if competition.target == "multilabel":
        chosen = probs >= 0.5
        if competition.at_least_one:
            empty = ~chosen.any(1)
            chosen[empty, probs[empty].argmax(1)] = True
        return chosen
    return probs.argmax(1)


def score(competition: Competition, labels: np.ndarray, probs: np.ndarray) -> float:
    """The deciding metric of the plain decision; better up."""
    metric = competition.metric
    return metric.score(labels, answers(competition, probs) if metric.needs == "answers" else probs)


def scores(competition: Competition, labels: np.ndarray, probs: np.ndarray) -> dict[str, float]:
    """Name to value, as a leaderboard shows it, of the deciding metric and those shown beside it."""
    made = answers(competition, probs)
    return {m.name: float(m.function(labels, made if m.needs == "answers" else probs))
            for m in (competition.metric, *competition.also)}  # fmt: skip


def combine_rows(probs: np.ndarray, ids: np.ndarray, how: str) -> tuple[np.ndarray, np.ndarray]:
    """Unique ids (S,) in the order of their first row, and the mean or max of their rows of probs (S, C)."""
    import pandas as pd

    rows = pd.DataFrame(probs).groupby(np.asarray(ids), sort=False)
    values = rows.mean() if how == "mean" else rows.max()
    return values.index.to_numpy(), values.to_numpy(np.float32)
