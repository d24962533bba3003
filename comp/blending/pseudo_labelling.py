"""Pseudo-labels: test photos labelled by trained models, as further training rows of a second round (Lee 2013).

Which models may label for which fold is decided here, in `labels_for_fold`: the test photos that fold k's model will
train on are labelled by fold k's models of all runs. None of them has seen a label of fold k, so the out-of-fold score
of the second round stays what it says. Their equal mean is taken: fitted weights would bring labels of fold k in.

Letters: T test ids, C classes.
"""

import numpy as np

from comp.competition.competition import ONE_LABEL, Competition
from comp.errors import InputError
from comp.store.out_of_fold import load_fold
from comp.store.pseudo_labels import PseudoLabels
from comp.store.runs import Run


def write(labels: PseudoLabels, runs: list[str], folds, digest: str, competition: Competition, how: dict) -> None:
    """Write the labels for every fold. how: `power` and `most_per_class` (see `sharpened` and `most_confident`)."""
    for k in sorted(folds["fold"].unique()):
        ids, probs = labels_for_fold(k, [Run(labels.outputs, name) for name in runs], folds, digest, competition)
        probs = sharpened(probs, how["power"], competition)
        kept = most_confident(probs, how["most_per_class"], competition)
        labels.save(int(k), ids[kept], probs[kept], competition, {"folds": digest, "runs": runs, **how})


def labels_for_fold(k: int, runs: list[Run], folds, digest: str, competition: Competition):
    """Test ids (T,) and the mean (T, C) of the predictions of fold k's models; no model of another fold has a say."""
    tests = [load_fold(run, k, folds, digest, competition)[1] for run in runs]
    ids = tests[0].ids
    return ids, np.mean([test.at(ids) for test in tests], axis=0, dtype=np.float64).astype(np.float32)


def sharpened(probs: np.ndarray, power: float, competition: Competition) -> np.ndarray:
    """probs (T, C) to the power, scaled to sum 1; of several labels each beside its opposite; numbers as they are."""
    if competition.target == "regression":
        return probs
    raised = probs.astype(np.float64) ** power
    others = (1 - probs.astype(np.float64)) ** power
    total = raised.sum(1, keepdims=True) if competition.target in ONE_LABEL else raised + others
    return (raised / total).astype(np.float32)


def most_confident(probs: np.ndarray, most: int, competition: Competition) -> np.ndarray:
    """Positions of the `most` surest rows of each predicted class, in their order; all rows if 0, or not one label."""
    if not most or competition.target not in ONE_LABEL:
        return np.arange(len(probs))
    answers, sure = probs.argmax(1), probs.max(1)
    by_class = [np.flatnonzero(answers == c) for c in np.unique(answers)]
    return np.sort(np.concatenate([rows[np.argsort(-sure[rows], kind="stable")[:most]] for rows in by_class]))


def labelling_runs(names: list[str], trained: list[str]) -> list[str]:
    """The runs of the blend that may label. Raises InputError if there is none.

    External predictions have no models by fold, so it is not known which labels they have seen.
    """
    found = [name for name in names if name in trained]
    if not found:
        raise InputError(
            f"the blend is of external predictions alone: {', '.join(names)}",
            "a run trained here",
            "make train MODEL=<a model>, then make blend",
        )
    return found
