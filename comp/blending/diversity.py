"""Measure how different the runs of a blend are, what each run adds, and which classes the blend predicts worst.

Letters in the shapes: M models, N rows, C classes.
"""

import numpy as np

from comp.blending.candidates import Candidate
from comp.competition import scoring
from comp.competition.competition import Competition
from comp.metrics import formulas

CORRELATED_CELLS = 200_000  # largest number of probabilities of each model that a correlation uses
COMPARED_CELLS = 20_000_000  # largest number of answers of each model to compare if rows have several labels


def disagreement(competition: Competition, probs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return for each pair of M models the share of rows for which the two models predict different classes, (M, M).

    For multilabel data, return the share of labels over all rows that are predicted differently. For a regression,
    return 1 - the correlation between the errors of the two models. probs (M, N, C): the predictions of the models.
    labels: the true labels, which only a regression uses.
    """
    if competition.target == "regression":
        return 1 - correlation(competition, probs, labels)
    step = max(1, probs[0].size // COMPARED_CELLS) if competition.target == "multilabel" else 1
    answers = [scoring.answers(competition, model[::step]) for model in probs]
    return np.array([[np.mean(a != b) for b in answers] for a in answers])


def correlation(competition: Competition, probs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return for each pair of M models the correlation between the probabilities of the two models, (M, M).

    For a regression, return the correlation between the errors of the two models. probs (M, N, C): the predictions of
    the models. labels: the true labels, which only a regression uses. If there are many rows, only evenly spaced rows
    are used.
    """
    step = max(1, probs[0].size // CORRELATED_CELLS)
    rows = probs[:, ::step].reshape(len(probs), -1).astype(np.float64)
    if competition.target == "regression":
        rows = rows - labels[::step]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.nan_to_num(np.atleast_2d(np.corrcoef(rows)))  # 0 for a constant model, which has no correlation


def losses_without(
    candidate: Candidate, competition: Competition, probs: np.ndarray, labels: np.ndarray, weights, parameters
) -> np.ndarray:
    """Return for each of M models how much the score of the blend drops if this model is removed, (M,).

    The weights of the other models are scaled to sum to 1, but not fitted again. candidate: the method and the decision
    rule of the blend. probs (M, N, C): the predictions of the models. weights (M,): the weights of the models.
    parameters: the parameters of the decision rule.
    """

    def score(kept: np.ndarray) -> float:
        used = kept > 0
        return scoring.score(competition, labels, candidate.adjusted(probs[used], kept[used], parameters, competition))

    full, lost = score(weights), []
    for m in range(len(probs)):
        left = np.where(np.arange(len(probs)) == m, 0, weights)
        lost.append(full - score(left / left.sum()) if left.sum() else full)
    return np.array(lost)


def weakest(competition: Competition, oof: np.ndarray, labels: np.ndarray, probs: np.ndarray, count: int = 3):
    """Return the `count` classes that the blend predicts worst, the worst class first, as a list of dictionaries.

    The keys of each dictionary are:
        label: the number of the class; rows: the number of rows with this class
        measure: "recall" or, for multilabel data, "F1"; score: the recall or F1 of the blend for this class
        best_run, best_score: the position of the single model that predicts this class best, and its recall or F1
        taken_for: the class that is most often predicted for the rows by mistake. The key is left out if there is no
            mistake, and for multilabel data.

    For a regression, the list is empty. oof (N, C): the blend's out-of-fold probabilities. labels: the true labels, as
    (N,) or, for multilabel data, as (N, C) of 0 and 1. probs (M, N, C): the out-of-fold probabilities of the models.
    """
    if competition.target == "regression":
        return []
    find = _weakest_labels if competition.target == "multilabel" else _weakest_classes
    return find(competition, oof, labels, probs, count)


def _weakest_classes(competition: Competition, oof, labels, probs, count: int) -> list[dict]:
    answers = scoring.answers(competition, oof)
    right, _, rows = formulas.counts(labels, answers, competition.size)
    recall = np.where(rows > 0, right / np.maximum(rows, 1), np.inf)
    classes = []
    for label in np.argsort(recall, kind="stable")[:count]:
        if not np.isfinite(recall[label]):
            continue
        own = labels == label
        missed = np.bincount(answers[own], minlength=competition.size)
        missed[label] = -1
        alone = [float((scoring.answers(competition, run[own]) == label).mean()) for run in probs]
        classes.append(
            {
                "label": int(label),
                "rows": int(rows[label]),
                "measure": "recall",
                "score": float(recall[label]),
                "best_run": int(np.argmax(alone)),
                "best_score": max(alone),
            }
            | ({"taken_for": int(missed.argmax())} if missed.max() > 0 else {})
        )
    return classes


def _weakest_labels(competition: Competition, oof, labels, probs, count: int) -> list[dict]:
    def f1(run: np.ndarray) -> np.ndarray:
        return formulas.f_scores(*formulas.counts(labels, scoring.answers(competition, run)))[0]

    rows, of_blend, alone = np.count_nonzero(labels, axis=0), f1(oof), np.stack([f1(run) for run in probs])
    order = np.argsort(np.where(rows > 0, of_blend, np.inf), kind="stable")[:count]
    return [
        {
            "label": int(label),
            "rows": int(rows[label]),
            "measure": "F1",
            "score": float(of_blend[label]),
            "best_run": int(alone[:, label].argmax()),
            "best_score": float(alone[:, label].max()),
        }
        for label in order
        if rows[label]
    ]
