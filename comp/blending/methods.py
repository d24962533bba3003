"""The blend methods. Each method fits weights (M,) on the simplex to out-of-fold predictions.

The list METHODS is at the end of the module. choice.py takes the mean of several methods, with shares that depend on
the scores of the methods on rows that are not in the fit. The greedy selection and the searches are our own code,
because scikit-learn and scipy have no such methods for an arbitrary metric.

Letters: M models, N rows, C classes. The predictions to blend are (M, N, C) float32.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from comp.blending.combine import ARITHMETIC, GEOMETRIC, RANKS, Mean, on_simplex
from comp.blending.line_search import Ascent, OpenRows
from comp.blending.problem import Problem, searchable
from comp.competition.competition import Competition
from comp.errors import InputError
from comp.metrics.formulas import FLOOR
from comp.metrics.metric import Metric

SEED = 0  # blending is deterministic

# ---- methods without a fit, or that use only the score of each model


def equal(problem: Problem) -> np.ndarray:
    """Return the same weight for every model, (M,)."""
    return np.full(problem.models, 1 / problem.models)


def best(problem: Problem) -> np.ndarray:
    """Return weights (M,) of 1 for the model with the best score and of 0 for all other models."""
    scores = [problem.score_of(model) for model in problem.parts]
    return np.eye(len(scores))[int(np.argmax(scores))]


# ---- convex problems


def least_log_loss(problem: Problem) -> np.ndarray:
    """The weights (M,) with the least log loss, or with the least binary cross entropy if there are several labels.

    This is the super learner of van der Laan et al. (2007).
    """
    true = problem.likelihoods()
    count = true.shape[1]

    def objective(w):
        mixed = np.maximum(w @ true, FLOOR)
        return -np.log(mixed).mean(), -(true @ (1 / mixed)) / count

    return _minimum(objective, len(true))


def least_squares(problem: Problem) -> np.ndarray:
    """The weights (M,) with the least mean squared error of the predicted values or expected grades.

    The error is divided by the variance of the labels.
    """
    values, labels = problem.values(), problem.labels.astype(np.float64)
    scale = max(labels.var(), 1e-12)
    errors = (values - labels) / np.sqrt(scale)  # as weights sum to 1, the blend's error is the blend of the errors
    products = errors @ errors.T / len(labels)
    return _minimum(lambda w: (w @ products @ w, 2 * products @ w), len(values))


def _minimum(objective: Callable, models: int) -> np.ndarray:
    """The weights (M,) on the simplex with the least value of the objective.

    objective: a function of the weights (M,) that returns its value and its gradient (M,). models: M.
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

GREEDY_SUBSAMPLES, ROUNDS = 8, 25  # 50 rounds had a lower score on rows that were not in the fit


def greedy(problem: Problem) -> np.ndarray:
    """Return the mean (M,) of the weights that greedy selection finds on subsamples of the groups.

    Caruana et al. also subsample the models. In the simulation of `make bench` with 30 useful models, this subsampling
    had a lower score on rows that were not in the fit (0.890 against 0.899), so only the groups are subsampled.
    """
    return on_simplex(problem.mean_of_subsamples(_select, GREEDY_SUBSAMPLES, np.random.default_rng(SEED)))


def _select(problem: Problem) -> np.ndarray:
    """Return the weights (M,) of greedy selection on all rows of the problem.

    The selection starts with the few models that have the best scores alone. Then each round adds the model that raises
    the score most. A model can be added more than once.
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
    _, counts = max(history, key=lambda step: step[0])  # among equal scores the step with the fewest models
    total = np.tensordot(counts.astype(np.float32), parts, axes=1)
    for _ in range(ROUNDS - int(counts.sum())):
        add(int(np.argmax([problem.score_of((total + part) / (counts.sum() + 1)) for part in parts])))
    _, counts = max(history, key=lambda step: step[0])
    return counts / counts.sum()


# ---- coordinate ascent on the simplex by exact line searches, for metrics of counts (Och 2003; line_search.py)

PASSES = 2  # more passes overfit
SUBSAMPLES = 16  # number of subsamples of the groups


def search(problem: Problem) -> np.ndarray:
    """Return the mean (M,) of the weights that the exact line search finds on subsamples of the groups.

    On each subsample the search starts from the weights with the least log loss on all rows. It runs only PASSES
    passes, because more passes would overfit.
    """
    rng, start, metric = np.random.default_rng(SEED), least_log_loss(problem), problem.competition.metric

    def fit(part: Problem) -> np.ndarray:
        return climb(part.open_rows, metric, start, rng)

    return on_simplex(problem.mean_of_subsamples(fit, SUBSAMPLES, rng))


def geometric_search(problem: Problem) -> np.ndarray:
    """Return the mean (M,) of the weights that the exact line search finds for geometric means on subsamples.

    The search works on the logarithms of probabilities, in which geometric means are linear. It starts from equal
    weights.
    """
    rng, start, metric = np.random.default_rng(SEED), equal(problem), problem.competition.metric

    def fit(part: Problem) -> np.ndarray:
        return climb(part.open_rows.logarithms(FLOOR), metric, start, rng)

    return on_simplex(problem.mean_of_subsamples(fit, SUBSAMPLES, rng))


def climb(
    open_rows: OpenRows, metric: Metric, weights: np.ndarray, rng: np.random.Generator, passes: int = PASSES
) -> np.ndarray:
    """The weights (M,) that a search reaches from `weights` (M,).

    In each pass it takes the best step toward or away from each model, and the best step between models of random
    pairs.
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
    """Yield each model with None, which stands for the blend, in random order; then yield M random pairs of models."""
    yield from ((m, None) for m in rng.permutation(models))
    yield from ((m, other) for m, other in zip(rng.permutation(models), rng.permutation(models), strict=True))


def _line_of(weights: np.ndarray, m: int, other: int | None) -> tuple[np.ndarray, float, float]:
    """The direction (M,) to model m, and the lowest and the highest step on it that stay on the simplex.

    The direction starts at the model `other`, or at the blend if `other` is None.
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
    return competition.target == "regression" or competition.metric.decides(competition.target) == "grade"


@dataclass(frozen=True)
class Method:
    """A blend method.

    mean: the kind of mean that takes the weights. fit: a function of a Problem that returns weights (M,). fits: whether
    the method can be used in a competition. with_rules: the kinds of decision ("class", "labels", "grade") for which
    the method is also tried with a fitted decision rule.
    """

    name: str
    mean: Mean
    fit: Callable[[Problem], np.ndarray]
    fits: Callable[[Competition], bool] = _always
    with_rules: tuple[str, ...] = ()


METHODS = (  # the simplest first
    Method("equal", ARITHMETIC, equal, with_rules=("class", "labels", "grade")),
    Method("best", ARITHMETIC, best),  # after equal, because the choice of the best run is fitted to the scores
    Method("geometric", GEOMETRIC, equal, _sums_to_one),
    Method("rank", RANKS, equal, _ordered_columns),
    Method("log_loss", ARITHMETIC, least_log_loss, _has_classes, with_rules=("labels",)),
    Method("squares", ARITHMETIC, least_squares, _has_numbers, with_rules=("grade",)),
    Method("greedy", ARITHMETIC, greedy, with_rules=("class", "labels", "grade")),
    Method("search", ARITHMETIC, search, searchable, with_rules=("class",)),
    Method("geometric_search", GEOMETRIC, geometric_search, searchable, with_rules=("class",)),
)


def methods_for(competition: Competition) -> list[Method]:
    """The methods that can be used with the competition's target and metric, the simplest first."""
    return [method for method in METHODS if method.fits(competition)]


def method_for(name: str, competition: Competition) -> Method:
    """The method called `name`. Raises InputError if it is unknown or cannot be used in the competition."""
    known = {method.name: method for method in methods_for(competition)}
    check_name(name, known, "METHOD", competition)
    return known[name]


def check_name(name: str, known: Iterable[str], option: str, competition: Competition) -> None:
    """Raise InputError if the name of a method or rule is not among the names `known`, which fit the competition.

    option: "METHOD" or "RULE", for the message.
    """
    if name not in known:
        fitting = f"for the metric {competition.metric.name} and the target {competition.target}"
        run = f"make blend, or make blend {option}={next(iter(known))}"
        raise InputError(f"{option}={name}", f"one of {', '.join(known)}, {fitting}", run)


def fit_methods(
    methods: Iterable[Method], probs: np.ndarray, labels: np.ndarray, groups: np.ndarray, competition: Competition
) -> dict[Method, np.ndarray]:
    """Each method and its fitted weights (M,) on the simplex. probs (M, N, C).

    groups (N,): subsamples keep the rows of a group together. The models must be distinct and in the order of
    `combine.distinct_models`, because the searches depend on the order.
    """
    problem = Problem.of(probs, labels, groups, competition)
    return {method: method.fit(problem) for method in dict.fromkeys(methods)}
