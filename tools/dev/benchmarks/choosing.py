"""Benchmarks of the choice of a blend: the mean regret on the test halves of many pools of runs.

The regret of a chosen blend is the score of the best candidate in hindsight minus the score of the blend. ours is the
regret of `make blend`, and theirs is the regret of another rule of choice. A ratio above 1 means that ours is better.
pools.py draws the pools, which have 2 to 30 runs.

The name of a record says what it measures:
- regret: the mean regret over the pools.
- tenth: the regret that a tenth of the pools exceeds.
- one_standard_error: a usual rule of choice, which takes the simplest candidate within one standard error of the best.
  If the nested score of this choice is lower than the better of the best run and the equal mean, it takes the better
  of these two.
- said_0.9: how often the blend was better than a rival when `make blend` gave a probability of 0.85 to 0.95. The target
  is 0.9.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from benchmarks import pools

from comp.blending import bootstrap, candidates, choice, combine, methods
from comp.blending.candidates import Candidate, Fits, candidates_for, fit_candidates
from comp.competition import scoring

POOLS = {"macro F1": 8, "accuracy": 2, "AUC": 2, "micro F1": 2}  # each metric and its number of pools in a round
PICKED = 25  # rounds of greedy selection with replacement, as in AutoGluon
SAID = {0.5: (0.4, 0.6), 0.7: (0.6, 0.8), 0.9: (0.85, 0.95), 0.99: (0.95, 1.01)}


def records(work: Path, rounds: int) -> Iterator[dict]:
    for target, count in POOLS.items():
        results = [of_pool(pools.draw(seed, target)) for seed in range(rounds * count)]
        yield from regrets(target.replace(" ", "_"), [scores for scores, _ in results])
        if target == "macro F1":
            yield from calibration([pair for _, said in results for pair in said])


def regrets(target: str, scores: list[dict[str, float]]) -> Iterator[dict]:
    """Two records for each rule of choice: of the mean regret, and of the regret that a tenth of the pools exceeds.

    scores: for each pool the score of each rule, from `of_pool`.
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
    """Records of how well the printed probabilities are calibrated, one for each range in SAID.

    ours: how often the blend was better than the rival on the test half. theirs: the mean printed probability. said:
    pairs of a printed probability and of whether the blend was better.
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
    """The score of each rule of choice on the test half, and a pair for each rival of the blend.

    A pair has the printed probability that the blend is better, and whether it was better on the test half.
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
    """The candidates without the searches for weights, which would take too long for hundreds of pools."""
    return [c for c in options if c.method.fit not in (methods.search, methods.geometric_search)]


# ---- theirs


def one_standard_error(data: choice.OutOfFold, fitted: Fits) -> int:
    """The position of the candidate that the rule one_standard_error chooses (see the top of the module).

    The best single run counts as the simplest candidate.
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
    """The position of the simplest candidate whose score is within one standard error of the best score."""
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
    """The weights (M,) of the best of PICKED rounds of plain forward selection with replacement."""
    counts, total, history = np.zeros(len(pool.oof)), np.zeros_like(pool.oof[0]), []
    for turn in range(1, PICKED + 1):
        tried = [scoring.score(pool.competition, pool.labels, (total + run) / turn) for run in pool.oof]
        counts[int(np.argmax(tried))] += 1
        total = total + pool.oof[int(np.argmax(tried))]
        history.append((max(tried), counts / turn))
    return max(history, key=lambda step: step[0])[1]
