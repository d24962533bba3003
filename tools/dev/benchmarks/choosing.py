"""Benchmarks of the choice of a blend: how much worse than the best candidate is the chosen blend on test rows?

A pool is a set of 2 to 30 simulated runs, which pools.py draws. A candidate is a blend that can be chosen. The regret
of a choice is the test score of the candidate that turned out best, minus the test score of the chosen blend. In a
record (an entry of outputs/bench/choosing.json), "ours" is the regret of `make blend`, and "theirs" is the regret of
another rule of choice. A ratio above 1 means that ours is better.

The name of a record says what it measures:
- regret: the mean regret over the pools.
- tenth: the regret that is exceeded in a tenth of the pools.
- one_standard_error: the other rule is a common one, which chooses the simplest candidate whose score is within one
  standard error of the best score. If the nested cross-validated score of this rule is lower than the score of the best
  run or of the equal mean, it chooses the better one of these two instead.
- said_0.9: how often the blend was better than a rival if `make blend` printed a probability of 0.85 to 0.95 for this.
  The ideal value is 0.9.
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
    """Yield two records for each other rule of choice: its mean regret, and the regret that a tenth of pools exceeds.

    The regret is the score of the best candidate minus the score of the chosen blend. target: the metric, for the names
    of the records. scores: for each pool, the score of each rule on the test rows, as `of_pool` returns it.
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
    """Yield a record for each range of probabilities in SAID, which shows whether the printed probabilities come true.

    In a record, "ours" is how often the blend was better than a rival on the test rows, and "theirs" is the mean of the
    probabilities that `make blend` printed for this. said: pairs of a printed probability and of whether the blend was
    better.
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
    """Return the score of each rule of choice on the test rows of a pool, and a pair for each rival of the blend.

    The rivals are the best single run and the equal mean. A pair has the probability that `make blend` prints for the
    blend being better than the rival, and whether the blend was better on the test rows.
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
    """Return the candidates that do not search for weights; the searches would take too long for hundreds of pools."""
    return [c for c in options if c.method.fit not in (methods.search, methods.geometric_search)]


# ---- theirs


def one_standard_error(data: choice.OutOfFold, fitted: Fits) -> int:
    """Return the position of the simplest candidate whose score is within one standard error of the best score.

    The best single run is taken as the simplest candidate. If this rule has a lower score in a nested cross-validation
    than the best single run or the equal mean, return the position of the better one of these two. fitted: the fitted
    candidates.
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
    """Return the position of the simplest candidate whose score is within one standard error of the best score.

    by_fold: for each fold, what is needed to score each candidate. groups: the group numbers for the bootstrap.
    options: the candidates.
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
    """Return the weights (M,) of the M runs after the best of PICKED rounds of forward selection with replacement."""
    counts, total, history = np.zeros(len(pool.oof)), np.zeros_like(pool.oof[0]), []
    for turn in range(1, PICKED + 1):
        tried = [scoring.score(pool.competition, pool.labels, (total + run) / turn) for run in pool.oof]
        counts[int(np.argmax(tried))] += 1
        total = total + pool.oof[int(np.argmax(tried))]
        history.append((max(tried), counts / turn))
    return max(history, key=lambda step: step[0])[1]
