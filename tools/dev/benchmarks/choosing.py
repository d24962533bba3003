"""Benchmarks of the choice of a blend: how much is lost because the best blend is not known in advance?

Many sets of 2 to 30 runs are simulated (pools.py); such a set is called a pool. A candidate is a blend method together
with a decision rule. For each pool, `make blend` chooses one candidate or the mean of several. The regret of a choice
is the test score of the candidate that is best on the test rows, minus the test score of the chosen blend.

The results are entries of outputs/bench/choosing.json. In an entry, "ours" is the regret of `make blend`, and "theirs"
is the regret of another way to choose. A ratio above 1 means that `make blend` is better.

The name of an entry says what it measures:
- regret: the mean regret over the pools.
- tenth: the regret that is exceeded in a tenth of the pools.
- one_standard_error: the other way is a common one: choose the simplest candidate whose score is within one standard
  error of the best score. If this has a lower score in nested cross-validation than the best single run or the equal
  mean of all runs, the better one of these two is chosen instead.
- said_0.9: of all cases in which `make blend` printed a probability of 0.85 to 0.95 that the blend is better than a
  simple alternative, "ours" is the share in which it was better, and "theirs" is the mean of the printed
  probabilities. The best ratio is 1.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from benchmarks import pools

from comp.blending import bootstrap, candidates, choice, combine, methods
from comp.blending.candidates import Candidate, Fits, candidates_for, fit_candidates
from comp.competition import scoring

POOLS = {"macro F1": 8, "accuracy": 2, "AUC": 2, "micro F1": 2}  # for each metric, the number of pools in a round
PICKED = 25  # rounds of greedy selection with replacement, as in AutoGluon
SAID = {0.5: (0.4, 0.6), 0.7: (0.6, 0.8), 0.9: (0.85, 0.95), 0.99: (0.95, 1.01)}  # ranges of printed probabilities


def records(work: Path, rounds: int) -> Iterator[dict]:
    for target, count in POOLS.items():
        results = [of_pool(pools.draw(seed, target)) for seed in range(rounds * count)]
        yield from regrets(target.replace(" ", "_"), [scores for scores, _ in results])
        if target == "macro F1":
            yield from calibration([pair for _, said in results for pair in said])


def regrets(target: str, scores: list[dict[str, float]]) -> Iterator[dict]:
    """Compare the regret of `make blend` with the regret of each other way to choose a blend.

    The regret is the test score of the best possible choice minus the test score of the chosen blend. Yields two
    results for each other way: the mean regret, and the regret that a tenth of the pools exceeds. target: the name of
    the metric, with which the names of the results begin. scores: for each pool, the test score of each way to choose,
    as `of_pool` returns them.
    """
    lost = {name: np.array([pool["hindsight"] - pool[name] for pool in scores]) for name in scores[0]}
    for name in (name for name in lost if name not in ("ours", "hindsight")):
        for which, of in (("regret", np.mean), ("tenth", lambda values: np.quantile(values, 0.9))):
            ours, theirs = float(of(lost["ours"])), float(of(lost[name]))
            yield {
                "name": f"{target}_{which}_vs_{name}",
                "ours": ours,
                "theirs": theirs,
                "unit": "score",
                "ratio": theirs / max(ours, 1e-6),
                "rounds": len(scores),
            }


def calibration(said: list[tuple[float, bool]]) -> Iterator[dict]:
    """Check whether the probabilities that `make blend` prints are calibrated.

    Each probability says how likely the blend is better on new rows than a simple alternative. said: pairs of a printed
    probability and of whether the blend was better on the test rows. Yields a result for each range of probabilities in
    SAID: "ours" is the share of pairs in which the blend was better, "theirs" is the mean printed probability.
    """
    for name, (low, high) in SAID.items():
        among = [(chance, better) for chance, better in said if low <= chance < high]
        if among:
            chance, better = np.mean(among, axis=0)
            yield {
                "name": f"said_{name}",
                "ours": better,
                "theirs": chance,
                "unit": "chance",
                "ratio": better / chance,
                "rounds": len(among),
            }


def of_pool(pool: pools.Pool) -> tuple[dict[str, float], list[tuple[float, bool]]]:
    """Choose a blend of the pool's runs in several ways, and return how good the choices are on the test rows.

    First comes a dictionary with the test score of each way: "ours" is `make blend`, "hindsight" is the best possible
    choice. Then comes a list with two pairs, one for the best single run and one for the equal mean of all runs: the
    probability that `make blend` gives for being better than it, and whether this was true on the test rows.
    """
    competition, labels = pool.competition, pool.test_labels
    data = choice.OutOfFold(competition, pool.oof, pool.labels, pool.folds, pool.groups)
    options = quick(candidates_for(competition))
    fitted = fit_candidates(data, options, np.unique(pool.folds), lambda count: None)
    study = choice.study_of(data, fitted)
    blend = candidates.Mixed(study.chosen, study.weights, study.parameters, study.shares)
    each = [candidates.mix_candidates(fitted.without(), share) for share in np.eye(len(options))]
    tested = [scoring.score(competition, labels, mixed.blended(pool.test, competition)) for mixed in each]
    singles = [scoring.score(competition, pool.labels, run) for run in pool.oof]
    scores = {
        "hindsight": max(tested),
        "ours": scoring.score(competition, labels, blend.blended(pool.test, competition)),
        "one_standard_error": tested[one_standard_error(data, fitted)],
        "equal": scoring.score(competition, labels, pool.test.mean(0)),
        "best": scoring.score(competition, labels, pool.test[int(np.argmax(singles))]),
        "greedy25": scoring.score(competition, labels, combine.apply_weights(pool.test, greedy(pool))),
    }
    rivals = {"best single run": scores["best"], "equal mean": scores["equal"]}
    return scores, [(study.beats[name], scores["ours"] > rival) for name, rival in rivals.items()]


def quick(options: list[Candidate]) -> list[Candidate]:
    """Return the candidates without the slow ones, whose methods search for weights."""
    return [c for c in options if c.method.fit not in (methods.search, methods.geometric_search)]


# ---- theirs


def one_standard_error(data: choice.OutOfFold, fitted: Fits) -> int:
    """Return the position of the candidate that the one-standard-error rule chooses.

    This is the simplest candidate whose score is within one standard error of the best score; a single run counts as
    the simplest. But if the rule has a lower score in nested cross-validation than the best single run or the equal
    mean of all runs, the better one of these two is returned. data: the predictions and labels. fitted: the candidates,
    fitted to these data.
    """
    group = np.unique(data.groups, return_inverse=True)[1]
    options = list(fitted.without())
    nested = np.empty(data.probs.shape[1:], np.float32)
    for j in np.unique(data.folds):
        out = data.folds == j
        place = within_error(choice.scored_folds(data, fitted, group, (j,)), np.unique(group[~out]), options)
        mixed = candidates.mix_candidates(fitted.without(j), np.eye(len(options))[place])
        nested[out] = mixed.blended(data.probs[:, out], data.competition)
    by_fold = choice.scored_folds(data, fitted, group)
    scores = [scored.score() for scored in choice.over_folds(by_fold)]
    plain = [i for i, c in enumerate(options) if c.method.name in ("best", "equal") and c.rule.plain]
    safest = max(plain, key=lambda i: scores[i])
    fell_back = scores[safest] > scoring.score(data.competition, data.labels, nested) + 1e-12
    return safest if fell_back else within_error(by_fold, np.unique(group), options)


def within_error(by_fold: list[choice.Scored], groups: np.ndarray, options: list[Candidate]) -> int:
    """Return the position in `options` of the simplest candidate whose score is within one standard error of the best.

    A single run counts as the simplest candidate. by_fold: for each fold, the predictions of each candidate for the
    rows of this fold. groups: the numbers of the groups of rows, for a bootstrap. options: the candidates.
    """
    together = choice.over_folds(by_fold)
    scores = np.array([scored.score() for scored in together])
    best = int(np.argmax(scores))
    if bootstrap.sums_are_enough(together[0].metric):
        drawn = bootstrap.bootstrap_scores(
            [scored.of_groups(groups) for scored in together], len(groups), choice.ROUNDS
        )
        error = (drawn[best] - drawn).std(1)
    else:
        of_folds = np.array([[scored.score() for scored in fold] for fold in by_fold]).T
        error = (of_folds[best] - of_folds).std(1) / np.sqrt(len(by_fold))
    near = np.flatnonzero(scores[best] - scores <= error)
    return int(min(near, key=lambda i: (options[i].method.name != "best" or not options[i].rule.plain, i)))


def greedy(pool: pools.Pool) -> np.ndarray:
    """Return the weights (M,) of the pool's M runs that forward selection with replacement finds, as in AutoGluon.

    The weights are those after the best of PICKED rounds.
    """
    counts, total, history = np.zeros(len(pool.oof)), np.zeros_like(pool.oof[0]), []
    for turn in range(1, PICKED + 1):
        tried = [scoring.score(pool.competition, pool.labels, (total + run) / turn) for run in pool.oof]
        counts[int(np.argmax(tried))] += 1
        total = total + pool.oof[int(np.argmax(tried))]
        history.append((max(tried), counts / turn))
    return max(history, key=lambda step: step[0])[1]
