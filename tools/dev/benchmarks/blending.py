"""Benchmarks of our blend methods against other methods, by macro F1.

The results are entries of outputs/bench/blending.json. In most entries, "ours" and "theirs" are the mean macro F1 over
several simulations of runs: a blend is fitted on one half of the rows and scored on the other half. In the other
entries, "ours" is the time or the memory that our code needs, and "theirs" is the most that it may need. A ratio above
1 always means that our code is better.

The simulated competition is the one that this toolkit was first written for, in which a class combines mask, gender and
age. As in real runs, the simulated runs make similar mistakes, most of them about age.
"""

import resource
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from comp.blending import choice, combine, methods
from comp.blending.candidates import candidates_for
from comp.blending.methods import method_for
from comp.competition import scoring
from comp.competition.competition import Competition
from comp.decisions.decision import rule_for
from comp.inputs import mask_gender_age
from comp.metrics import named_metrics

ROWS, PHOTOS = 18_900, 7  # number of rows in the home competition, and number of photos in each group
SECONDS = {3: 1, 10: 3, 30: 10}  # for each number of runs, the most seconds that a fit may take
OURS = ("greedy", "search")  # our methods that are also tested alone; "chosen" is the blend of `make blend`
SHARES = ((5 / 7, 1 / 7, 1 / 7), (0.39, 0.61), (0.474, 0.456, 0.07))  # how often each mask, gender and age occurs
SKILL = (5.0, 4.0, 3.2)  # how much is added to the logit of the true value of mask, gender and age
SHARED, OWN, BIAS = 1.3, 0.9, 0.4  # standard deviations: noise that all runs share, noise of a run, bias of a run
HOME = mask_gender_age.competition()
MILLION, MILLION_RUNS, MILLION_SECONDS, MILLION_GB = 1_000_000, 5, 120, 8


def records(work: Path, rounds: int) -> Iterator[dict]:
    for models in SECONDS:
        yield from simulated(models, rounds)
    yield from digits()
    yield from million()


def record(name: str, ours: float, theirs: float, unit: str, rounds: int) -> dict:
    ratio = ours / theirs if unit == "macro F1" else theirs / ours
    return {"name": name, "ours": ours, "theirs": theirs, "unit": unit, "ratio": ratio, "rounds": rounds}


def simulate(models: int, rows: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Simulate M runs with predictions for N rows and C classes.

    Returns the probabilities (M, N, C), the true classes (N,), and the number of each row's group (N,). models: the
    number M of runs. rows: the number N of rows.
    """
    rng = np.random.default_rng(seed)
    values = [rng.choice(len(share), rows, p=share) for share in SHARES]
    shared = [rng.normal(size=(rows, len(share))) for share in SHARES]
    probs = np.empty((models, rows, len(mask_gender_age.CLASSES)), np.float32)
    for m in range(models):
        product, sharpness = np.ones((rows, 1)), rng.uniform(0.7, 1.5)
        for value, noise, share, skill in zip(values, shared, SHARES, SKILL, strict=True):
            size = len(share)
            logits = SHARED * noise + OWN * rng.normal(size=(rows, size)) + BIAS * rng.normal(size=size)
            own_skill = skill * rng.uniform(0.7, 1.15) * (1 + 0.15 * rng.normal(size=size))
            logits[np.arange(rows), value] += own_skill[value]
            logits = logits * sharpness + 0.5 * np.log(share)
            powers = np.exp(logits - logits.max(1, keepdims=True))
            share_of_values = powers / powers.sum(1, keepdims=True)
            product = (product[:, :, None] * share_of_values[:, None, :]).reshape(rows, -1)
        probs[m] = product
    return probs, mask_gender_age.encode(*values), np.arange(rows) // PHOTOS


def simulated(models: int, draws: int) -> Iterator[dict]:
    scores: dict[str, list[float]] = {}
    seconds: dict[str, list[float]] = {name: [] for name in OURS}
    for seed in range(draws):
        probs, labels, groups = simulate(models, ROWS, seed)
        inside = np.random.default_rng(1000 + seed).random(groups.max() + 1)[groups] < 0.5
        fit_on = probs[:, inside], labels[inside]
        weights_of = {}
        for name in OURS:
            began = time.perf_counter()
            weights_of[name] = fitted(name, *fit_on, groups[inside])
            seconds[name].append(time.perf_counter() - began)
        weights_of |= {f"their {name}": method(*fit_on) for name, method in THEIRS.items()}
        for name, weights in weights_of.items():
            mixed = combine.apply_weights(probs[:, ~inside], weights)
            scores.setdefault(name, []).append(scoring.score(HOME, labels[~inside], mixed))
        scores.setdefault("chosen", []).append(chosen_score(probs, labels, groups, inside))
    means = {name: float(np.mean(values)) for name, values in scores.items()}
    for name in THEIRS:
        for ours in (*OURS, "chosen"):
            yield record(f"{ours}_vs_{name}_{models}_runs", means[ours], means[f"their {name}"], "macro F1", draws)
    for name in OURS:
        yield record(f"{name}_seconds_{models}_runs", float(np.median(seconds[name])), SECONDS[models], "s", draws)


def fitted(method: str, probs: np.ndarray, labels: np.ndarray, groups: np.ndarray | None = None) -> np.ndarray:
    """Fit the weights of M runs with one of our blend methods, and return the weights (M,).

    method: the name of the method, such as "greedy". probs (M, N, C), labels (N,): the probabilities of the runs and
    the true classes. groups (N,): the number of each row's group; None means that each row is a separate group.
    """
    groups, competition = np.arange(len(labels)) if groups is None else groups, competition_of(probs)
    order, number = combine.distinct_models(probs)
    chosen = method_for(method, competition)
    weights = methods.fit_methods([chosen], probs[order], labels, groups, competition)[chosen]
    return combine.shared_weights(weights, number)


def competition_of(probs: np.ndarray) -> Competition:
    """Return a competition with the metric macro F1 for the probabilities (M, N, C) of M runs, N rows and C classes.

    If C is 18, the classes are combinations of mask, gender and age; otherwise they are the numbers 0 … C - 1.
    """
    if probs.shape[2] == HOME.size:
        return HOME
    return Competition("multiclass", tuple(map(str, range(probs.shape[2]))), named_metrics.get("macro_f1"))


def chosen_score(probs, labels, groups, inside) -> float:
    """Choose and fit a blend on some rows, as `make blend` does, and return its score on all other rows.

    probs (M, N, C): the probabilities of M runs. labels (N,), groups (N,): the true class and the group of each row.
    inside: a bool array (N,), True for the rows on which the blend is chosen and fitted.
    """
    folds = np.unique(groups[inside], return_inverse=True)[1] % 5
    data = choice.OutOfFold(HOME, probs[:, inside], labels[inside], folds, groups[inside])
    study = choice.study(data, candidates_for(HOME))
    adjusted = study.chosen.adjusted(probs[:, ~inside], study.weights, study.parameters, HOME)
    return scoring.score(HOME, labels[~inside], adjusted)


# ---- theirs


def nelder_mead(probs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the weights (M,) of M runs with the best macro F1 that scipy's Nelder-Mead finds from equal weights.

    probs (M, N, C), labels (N,): the probabilities of the runs and the true classes.
    """

    def loss(w):
        w = np.abs(w) / np.abs(w).sum()
        return -scoring.score(competition_of(probs), labels, combine.apply_weights(probs, w))

    start = np.full(len(probs), 1 / len(probs))
    weights = np.abs(minimize(loss, start, method="Nelder-Mead", options={"maxfev": 60 * len(probs)}).x)
    return weights / weights.sum()


def greedy(rounds: int):
    """Return a function that fits weights by forward selection with replacement, as in AutoGluon.

    The function takes the probabilities (M, N, C) of M runs and the true classes (N,), and returns the weights (M,)
    after the best of `rounds` rounds.
    """

    def fit(probs: np.ndarray, labels: np.ndarray) -> np.ndarray:
        counts, total, best = np.zeros(len(probs)), np.zeros_like(probs[0]), (-1.0, None)
        for _ in range(rounds):
            tried = [scoring.score(competition_of(probs), labels, total + run) for run in probs]
            m = int(np.argmax(tried))
            counts[m] += 1
            total = total + probs[m]
            best = max(best, (tried[m], counts.copy()), key=lambda pair: pair[0])
        return best[1] / best[1].sum()

    return fit


THEIRS = {
    "equal": lambda probs, labels: np.full(len(probs), 1 / len(probs)),
    "log_loss": lambda probs, labels: fitted("log_loss", probs, labels),
    "nelder_mead": nelder_mead,
    "greedy25": greedy(25),
    "greedy50": greedy(50),
}


# ---- real predictions, and many rows


def digits() -> Iterator[dict]:
    """Compare our blend with each other method on real predictions, and yield a result for each other method.

    Ten classifiers, some of them weak, predict scikit-learn's handwritten digits. Blends are fitted on four of five
    folds and scored on the fold that is left out.
    """
    probs, labels = digits_oofs()
    rows = np.arange(len(labels))
    competition = competition_of(probs)
    data = choice.OutOfFold(competition, probs, labels, rows % 5, rows)
    ours = choice.study(data, candidates_for(competition)).cross_validated
    for name, method in THEIRS.items():
        answers = np.empty(len(labels), int)
        for k in range(5):
            out = data.folds == k
            weights = method(probs[:, ~out], labels[~out])
            answers[out] = combine.apply_weights(probs[:, out], weights).argmax(1)
        theirs = named_metrics.macro_f1_score(labels, answers, 10)
        yield record(f"digits_chosen_vs_{name}", ours, theirs, "macro F1", 1)


def digits_oofs() -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_digits
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import KFold, cross_val_predict
    from sklearn.naive_bayes import BernoulliNB, GaussianNB
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.neural_network import MLPClassifier
    from sklearn.tree import DecisionTreeClassifier

    x, labels = load_digits(return_X_y=True)
    x = x + np.random.default_rng(0).normal(0, 5, x.shape)  # without noise, a blend could not improve the best models
    seed = {"random_state": 0}
    models = [
        LogisticRegression(C=0.01, max_iter=300),
        GaussianNB(),
        BernoulliNB(binarize=8),
        KNeighborsClassifier(9),
        DecisionTreeClassifier(max_depth=6, **seed),
        RandomForestClassifier(60, max_depth=8, **seed),
        ExtraTreesClassifier(60, max_depth=8, **seed),
        LinearDiscriminantAnalysis(),
        KNeighborsClassifier(1),
        MLPClassifier((30,), max_iter=60, **seed),
    ]
    folds = KFold(5, shuffle=True, random_state=0)
    oofs = [cross_val_predict(model, x, labels, cv=folds, method="predict_proba", n_jobs=-1) for model in models]
    return np.array(oofs, np.float32), labels


def million() -> Iterator[dict]:
    """Fit weights and a decision rule to a million rows, and yield two results: the seconds, and the peak memory.

    The predictions of the five runs take 0.36 GB of this memory.
    """
    probs, labels, groups = simulate(MILLION_RUNS, MILLION, 0)
    began = time.perf_counter()
    mixed = combine.apply_weights(probs, fitted("search", probs, labels, groups))
    rule_for("expected", HOME).fit(mixed, labels, groups, HOME)
    yield record("million_rows_seconds", time.perf_counter() - began, MILLION_SECONDS, "s", 1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    yield record("million_rows_memory", peak, MILLION_GB, "GB", 1)
