"""Weights on the simplex with the least log loss or the least squared error. Both problems are convex.

Greedy selection of models with replacement (Caruana et al. 2004), for any metric.

Weights by coordinate ascent on the simplex, for metrics of counts (Och 2003; decisions/linesearch.py).

The blend methods: each one fits weights (M,) on the simplex to out-of-fold predictions.

crossfit.py chooses among them by scores on rows that the weights were not fitted to.

Letters: M models, N rows, C classes. probs is (M, N, C) float32.
"""

from collections.abc import Callable, Iterable, Iterator

import numpy as np
from scipy.optimize import minimize

from comp.blending.combine import on_simplex
from comp.blending.problem import Problem, searchable
from comp.competition.competition import Competition
from comp.decisions.line_search import Ascent, OpenRows
from comp.errors import InputError
from comp.metrics.metric import Metric
from comp.metrics.named_metrics import FLOOR


def least_log_loss(problem: Problem) -> np.ndarray:
    """Weights (M,) with the least log loss, or binary cross entropy (super learner, van der Laan 2007)."""
    true = problem.likelihoods()
    count = true.shape[1]

    def objective(w):
        mixed = np.maximum(w @ true, FLOOR)
        return -np.log(mixed).mean(), -(true @ (1 / mixed)) / count

    return _minimum(objective, len(true))


def least_squares(problem: Problem) -> np.ndarray:
    """Weights (M,) with the least mean squared error of values or expected grades, relative to label variance."""
    values, labels = problem.values(), problem.labels.astype(np.float64)
    scale = max(labels.var(), 1e-12)
    errors = (values - labels) / np.sqrt(scale)  # weights sum to 1: the blend's error is the blend of the errors
    products = errors @ errors.T / len(labels)
    return _minimum(lambda w: (w @ products @ w, 2 * products @ w), len(values))


def _minimum(objective: Callable, models: int) -> np.ndarray:
    """The weights on the simplex with the least objective(w), a function that returns value and gradient (M,)."""
    simplex = {"type": "eq", "fun": lambda w: w.sum() - 1, "jac": np.ones_like}
    options = {"ftol": 1e-9, "maxiter": 500}
    found = minimize(
        objective,
        np.full(models, 1 / models),
        jac=True,
        method="SLSQP",
        bounds=[(0, 1)] * models,
        constraints=[simplex],
        options=options,
    )
    return on_simplex(found.x)


GREEDY_SUBSAMPLES, ROUNDS = 8, 25  # 50 rounds had a lower score on other rows
SEED = 0  # blending is deterministic


def greedy(problem: Problem) -> np.ndarray:
    """Weights (M,): the mean of the selections on subsamples of the groups.

    Caruana et al. also subsample the models. With 30 useful models that scored worse on other rows in `make bench`'s
    simulation (0.890 against 0.899), so only the groups are subsampled.
    """
    select = lambda part: _select(part, part.parts, ROUNDS)  # noqa: E731
    return on_simplex(problem.mean_of_subsamples(select, GREEDY_SUBSAMPLES, np.random.default_rng(SEED)))


def _select(problem: Problem, parts: np.ndarray, rounds: int) -> np.ndarray:
    """Weights (M,): start with the best few models by their own scores, then add the model that helps most."""
    order = sorted(range(len(parts)), key=lambda i: -problem.score_of(parts[i]))
    counts, total, history = np.zeros(len(parts)), 0.0, []

    def add(i):
        nonlocal total
        counts[i] += 1
        total = total + parts[i]
        history.append((problem.score_of(total / counts.sum()), counts.copy()))

    for i in order:
        add(i)
    _, counts = max(history, key=lambda step: step[0])  # among equal scores the one with the fewest models
    total = np.tensordot(counts.astype(np.float32), parts, axes=1)
    for _ in range(rounds - int(counts.sum())):
        add(int(np.argmax([problem.score_of((total + one) / (counts.sum() + 1)) for one in parts])))
    _, counts = max(history, key=lambda step: step[0])
    return counts / counts.sum()


PASSES = 2  # more passes overfit


def climb(
    open_rows: OpenRows, metric: Metric, weights: np.ndarray, rng: np.random.Generator, passes: int = PASSES
) -> np.ndarray:
    """Weights (M,) after the best steps from `weights` toward or away from each model, and between pairs of models."""
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
    """Each model paired with the blend (None), in random order; then as many random pairs of models."""
    yield from ((m, None) for m in rng.permutation(models))
    yield from ((m, other) for m, other in zip(rng.permutation(models), rng.permutation(models), strict=True))


def _line_of(weights: np.ndarray, m: int, other: int | None) -> tuple[np.ndarray, float, float]:
    """The direction from the blend (or another model) to model m, and the lowest and highest step on the simplex."""
    unit = np.eye(len(weights))
    if other is None:
        return unit[m] - weights, -weights[m] / max(1 - weights[m], 1e-12), float(weights[m] < 1)
    return unit[m] - unit[other], -weights[m], weights[other] if m != other else -weights[m]


SUBSAMPLES = 16  # of the groups, for the searches


def equal(problem: Problem) -> np.ndarray:
    """The same weight for every model."""
    return np.full(problem.models, 1 / problem.models)


def best(problem: Problem) -> np.ndarray:
    """All weight on the model with the best score."""
    scores = [problem.score_of(one) for one in problem.parts]
    return np.eye(len(scores))[int(np.argmax(scores))]


def search(problem: Problem) -> np.ndarray:
    """The exact line search for metrics of counts (Och 2003), averaged over subsamples of the groups.

    On each subsample it starts from the log-loss weights of all rows and takes only a few passes: more would overfit.
    """
    rng, start, metric = np.random.default_rng(SEED), least_log_loss(problem), problem.competition.metric
    fit = lambda part: climb(part.open_rows, metric, start, rng)  # noqa: E731
    return on_simplex(problem.mean_of_subsamples(fit, SUBSAMPLES, rng))


def geometric_search(problem: Problem) -> np.ndarray:
    """The same search for geometric means: these are linear in the logarithms of probabilities."""
    rng, start, metric = np.random.default_rng(SEED), equal(problem), problem.competition.metric
    fit = lambda part: climb(part.open_rows.logarithms(FLOOR), metric, start, rng)  # noqa: E731
    return on_simplex(problem.mean_of_subsamples(fit, SUBSAMPLES, rng))


METHODS: dict[str, Callable[[Problem], np.ndarray]] = {  # the simplest first
    "equal": equal,
    "best": best,  # no simpler: which run is the best one is fitted to the scores
    "geometric": equal,
    "rank": equal,
    "log_loss": least_log_loss,
    "squares": least_squares,
    "greedy": greedy,
    "search": search,
    "geometric_search": geometric_search,
}


def usable(competition: Competition) -> list[str]:
    """The methods that fit the competition's target and metric, the simplest first."""
    target, metric = competition.target, competition.metric
    searches = searchable(competition)
    fits = {
        "geometric": competition.sums_to_one,
        "rank": metric.needs == "ranks" and target in ("binary", "multilabel"),
        "log_loss": target != "regression",
        "squares": target == "regression" or metric.decides(target) == "grade",
        "search": searches,
        "geometric_search": searches,
    }
    return [name for name in METHODS if fits.get(name, True)]


def fit_methods(
    methods: Iterable[str], probs: np.ndarray, labels: np.ndarray, groups: np.ndarray, competition: Competition
) -> dict[str, np.ndarray]:
    """Method to weights (M,) on the simplex. groups (N,): subsamples keep the rows of a group together.

    The models must be distinct and in the order of `combine.distinct`, because the searches depend on the order.
    Raises InputError for a method that is unknown or does not fit the metric.
    """
    methods, known = list(dict.fromkeys(methods)), usable(competition)
    for method in methods:
        check_name(method, known, "METHOD", competition)
    problem = Problem.of(probs, labels, groups, competition)
    return {method: METHODS[method](problem) for method in methods}


def check_name(name: str, known: Iterable[str], option: str, competition: Competition) -> None:
    """Raise InputError if a method or rule is not among those that fit the competition."""
    if name not in known:
        fitting = f"for the metric {competition.metric.name} and the target {competition.target}"
        run = f"make blend, or make blend {option}={next(iter(known))}"
        raise InputError(f"{option}={name}", f"one of {', '.join(known)}, {fitting}", run)
