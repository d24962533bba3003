"""The blend methods: each one fits weights (M,) on the simplex to out-of-fold predictions.

crossfit.py chooses among them by scores on rows that the weights were not fitted to.

Letters: M models, N rows, C classes. probs is (M, N, C) float32.
"""

from collections.abc import Callable, Iterable

import numpy as np

from comp.blending.climb import climb
from comp.blending.combine import on_simplex
from comp.blending.greedy import SEED, greedy
from comp.blending.problem import Problem, searchable
from comp.blending.simplex_weights import log_loss, squares
from comp.competition.competition import Competition
from comp.errors import InputError
from comp.metrics.metrics import FLOOR

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
    rng, start, metric = np.random.default_rng(SEED), log_loss(problem), problem.competition.metric
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
    "log_loss": log_loss,
    "squares": squares,
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


def fit(
    methods: Iterable[str], probs: np.ndarray, labels: np.ndarray, groups: np.ndarray, competition: Competition
) -> dict[str, np.ndarray]:
    """Method to weights (M,) on the simplex. groups (N,): subsamples keep the rows of a group together.

    The models must be distinct and in the order of `combine.distinct`, because the searches depend on the order.
    Raises InputError for a method that is unknown or does not fit the metric.
    """
    methods, known = list(dict.fromkeys(methods)), usable(competition)
    for method in methods:
        check(method, known, "METHOD", competition)
    problem = Problem.of(probs, labels, groups, competition)
    return {method: METHODS[method](problem) for method in methods}


def check(name: str, known: Iterable[str], option: str, competition: Competition) -> None:
    """Raise InputError if a method or rule is not among those that fit the competition."""
    if name not in known:
        fitting = f"for the metric {competition.metric.name} and the target {competition.target}"
        run = f"make blend, or make blend {option}={next(iter(known))}"
        raise InputError(f"{option}={name}", f"one of {', '.join(known)}, {fitting}", run)
