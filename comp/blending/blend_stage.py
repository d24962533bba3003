"""The stage `make blend`: it fits a blend to the out-of-fold predictions of some runs, writes it and prints a report.

The module has three parts: the stage, the content of weights.json, and the tables on the terminal.
"""

import numpy as np

from comp import console, files
from comp.blending import candidates, choice, combine, diversity
from comp.blending.choice import OutOfFold, Study
from comp.competition import scoring
from comp.errors import InputError
from comp.project import Project
from comp.store import blend_files
from comp.store.blend_files import Asked
from comp.store.paths import BLEND, blend_file
from comp.store.predictions import save_predictions
from comp.store.runs import warn_of_unused

# ---- the stage


def make_blend(project: Project, asked: Asked) -> None:
    """Choose, fit, write and show the blend of the runs in `asked`, or of all complete runs if `asked` names no run."""
    warn_of_unused(project.outputs, project.fold_count, asked.runs)
    names = list(asked.runs) or project.complete_runs
    if not names:
        first = project.runs[0]
        command = first.repair_command(first.missing_folds(project.fold_count)[0])
        raise InputError("no run is complete", "a run with predictions for all folds", command)
    record = blend_files.blend_record(project, names, project.fold_count, asked)
    competition, rows = project.competition, project.scored_rows
    options = candidates.candidates_for(competition, asked.method, asked.rule)
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
    """Raise InputError if two runs hold the same predictions, because one prediction would then count twice."""
    order, number = combine.distinct_models(probs)
    for place in range(len(order)):
        same = [name for name, where in zip(names, number, strict=True) if where == place]
        if len(same) > 1:
            kept = tuple(name for name in names if name not in same[1:])
            found = f"runs {' and '.join(same)} hold the same predictions"
            raise InputError(found, "runs with different predictions", Asked(kept).command)


def _write(project: Project, oof, test, summary: dict, record: dict) -> None:
    """Write oof.npz, test.npz and weights.json of the blend.

    oof, test: pairs of ids and probabilities. The OOF probabilities are cross-fitted: the weights that predict a row
    were fitted without the fold of the row. summary: from `blend_summary`. record: the hashes of the files that the
    blend is made of.
    """
    meta = {name: summary[name] for name in ("run", "folds", "method", "rule", "runs", "weights")}
    for name, (ids, probs) in (("oof.npz", oof), ("test.npz", test)):
        save_predictions(blend_file(project.outputs, name), ids, probs, project.competition, meta)
    kept = {"files": blend_files.file_digests(project.outputs), "made_of": record}
    files.write_json(blend_file(project.outputs), summary | kept)  # last: it holds the hashes of the other two
    console.say(f"wrote {project.outputs / BLEND}/weights.json, oof.npz, test.npz")


# ---- weights.json


def blend_summary(names: list[str], data: OutOfFold, study: Study, digest: str) -> dict:
    """The content of weights.json as plain values. Equal inputs give equal contents.

    in_sample, cross_fitted and candidates hold values of the metric, so the value of a loss is positive. optimism is
    the score in sample minus the cross-validated score, where a higher score is better. loss_without holds for each
    run the drop of the score when the run is removed, so it is positive if the run helps.
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
        "in_sample": round(shown(study.in_sample), 6),
        "cross_fitted": round(shown(study.cross_validated), 6),
        "optimism": round(study.in_sample - study.cross_validated, 6),
        "interval_95": sorted(_rounded(map(shown, study.interval))),
        "beats": {name: round(chance, 4) for name, chance in study.beats.items()},
        "candidates": {str(candidate): round(float(shown(score)), 6) for candidate, score in study.table},
        "loss_without": dict(zip(names, _rounded(lost), strict=True)),
        "disagreement": [_rounded(row) for row in pairs],
        "correlation": [_rounded(row) for row in alike],
    }


def _rounded(values) -> list[float]:
    return [round(float(value), 6) for value in values]


def _rounded_values(values: dict[str, float]) -> dict[str, float]:
    return dict(zip(values, _rounded(values.values()), strict=True))


# ---- the terminal

SHOWN = 8  # the table of all pairs of runs is shown for at most this many runs
ROWS = 8  # most rows of the table of candidates


def show_blend(names: list[str], data: OutOfFold, study: Study, summary: dict) -> None:
    """Print the runs, the candidates and the score of the blend, and which classes new runs should improve."""
    show_runs(names, data, summary)
    show_choice(data, study, summary)
    show_next(names, data, study)


def show_runs(names: list[str], data: OutOfFold, summary: dict) -> None:
    """Print for each run its weight, its scores, the score that it adds to the blend, and the most similar run."""
    pairs, differ, rows = np.array(summary["disagreement"]), _differ(data), []
    for i, name in enumerate(names):
        scores = scoring.scores(data.competition, data.labels, data.probs[i])
        nearest = min((j for j in range(len(names)) if j != i), key=lambda j: pairs[i, j], default=None)
        like = "-" if nearest is None else f"{names[nearest]} ({pairs[i, nearest]:.1%} {differ})"
        rows.append([name, summary["weights"][i], *scores.values(), f"{summary['loss_without'][name]:+.4f}", like])
    console.table("out of fold", ["run", "weight", *scores, "adds", "most similar run"], rows)
    if 2 < len(names) <= SHOWN:
        cells = [
            [f"{p:.1%} {c:.2f}" for p, c in zip(*row, strict=True)]
            for row in zip(pairs, summary["correlation"], strict=True)
        ]
        rows = [[name, *row] for name, row in zip(names, cells, strict=True)]
        console.table(f"{differ}, correlation of predictions", ["run", *names], rows)


def _differ(data: OutOfFold) -> str:
    return "1 - correlation of errors" if data.competition.target == "regression" else "different answers"


def show_choice(data: OutOfFold, study: Study, summary: dict) -> None:
    """Print the candidates with the largest shares and the best scores, and the cross-validated score of the blend.

    A line between them says how the blend is made from the candidates.
    """
    metric, shares, title = data.competition.metric, study.shares, scoring.titles(data.competition)[0]
    table = sorted(study.table, key=lambda row: (-shares.get(row[0], 0), -row[1]))[:ROWS]
    rows = [[str(c), metric.shown(score), f"{shares[c]:.2f}" if c in shares else "-"] for c, score in table]
    console.table(
        "blend candidates, fitted on K-1 folds, scored on the fold left out", ["method + rule", title, "share"], rows
    )
    console.say(f"chosen: {_explained(study)}")
    low, high = summary["interval_95"]
    console.say(
        f"{title}: in sample {summary['in_sample']:.4f}, cross-validated {summary['cross_fitted']:.4f} "
        f"(95 % {low:.4f} to {high:.4f}), optimism {summary['optimism']:+.4f}"
    )
    console.say(
        "cross-validated: shares, weights and rules were fitted on K-1 folds and scored on the fold left out "
        "(nested); 95 % intervals: bootstrap over groups of photos"
    )
    console.say(
        ", ".join(f"better than the {name} with probability {chance:.2f}" for name, chance in study.beats.items())
    )


def _explained(study: Study) -> str:
    if len(study.table) == 1:
        return f"{study.chosen}, the only candidate"
    if len(study.shares) == 1:
        return f"{study.chosen}, the only candidate of its kind that had a chance to be the best one"
    count = len(study.shares)
    return f"the mean of {count} candidates; the share of a candidate is its chance to be the best one on new photos"


def show_next(names: list[str], data: OutOfFold, study: Study) -> None:
    """Print the classes that the blend predicts worst, because new runs would help most with these classes."""
    classes = data.competition.classes
    weakest = diversity.weakest(data.competition, study.oof, data.labels, data.probs)
    if weakest:
        console.say("new runs would help most with")
    for weak in weakest:
        taken = f", mostly taken for {classes[weak['taken_for']]}" if "taken_for" in weak else ""
        console.say(
            f"  {classes[weak['label']]}: {weak['measure']} {weak['score']:.2f} of {weak['rows']} photos{taken}"
            f"; best alone: {names[weak['best_run']]} ({weak['best_score']:.2f})"
        )
