"""Fit the weights of a blend to out-of-fold predictions. There are several methods; METHODS at the end lists them.

Each method returns one weight for each model. The weights are at least 0 and sum to 1. choice.py then averages the
weights of several methods. How much a method counts in this average depends on its score on rows that were not used in
its fit. Greedy selection and the searches are our own code, because scikit-learn and scipy have no such methods for an
arbitrary metric.

Letters in the shapes: M models, N rows, C classes.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from comp.blending.combine import ARITHMETIC, GEOMETRIC, RANKS, Mean, on_simplex
from comp.blending.line_search import Ascent, OpenRows
from comp.blending.problem import Problem, searchable
from comp.competition import scoring
from comp.competition.competition import Competition
from comp.errors import InputError
from comp.metrics.formulas import FLOOR
from comp.metrics.metric import Metric

SEED = 0  # fixed, so that equal predictions always give the same blend

# ---- methods without a fit, or that use only the score of each model


def equal(problem: Problem) -> np.ndarray:
    """Return the same weight 1 / M for each of the M models, as an array (M,)."""
    return np.full(problem.models, 1 / problem.models)


def best(problem: Problem) -> np.ndarray:
    """Return weights (M,) that are 1 for the model with the best score and 0 for all other models."""
    scores = [problem.score_of(model) for model in problem.parts]
    return np.eye(len(scores))[int(np.argmax(scores))]


# ---- convex problems


def least_log_loss(problem: Problem) -> np.ndarray:
    """Return the weights (M,) of the blend with the least log loss or, for multilabel data, binary cross entropy.

    This is the super learner of van der Laan et al. (2007).
    """
    true = problem.likelihoods()
    count = true.shape[1]

    def objective(w):
        mixed = np.maximum(w @ true, FLOOR)
        return -np.log(mixed).mean(), -(true @ (1 / mixed)) / count

    return _minimum(objective, len(true))


def least_squares(problem: Problem) -> np.ndarray:
    """Return the weights (M,) of the blend with the least mean squared error of its values or expected grades."""
    values, labels = problem.values(), scoring.numbers_of_labels(problem.competition, problem.labels)
    scale = labels.var() or 1.0
    errors = (values - labels) / np.sqrt(scale)  # the weights sum to 1, so the blend's error is the blend of the errors
    products = errors @ errors.T / len(labels)
    return _minimum(lambda w: (w @ products @ w, 2 * products @ w), len(values))


def _minimum(objective: Callable, models: int) -> np.ndarray:
    """Return the weights (M,) with the least value of `objective`, among weights of at least 0 that sum to 1.

    objective: a function of the weights (M,), which returns a value and its gradient (M,). models: the number M of
    weights.
    """
    simplex = {"type": "eq", "fun": lambda w: w.sum() - 1, "jac": np.ones_like}
    solution = minimize(
        objective,
        np.full(models, 1 / models),
        jac=True,
        method="SLSQP",
        bounds=[(0, 1)] * models,
        constraints=[simplex],
        options={"ftol": 1e-9, "maxiter": 500},
    )
    return on_simplex(solution.x)


# ---- greedy selection of models with replacement (Caruana et al. 2004), for any metric

GREEDY_SUBSAMPLES, ROUNDS = 8, 25  # 50 rounds gave a lower score on rows that were not in the fit


def greedy(problem: Problem) -> np.ndarray:
    """Return the mean (M,) of the weights that greedy selection finds on several random subsamples of the groups.

    Caruana et al. (2004) also let each selection use only a random part of the models. Here each selection may use all
    models: in a simulation of `make bench` with 30 models, this gave a score of 0.899 on rows that were not used in the
    fit, and random parts of the models gave 0.890.
    """
    return on_simplex(problem.mean_of_subsamples(_select, GREEDY_SUBSAMPLES, np.random.default_rng(SEED)))


def _select(problem: Problem) -> np.ndarray:
    """Return the weights (M,) that greedy selection finds on all rows of the problem.

    The models are sorted by their scores, the best model first. The selection starts with the equal mean of the first k
    models, where k is chosen so that this mean has the best score. Each further round adds the model with which the
    mean scores best; a model can be added several times. The result is the mean with the best score of all rounds.
    """
    parts = problem.parts
    order = sorted(range(len(parts)), key=lambda i: -problem.score_of(parts[i]))
    counts, total, history = np.zeros(len(parts)), 0.0, []

    def add(i):
        nonlocal total
        counts[i] += 1
        total = total + parts[i]
        history.append((problem.score_of(total / counts.sum()), counts.copy()))

    for i in order:
        add(i)
    _, counts = max(history, key=lambda step: step[0])  # of equally good steps the first, which has the fewest models
    total = np.tensordot(counts.astype(np.float32), parts, axes=1)
    for _ in range(ROUNDS - int(counts.sum())):
        add(int(np.argmax([problem.score_of((total + part) / (counts.sum() + 1)) for part in parts])))
    _, counts = max(history, key=lambda step: step[0])
    return counts / counts.sum()


# ---- coordinate ascent on the simplex by exact line searches, for metrics of counts (Och 2003; line_search.py)

PASSES = 2  # more passes overfit
SUBSAMPLES = 16  # number of subsamples of the groups


def search(problem: Problem) -> np.ndarray:
    """Return the mean (M,) of the weights that an exact search finds on random subsamples of the groups.

    Each search (line_search.py) starts from the weights with the least log loss on all rows. It passes over all models
    only PASSES times, because more passes would overfit.
    """
    rng, start, metric = np.random.default_rng(SEED), least_log_loss(problem), problem.competition.metric

    def fit(part: Problem) -> np.ndarray:
        return climb(part.open_rows, metric, start, rng)

    return on_simplex(problem.mean_of_subsamples(fit, SUBSAMPLES, rng))


def geometric_search(problem: Problem) -> np.ndarray:
    """Return the mean (M,) of the weights of a geometric mean, which an exact search finds on subsamples of the groups.

    The search (line_search.py) starts from equal weights. It works on the logarithms of the probabilities, because the
    logarithm of a weighted geometric mean is a weighted sum of logarithms.
    """
    rng, start, metric = np.random.default_rng(SEED), equal(problem), problem.competition.metric

    def fit(part: Problem) -> np.ndarray:
        return climb(part.open_rows.logarithms(FLOOR), metric, start, rng)

    return on_simplex(problem.mean_of_subsamples(fit, SUBSAMPLES, rng))


def climb(
    open_rows: OpenRows, metric: Metric, weights: np.ndarray, rng: np.random.Generator, passes: int = PASSES
) -> np.ndarray:
    """Return the weights (M,) that an exact search along lines reaches when it starts from `weights` (M,).

    Each pass gives each model in turn the weight with which the blend scores best, while the other weights keep their
    proportions. It then does the same for M random pairs of models by moving weight from one model to the other.
    open_rows: the predictions of the M models. passes: the largest number of passes.
    """
    ascent = Ascent(open_rows.rows, metric, open_rows.scores(weights))

    def one_pass():
        nonlocal weights
        ascent.scores = open_rows.scores(weights)  # removes the rounding errors of the last pass
        for m, other in _lines(len(weights), rng):
            direction, low, high = _line_of(weights, m, other)
            if not low < high:
                continue
            slope = open_rows.values[m] - (ascent.scores if other is None else open_rows.values[other])
            step = ascent.along(slope, low, high)
            if step is not None:
                weights = on_simplex(weights + step * direction)

    ascent.repeat(one_pass, passes)
    return weights


def _lines(models: int, rng: np.random.Generator) -> Iterator[tuple[int, int | None]]:
    """Yield pairs (model, other). One pass of the search moves weight between `model` and `other`.

    First come all models in random order, where `other` is None, which stands for all models together. Then come as
    many random pairs of models. models: the number of models.
    """
    yield from ((m, None) for m in rng.permutation(models))
    yield from ((m, other) for m, other in zip(rng.permutation(models), rng.permutation(models), strict=True))


def _line_of(weights: np.ndarray, m: int, other: int | None) -> tuple[np.ndarray, float, float]:
    """Return a direction (M,) that moves weight to model `m`, and the smallest and the largest step in this direction.

    The weight comes from the model `other` or, if `other` is None, from all models in proportion to their weights. With
    a step between the smallest and the largest, no weight is below 0. weights (M,): the weights before the step.
    """
    unit = np.eye(len(weights))
    if other is None:
        return unit[m] - weights, -weights[m] / max(1 - weights[m], 1e-12), float(weights[m] < 1)
    return unit[m] - unit[other], -weights[m], weights[other] if m != other else -weights[m]


# ---- the list


def _always(competition: Competition) -> bool:
    return True


def _sums_to_one(competition: Competition) -> bool:
    return competition.sums_to_one


def _ordered_columns(competition: Competition) -> bool:
    return competition.metric.needs == "ranks" and competition.target in ("binary", "multilabel")


def _has_classes(competition: Competition) -> bool:
    return competition.target != "regression"


def _has_numbers(competition: Competition) -> bool:
    return competition.metric.needs == "values" or competition.decides(competition.metric) == "grade"


@dataclass(frozen=True)
class Method:
    """A blend method, which is a way to fit the weights of the models.

    name: the name for the option METHOD of `make blend`. mean: the kind of mean in which the weights are used, such as
    the geometric mean. fit: a function of a Problem, which returns the weights (M,) of M models. fits: a function of
    the competition, which returns whether the method can be used there. with_rules: for which of "class", "labels" and
    "grade" the method is also tried together with a fitted decision rule (decisions/decision.py).
    """

    name: str
    mean: Mean
    fit: Callable[[Problem], np.ndarray]
    fits: Callable[[Competition], bool] = _always
    with_rules: tuple[str, ...] = ()


METHODS = (  # the simplest first
    Method("equal", ARITHMETIC, equal, with_rules=("class", "labels", "grade")),
    Method("best", ARITHMETIC, best),  # less simple than equal, because the best run is chosen by its score
    Method("geometric", GEOMETRIC, equal, _sums_to_one),
    Method("rank", RANKS, equal, _ordered_columns),
    Method("log_loss", ARITHMETIC, least_log_loss, _has_classes, with_rules=("labels",)),
    Method("squares", ARITHMETIC, least_squares, _has_numbers, with_rules=("grade",)),
    Method("greedy", ARITHMETIC, greedy, with_rules=("class", "labels", "grade")),
    Method("search", ARITHMETIC, search, searchable, with_rules=("class",)),
    Method("geometric_search", GEOMETRIC, geometric_search, searchable, with_rules=("class",)),
)


def methods_for(competition: Competition) -> list[Method]:
    """Return the methods that can be used with the competition's target and metric, the simplest method first."""
    return [method for method in METHODS if method.fits(competition)]


def method_for(name: str, competition: Competition) -> Method:
    """Return the method called `name`. Raise InputError if this method cannot be used in the competition."""
    known = {method.name: method for method in methods_for(competition)}
    check_name(name, known, "METHOD", competition)
    return known[name]


def check_name(name: str, known: Iterable[str], option: str, competition: Competition) -> None:
    """Raise InputError if `name` is not among the `known` names.

    name: the name of a blend method or of a decision rule. known: the names that can be used in the competition.
    option: "METHOD" or "RULE", the option of `make blend` that had the wrong name; the error message shows it.
    """
    if name not in known:
        fitting = f"which can be used with the metric {competition.metric.name} and the target {competition.target}"
        run = f"make blend, or make blend {option}={next(iter(known))}"
        raise InputError(
            f"{option}={name} cannot be used in this competition",
            f"one of {', '.join(known)}, {fitting}",
            run,
        )


def fit_methods(
    methods: Iterable[Method], probs: np.ndarray, labels: np.ndarray, groups: np.ndarray, competition: Competition
) -> dict[Method, np.ndarray]:
    """Fit each method, and return a dictionary from each method to its weights (M,).

    probs (M, N, C): the out-of-fold predictions of M models. No two models may have the same predictions, and the
    models must be in the order of `combine.distinct_models`, because the searches depend on the order. labels: the true
    labels, as (N,) or, for multilabel data, as (N, C) of 0 and 1. groups (N,): the group of each row.
    """
    problem = Problem.of(probs, labels, groups, competition)
    return {method: method.fit(problem) for method in dict.fromkeys(methods)}
