"""Run `make blend`: fit a blend to the out-of-fold predictions of some runs, write the blend and print a report.

The module has three sections: the stage itself, the content of weights.json, and the tables on the terminal.
"""

import numpy as np

from comp import console, files
from comp.blending import candidates, choice, combine, diversity
from comp.blending.choice import OutOfFold, Study
from comp.competition import scoring
from comp.console import score_text
from comp.errors import InputError
from comp.project import Project
from comp.store import blend_files
from comp.store.blend_files import Asked
from comp.store.paths import BLEND, blend_file
from comp.store.predictions import save_predictions
from comp.store.runs import warn_of_unused
from comp.text import shortened

# ---- the stage


def make_blend(project: Project, asked: Asked) -> None:
    """Choose and fit a blend of runs, write its files and print a report.

    asked: the options RUNS, METHOD and RULE of `make blend`. Without RUNS, all runs with predictions for every fold are
    blended. Raise InputError if there is no such run, or if two runs have the same predictions.
    """
    warn_of_unused(project.outputs, project.fold_count, asked.runs)
    names = list(asked.runs) or project.complete_runs
    if not names:
        first = project.runs[0]
        command = first.repair_command(first.missing_folds(project.fold_count)[0])
        raise InputError(
            "no run is complete, so no blend can be made", "at least one run with predictions for all folds", command
        )
    record = blend_files.blend_record(project, names, project.fold_count, asked)
    competition, rows = project.competition, project.scored_rows
    method = asked.method or ("equal" if len(names) == 1 else "")  # every mean of one run is this run
    options = candidates.candidates_for(competition, method, asked.rule)
    probs = np.stack([project.scored_oof(name) for name in names])
    _check_distinct(names, probs)
    data = OutOfFold(competition, probs, rows.labels, rows.folds, rows.groups)
    with console.progress("fitting", candidates.number_of_fits(len(np.unique(rows.folds))), "fits") as advance:
        study = choice.study(data, options, advance)
    summary = blend_summary(names, data, study, project.folds_digest)
    tests = [project.predictions(name)[1] for name in names]
    ids = tests[0].ids
    test = study.chosen.adjusted(
        np.stack([test.at(ids) for test in tests]), study.weights, study.parameters, competition
    )
    _write(project, (rows.ids, study.oof), (ids, test), summary, record)
    show_blend(names, data, study, summary)


def _check_distinct(names: list[str], probs: np.ndarray) -> None:
    """Raise InputError if two runs have the same predictions, because the blend would count these predictions twice.

    names: the names of the runs. probs: their out-of-fold predictions, in the order of `names`.
    """
    same = combine.identical_models(names, probs)
    if same:
        kept = tuple(name for name in names if name not in same[1:])
        found = f"runs {' and '.join(same)} hold the same predictions"
        raise InputError(found, "runs with different predictions", Asked(kept).command)


def _write(project: Project, oof, test, summary: dict, record: dict) -> None:
    """Write the files oof.npz, test.npz and weights.json of the blend.

    oof: the ids of the training rows, and their probabilities from cross-validation. test: the ids of the test rows,
    and their probabilities. summary: the content of weights.json, from `blend_summary`. record: the hashes and settings
    on which the blend depends, from `blend_files.blend_record`.
    """
    meta = {name: summary[name] for name in ("run", "folds", "method", "rule", "runs", "weights")}
    for name, (ids, probs) in (("oof.npz", oof), ("test.npz", test)):
        save_predictions(blend_file(project.outputs, name), ids, probs, project.competition, meta)
    kept = {"files": blend_files.file_digests(project.outputs), "made_of": record}
    # weights.json is written last, because it holds the hashes of the other two files
    files.write_json(blend_file(project.outputs), summary | kept)
    console.say(f"wrote {project.outputs / BLEND}/weights.json, oof.npz and test.npz")


# ---- weights.json


def blend_summary(names: list[str], data: OutOfFold, study: Study, digest: str) -> dict:
    """Return the content of weights.json as a dictionary of texts, numbers, lists and dictionaries.

    names: the names of the runs. data: their out-of-fold predictions. study: the fitted blend and its scores. digest:
    the hash of folds.csv. The entries in_sample, cross_fitted and candidates are values of the metric, as the
    leaderboard shows them. The entries optimism and loss_without are differences of scores, where the metric is negated
    if lower values are better. optimism is the score on the rows of the fit minus the cross-validated score.
    loss_without is positive for a run whose removal would lower the score.
    """
    competition, shown, form = data.competition, data.competition.metric.shown, study.chosen.rule.form
    lost = diversity.losses_without(study.chosen, competition, data.probs, data.labels, study.weights, study.parameters)
    pairs = diversity.disagreement(competition, data.probs, data.labels)
    alike = diversity.correlation(competition, data.probs, data.labels)
    return {
        "run": BLEND,
        "folds": digest,
        "metric": competition.metric.name,
        "method": study.chosen.method.name,
        "rule": study.chosen.rule.name,
        "runs": names,
        "weights": _rounded(study.weights),
        "weights_of": names,
        "shares": _rounded_values({str(candidate): share for candidate, share in study.shares.items()}),
        form.key: _rounded_values(form.named(study.parameters, competition)),
        "in_sample": shortened(shown(study.in_sample)),
        "cross_fitted": shortened(shown(study.cross_validated)),
        "optimism": shortened(study.in_sample - study.cross_validated),
        "interval_95": sorted(_rounded(map(shown, study.interval))),
        "beats": {name: round(chance, 4) for name, chance in study.beats.items()},
        "candidates": {str(candidate): shortened(shown(score)) for candidate, score in study.table},
        "loss_without": dict(zip(names, _rounded(lost), strict=True)),
        "disagreement": [_rounded(row) for row in pairs],
        "correlation": [_rounded(row) for row in alike],
    }


def _rounded(values) -> list[float]:
    return [shortened(value) for value in values]


def _rounded_values(values: dict[str, float]) -> dict[str, float]:
    return dict(zip(values, _rounded(values.values()), strict=True))


# ---- the terminal

SHOWN = 8  # the table of all pairs of runs is printed only if there are at most this many runs
ROWS = 8  # largest number of rows in the table of candidates


def show_blend(names: list[str], data: OutOfFold, study: Study, summary: dict) -> None:
    """Print a report about the blend: its runs, how it was chosen, its score, and the classes that it predicts worst.

    names: the names of the runs. data: their out-of-fold predictions. study: the fitted blend and its scores. summary:
    the content of weights.json.
    """
    show_runs(names, data, summary)
    show_choice(data, study, summary)
    show_next(names, data, study)


def show_runs(names: list[str], data: OutOfFold, summary: dict) -> None:
    """Print for each run its weight, its scores, how much it adds to the blend's score, and the most similar run.

    For 3 to SHOWN runs, print a second table with the differences and the correlations of all pairs of runs. names: the
    names of the runs. data: their out-of-fold predictions. summary: the content of weights.json.
    """
    pairs, differ, rows = np.array(summary["disagreement"]), _differ(data), []
    for i, name in enumerate(names):
        scores = scoring.scores(data.competition, data.labels, data.probs[i])
        nearest = min((j for j in range(len(names)) if j != i), key=lambda j: pairs[i, j], default=None)
        like = "-" if nearest is None else f"{names[nearest]} ({differ}: {pairs[i, nearest]:.1%})"
        rows.append(
            [name, summary["weights"][i], *scores.values(), _difference(summary, summary["loss_without"][name]), like]
        )
    columns = ["run", "weight", *scores, "adds to the score", "most similar run"]
    console.table("runs of the blend, scored out of fold", columns, rows)
    if 2 < len(names) <= SHOWN:
        cells = [
            [f"{p:.1%} {c:.2f}" for p, c in zip(*row, strict=True)]
            for row in zip(pairs, summary["correlation"], strict=True)
        ]
        rows = [[name, *row] for name, row in zip(names, cells, strict=True)]
        console.table(f"each pair of runs: {differ} and correlation", ["run", *names], rows)


def _difference(summary: dict, value: float) -> str:
    """Return a difference of two scores as text. summary: the content of weights.json."""
    return score_text(value, summary["cross_fitted"], "+")


def _differ(data: OutOfFold) -> str:
    return "1 - correlation of errors" if data.competition.target == "regression" else "different answers"


def show_choice(data: OutOfFold, study: Study, summary: dict) -> None:
    """Print which methods and rules were averaged into the blend, and the cross-validated score of the blend.

    A table lists up to ROWS candidates, each a blend method with a decision rule: first those with the largest shares
    in the blend, then those with the best scores. data: the out-of-fold predictions. study: the fitted blend. summary:
    the content of weights.json.
    """
    metric, shares, title = data.competition.metric, study.shares, scoring.titles(data.competition)[0]
    table = sorted(study.table, key=lambda row: (-shares.get(row[0], 0), -row[1]))[:ROWS]
    rows = [[str(c), metric.shown(score), f"{shares[c]:.2f}" if c in shares else "-"] for c, score in table]
    console.table(
        "candidates for the blend, scored on folds that were left out of the fit",
        ["method + rule", title, "share"],
        rows,
    )
    console.say(f"chosen: {_explained(study)}")
    low, high = summary["interval_95"]
    console.say(
        f"{title} of the blend: {score_text(summary['cross_fitted'])} cross-validated "
        f"(95 % interval {score_text(low)} to {score_text(high)}); on the rows to which the blend was fitted: "
        f"{score_text(summary['in_sample'])}, which is {_difference(summary, summary['optimism'])} better"
    )
    console.say(
        "cross-validated means: for each fold, the blend was chosen and fitted on the other folds and scored on this "
        "fold; the 95 % interval comes from a bootstrap over groups of photos"
    )
    chances = (f"better than the {name} with probability {chance:.2f}" for name, chance in study.beats.items())
    console.say(f"the blend is {', and '.join(chances)}")


def _explained(study: Study) -> str:
    if len(study.table) == 1:
        return f"{study.chosen}, the only candidate"
    if len(study.shares) == 1:
        return f"{study.chosen}; no other candidate that could be averaged with it had a chance to be the best"
    count = len(study.shares)
    return f"the mean of {count} candidates; the share of each is its chance to be the best candidate on new photos"


def show_next(names: list[str], data: OutOfFold, study: Study) -> None:
    """Print the classes that the blend predicts worst, because new runs would help most with these classes.

    names: the names of the runs. data: their out-of-fold predictions. study: the fitted blend.
    """
    classes = data.competition.classes
    weakest = diversity.weakest(data.competition, study.oof, data.labels, data.probs)
    if weakest:
        console.say("new runs would help most with these classes:")
    for weak in weakest:
        taken = f", most often mistaken for {classes[weak['taken_for']]}" if "taken_for" in weak else ""
        console.say(
            f"  {classes[weak['label']]} ({weak['rows']} photos): {weak['measure']} {weak['score']:.2f}{taken}"
            f"; the best single run for it is {names[weak['best_run']]} with {weak['best_score']:.2f}"
        )
