"""Weights of a blend, fitted on out-of-fold probabilities.

`fit(method, probs, labels)` gives weights (M,) on the simplex, in whatever order the models and the rows come. Which
method generalises is decided by comp/crossfit.py, on rows that the weights have not seen.

Letters: M models, N rows, C classes. probs is (M, N, C) float32.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from comp.blending.climb import climb
from comp.blending.combine import distinct, on_simplex, shared
from comp.blending.pool import Pool, half
from comp.competition import metrics
from comp.competition.metrics import FLOOR
from comp.errors import InputError

BAGS = 16  # of persons, in `search`: the mean over them is steadier than the best on all rows
GREEDY_BAGS, GREEDY_ROUNDS = 8, 25  # 50 rounds scored less on other rows
BAG_ROWS = 20_000  # at most: more make a bag slower, not better
SEED = 0  # blending is deterministic


@dataclass(frozen=True)
class Problem:
    """What a method fits to, without a copy of the probabilities where the metric is of the most probable class.

    true (M, N): probabilities of the true classes; group (N,): the person of each row, numbered from 0; pool: what the
    most probable class depends on; probs (M, N, C): for metrics of probabilities only, else None.
    """

    true: np.ndarray
    labels: np.ndarray
    group: np.ndarray
    metric: str
    pool: Pool | None = None
    probs: np.ndarray | None = None

    @classmethod
    def of(cls, probs: np.ndarray, labels: np.ndarray, groups: np.ndarray, metric: str, order=None) -> "Problem":
        """From probs (M, N, C); order: positions of the models to take, in their order, if not all."""
        models = [probs[m] for m in (range(len(probs)) if order is None else order)]  # views, no copy
        labels, group = np.asarray(labels), np.unique(groups, return_inverse=True)[1]
        true = np.stack([one[np.arange(len(labels)), labels] for one in models]).astype(np.float64)
        if metric in metrics.ARGMAX:
            return cls(true, labels, group, metric, pool=Pool.of(models, labels))
        return cls(true, labels, group, metric, probs=np.stack(models))

    def take(self, rows: np.ndarray) -> "Problem":
        """Only these rows (bool (N,))."""
        pool = None if self.pool is None else self.pool.take(rows)
        probs = None if self.probs is None else self.probs[:, rows]
        return Problem(self.true[:, rows], self.labels[rows], self.group[rows], self.metric, pool, probs)

    @property
    def parts(self) -> np.ndarray:
        """Each model's share of a blend, (M, …): a weighted sum of them is what `score_of` scores."""
        return self.probs if self.pool is None else self.pool.values

    def score_of(self, blended: np.ndarray) -> float:
        """The metric of a blend."""
        if self.pool is None:
            return metrics.score(self.metric, self.labels, blended)
        return self.pool.rows.score(self.metric, blended)

    def bag(self, rng: np.random.Generator) -> "Problem":
        """Half of the persons."""
        return self.take(half(self.group, rng, BAG_ROWS))


def equal(problem: Problem) -> np.ndarray:
    """Every model alike."""
    return np.full(len(problem.true), 1 / len(problem.true))


def best(problem: Problem) -> np.ndarray:
    """The model with the best metric alone."""
    scores = [problem.score_of(one) for one in problem.parts]
    return np.eye(len(scores))[int(np.argmax(scores))]


def log_loss(problem: Problem) -> np.ndarray:
    """The convex weights of least log loss: convex, one optimum (super learner, van der Laan 2007)."""
    true, count = problem.true, len(problem.labels)

    def objective(w):
        mixed = np.maximum(w @ true, FLOOR)
        return -np.log(mixed).mean(), -(true @ (1 / mixed)) / count

    simplex = {"type": "eq", "fun": lambda w: w.sum() - 1, "jac": np.ones_like}
    options = {"ftol": 1e-9, "maxiter": 500}
    found = minimize(objective, equal(problem), jac=True, method="SLSQP", bounds=[(0, 1)] * len(true),
                     constraints=[simplex], options=options)  # fmt: skip
    return on_simplex(found.x)


def greedy(problem: Problem) -> np.ndarray:
    """Selection with replacement from a sorted start (Caruana et al. 2004), the mean over bags of persons.

    Theirs draws half of the models for each bag. Of models that are all of some use, and persons drawn in place of
    them, that scored less on other rows: 0.890 against 0.899 of 30 runs in `make bench`'s simulation.
    """
    rng = np.random.default_rng(SEED)
    found = [_select(bag, bag.parts, GREEDY_ROUNDS) for bag in (problem.bag(rng) for _ in range(GREEDY_BAGS))]
    return on_simplex(np.mean(found, axis=0))


def _select(bag: Problem, parts: np.ndarray, rounds: int) -> np.ndarray:
    """Weights (m,): the best first few in the order of their own score, then whoever helps most, with replacement."""
    order = sorted(range(len(parts)), key=lambda i: -bag.score_of(parts[i]))
    counts, total, history = np.zeros(len(parts)), 0.0, []

    def add(i):
        nonlocal total
        counts[i] += 1
        total = total + parts[i]
        history.append((bag.score_of(total / counts.sum()), counts.copy()))

    for i in order:
        add(i)
    _, counts = max(history, key=lambda step: step[0])  # of equal ones the first, the fewest models
    total = np.tensordot(counts.astype(np.float32), parts, axes=1)
    for _ in range(rounds - int(counts.sum())):
        add(int(np.argmax([bag.score_of((total + one) / (counts.sum() + 1)) for one in parts])))
    _, counts = max(history, key=lambda step: step[0])
    return counts / counts.sum()


def search(problem: Problem) -> np.ndarray:
    """The exact line search for metrics of the most probable class (Och 2003), averaged over bags of persons.

    Each bag climbs from the log-loss weights of all, and not to the top: further passes fit the bag, not the truth.
    """
    rng, start = np.random.default_rng(SEED), log_loss(problem)
    found = [climb(problem.bag(rng).pool, problem.metric, start, rng) for _ in range(BAGS)]
    return on_simplex(np.mean(found, axis=0))


def geometric_search(problem: Problem) -> np.ndarray:
    """The same search over geometric means: the logarithms of probabilities are blended as linearly."""
    rng, fair = np.random.default_rng(SEED), equal(problem)
    found = [climb(problem.bag(rng).pool.logarithms(FLOOR), problem.metric, fair, rng) for _ in range(BAGS)]
    return on_simplex(np.mean(found, axis=0))


METHODS: dict[str, Callable[[Problem], np.ndarray]] = {  # from the simplest to the least simple
    "best": best,
    "equal": equal,
    "geometric": equal,
    "rank": equal,
    "log_loss": log_loss,
    "greedy": greedy,
    "search": search,
    "geometric_search": geometric_search,
}


def usable(metric: str, classes: int) -> list[str]:
    """The methods that can fit a metric: searches need one of the most probable class, ranks are for AUC of two."""
    without = {"rank"} if metric != "auc" or classes != 2 else set()
    if metric not in metrics.ARGMAX:
        without |= {"search", "geometric_search"}
    return [name for name in METHODS if name not in without]


def fit(
    method: str, probs: np.ndarray, labels: np.ndarray, groups: np.ndarray | None = None, metric: str = "macro_f1"
) -> np.ndarray:
    """Weights (M,) on the simplex. groups (N,): rows of one person; each row its own if not given.

    Equal models count once and share their weight; the order of models changes nothing. Raises InputError for a method
    that is unknown or cannot fit this metric.
    """
    names = usable(metric, probs.shape[2])
    if method not in names:
        raise InputError(f"METHOD={method}", f"one of {', '.join(names)}, for {metric}")
    order, of = distinct(probs)
    groups = np.arange(len(labels)) if groups is None else np.asarray(groups)
    return shared(METHODS[method](Problem.of(probs, labels, groups, metric, order)), of)
