"""Simulate the predictions of sets of runs, to test how well a blend is chosen. Such a set of runs is called a pool.

As in real training, a run consists of K models, one for each fold. An out-of-fold row is predicted by one model of the
run, and a test row by the mean of the K models. So a single run is better on test rows than on out-of-fold rows, and a
blend gains less on test rows. Three kinds of noise are added to the logits: noise that all runs share (hard photos),
noise of a run (its architecture), and noise of a model (its seed and its fold).

Letters in the shapes: M runs, N rows, T test rows, K folds, C classes.
"""

from dataclasses import dataclass

import numpy as np

from comp.competition.competition import Competition
from comp.inputs import mask_gender_age
from comp.metrics import named_metrics

FOLDS, PHOTOS = 5, 7  # number of folds, and number of photos in each group
# how often each value of mask, gender and age occurs in the competition that this toolkit was first written for
SHARES = ((5 / 7, 1 / 7, 1 / 7), (0.39, 0.61), (0.474, 0.456, 0.07))
SKILL = (4.2, 3.6, 2.3)  # added to the logit of the true value; macro F1 is then about 0.5, as on small sets of photos
SHARED, RUN, MODEL = 1.7, 0.6, 0.6  # standard deviations of the three kinds of noise
UNLIKE = (0.5, 1.2)  # for each pool, a factor for the noise of runs and models is drawn between these two numbers
RUN_BIAS, MODEL_BIAS = 0.3, 0.2  # standard deviations of the offsets that a run, or a model, adds to each logit
IN_GROUP = 0.6  # share of the noise's variance that is common to all photos of a group
KINDS = ("alike", "spread", "one better", "weak ones", "seeds")
# Numbers of runs, and numbers of groups with out-of-fold rows (2,100 to 4,000 rows) and with test rows (1,050 to 4,000
# rows). One entry of each is drawn, and all its entries are equally likely.
RUNS = (2, 2, 2, 3, 3, 3, 5, 5, 10, 30)
GROUPS, TEST_GROUPS = (300, 300, 300, 400, 570), (150, 150, 300, 570)
TARGETS = {
    "macro F1": (mask_gender_age.competition(), SHARES, SKILL),
    "accuracy": (Competition("multiclass", tuple("abcdefgh"), named_metrics.get("accuracy")), ((0.125,) * 8,), (2.8,)),
    "AUC": (Competition("binary", ("no", "yes"), named_metrics.get("auc")), ((0.8, 0.2),), (1.8,)),
    "micro F1": (
        Competition("multilabel", tuple("abcdef"), named_metrics.get("micro_f1")),
        ((0.75, 0.25),) * 6,
        (2.2,) * 6,
    ),
}


@dataclass(frozen=True)
class Pool:
    """A set of M simulated runs with predictions for N out-of-fold rows and T test rows.

    oof (M, N, C), test (M, T, C): the probabilities of C classes for the two sets of rows. labels, test_labels: the
    true labels of these rows, one class for each row or, for a multilabel target, C values of 0 and 1. folds (N,),
    groups (N,): the fold and the group of each out-of-fold row.
    """

    competition: Competition
    oof: np.ndarray
    test: np.ndarray
    labels: np.ndarray
    test_labels: np.ndarray
    folds: np.ndarray
    groups: np.ndarray


def draw(seed: int, target: str = "macro F1", kind: str = "", runs: int = 0) -> Pool:
    """Simulate a set of runs with random properties.

    target: the metric of the simulated competition, a key of TARGETS. kind: how much better some runs are than others,
    one of KINDS; if empty, it is chosen at random. runs: the number of runs; if 0, it is chosen at random.
    """
    rng = np.random.default_rng(seed)
    competition, shares, skill = TARGETS[target]
    groups, tested = int(rng.choice(GROUPS)), int(rng.choice(TEST_GROUPS))
    kind, runs = kind or str(rng.choice(KINDS)), runs or int(rng.choice(RUNS))
    group = np.arange((groups + tested) * PHOTOS) // PHOTOS
    inside = group < groups
    fold = rng.permutation(np.arange(groups) % FOLDS)[group[inside]]
    values = [_values(rng, share, group, i > 0 and target == "macro F1") for i, share in enumerate(shares)]
    noise = [_noise(rng, group, len(share)) for share in shares]
    oof, test = [], []
    unlike, own = rng.uniform(*UNLIKE), 0.2 if kind == "seeds" else 1.0
    for factor in _factors(rng, kind, runs):
        models = _models(rng, group, values, noise, shares, [value * factor for value in skill], own * unlike, unlike)
        probs = np.stack([_join(competition, model) for model in models])
        oof.append(probs[fold, np.flatnonzero(inside)])
        test.append(probs[:, ~inside].mean(0))
    labels = _labels(competition, values)
    return Pool(competition, np.stack(oof), np.stack(test), labels[inside], labels[~inside], fold, group[inside])


def _values(rng: np.random.Generator, share: tuple, group: np.ndarray, same: bool) -> np.ndarray:
    """Draw the true value of one attribute for each of N rows, and return the values as indices into `share`, (N,).

    share: the probability of each value. group (N,): the number of each row's group. same: whether all rows of a group
    have the same value.
    """
    drawn = rng.choice(len(share), len(group), p=np.array(share) / sum(share))
    return drawn[group] if same else drawn


def _noise(rng: np.random.Generator, group: np.ndarray, size: int) -> np.ndarray:
    """Draw normally distributed noise (N, size) with the variance 1: `size` numbers for each of N rows.

    The share IN_GROUP of the variance is common to all rows of a group. group (N,): the number of each row's group.
    """
    common = rng.normal(size=(group[-1] + 1, size))[group]
    return np.sqrt(IN_GROUP) * common + np.sqrt(1 - IN_GROUP) * rng.normal(size=(len(group), size))


def _factors(rng: np.random.Generator, kind: str, runs: int) -> np.ndarray:
    """Draw a factor for the skill of each of M runs, and return the factors (M,).

    The skill is the number that a run adds to the logit of the true value, so a run with a larger factor is better.
    kind: how much the runs differ, one of KINDS. runs: the number M of runs.
    """
    factors = rng.normal(1, {"alike": 0.02, "spread": 0.12, "seeds": 0.0}.get(kind, 0.04), runs)
    if kind == "one better":
        factors[0] += rng.uniform(0.1, 0.6)
    if kind == "weak ones":
        factors[: (runs + 1) // 2] -= rng.uniform(0.15, 0.6, (runs + 1) // 2)
    return rng.permutation(factors)


def _models(rng, group: np.ndarray, values, noise, shares, skill, own: float, unlike: float) -> list[list[np.ndarray]]:
    """Simulate the predictions of one run for N rows. A run has K models, one for each fold.

    Returns a list with K entries, one for each model. An entry is a list that has the probabilities (N, size) of each
    attribute, where `size` is the number of the attribute's values.

    group (N,): the number of each row's group. values, noise, shares, skill: for each attribute, the true values, the
    noise that all runs share, the probability of each value, and the number that is added to the logit of the true
    value. own: a factor for the noise of the run; it is small if runs differ only in the seed. unlike: a factor for the
    noise of each model.
    """
    parts, sharpness = [], rng.uniform(0.7, 1.5)
    for value, shared, share, own_skill in zip(values, noise, shares, skill, strict=True):
        size = len(share)
        logits = SHARED * shared + own * RUN * _noise(rng, group, size) + own * RUN_BIAS * rng.normal(size=size)
        logits[np.arange(len(value)), value] += own_skill * np.maximum(1 + 0.12 * own * rng.normal(size=size), 0)[value]
        logits += 0.5 * np.log(share)

        def model(logits=logits, size=size):
            own = MODEL * _noise(rng, group, size) + MODEL_BIAS * rng.normal(size=size)
            return _softmax(sharpness * (logits + unlike * own))

        parts.append([model() for _ in range(FOLDS)])
    return [list(model) for model in zip(*parts, strict=True)]


def _softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def _join(competition: Competition, parts: list[np.ndarray]) -> np.ndarray:
    """Return the probabilities (N, C) float32 of classes or labels, made from those of the attributes.

    parts: for each attribute, the probabilities (N, size) of its values. The probability of a class is the product of
    the probabilities of its attribute values. For a multilabel target, each attribute is a label that is 0 or 1, and
    the result has the probability of the value 1.
    """
    if competition.target == "multilabel":
        return np.stack([part[:, 1] for part in parts], 1).astype(np.float32)
    product = np.ones((len(parts[0]), 1))
    for part in parts:
        product = (product[:, :, None] * part[:, None, :]).reshape(len(part), -1)
    return product.astype(np.float32)


def _labels(competition: Competition, values: list[np.ndarray]) -> np.ndarray:
    if competition.target == "multilabel":
        return np.stack(values, 1).astype(np.uint8)
    return mask_gender_age.encode(*values) if len(values) > 1 else values[0]
