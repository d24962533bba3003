"""Choose and fit the blend of the runs on their out-of-fold predictions; print its honest score; blend the test.

reads   outputs/folds.csv, outputs/<run>/fold<k>/oof.npz, test.npz; a guest's outputs/<name>/oof.npz, test.npz or .csv
writes  outputs/blend/weights.json, oof.npz, test.npz

Method, weights and decision rule are chosen on K-1 folds and scored on the one left out: see comp/crossfit.py.
"""

import numpy as np
from options import parser

from comp import artifacts, blend, combine, competition, console, crossfit, decision, diversity, files, metrics, runs
from comp.artifacts import BLEND, Run
from comp.errors import InputError

SHOWN = 8  # runs up to which each pair is shown


def main() -> None:
    args = arguments()
    folds, digest = artifacts.folds_and_digest(args.outputs, len(competition.CLASSES))
    parts = args.per == "attribute"
    pool = crossfit.candidates(competition.METRIC, len(competition.CLASSES), args.method, args.rule, parts)
    names = chosen_runs(args, folds)
    loaded = [runs.load(Run(args.outputs, name), folds, digest, competition.CLASSES) for name in names]
    attributes = competition.attribute_labels(np.arange(len(competition.CLASSES)))
    probs = np.stack([oof for oof, _ in loaded])
    check_distinct(names, probs)
    data = crossfit.Data(
        probs=combine.by_attribute(probs, attributes) if parts else probs,
        labels=folds["label"].to_numpy(),
        folds=folds["fold"].to_numpy(),
        groups=folds["group"].to_numpy(),
        metric=competition.METRIC,
        attributes=attributes,
        runs=probs,
    )
    with console.progress("fitting", crossfit.fits(folds["fold"].nunique()), "fits") as advance:
        study = crossfit.study(data, pool, advance)
    sources = [runs.source_digest(Run(args.outputs, name)) for name in names]
    report = summary(names, data, study, digest, sources)
    write(args.outputs, folds, study, test_parts([test for _, test in loaded], data, parts), report)
    show(names, data, study, report)


def arguments():
    made = parser(__doc__)
    made.add_argument("--runs", default="", help="runs to blend, separated by spaces or commas; empty for all complete")
    methods = ", ".join(blend.usable(competition.METRIC, len(competition.CLASSES)))
    made.add_argument("--method", default="", help=f"{methods}; empty to let the cross-fitted score choose")
    made.add_argument("--per", choices=("run", "attribute"), default="run", help="what has a weight of its own")
    made.add_argument("--rule", default="", help=f"{', '.join(decision.RULES)}; empty to let the same score choose")
    return made.parse_args()


def chosen_runs(args, folds) -> list[str]:
    """Those asked for, or all that are complete; the others are named."""
    there = runs.names(args.outputs)
    names = list(dict.fromkeys(args.runs.replace(",", " ").split()))
    unknown = [name for name in names if name not in there]
    if unknown or not there:
        expected = f"trained runs: {', '.join(there) or 'none yet'}"
        raise InputError(f"no run {' '.join(unknown)} in {args.outputs}", expected, "make train MODEL=vit_small_r26")
    if names:
        return names
    missing = {name: runs.missing_folds(Run(args.outputs, name), folds) for name in there}
    for name, numbers in missing.items():
        if numbers:
            console.warn(f"{name} is left out: fold {', '.join(map(str, numbers))} is not predicted yet")
    complete = [name for name in there if not missing[name]]
    if not complete:
        raise InputError("no run is complete", "all folds of one", f"make train MODEL={there[0]}")
    return complete


def check_distinct(names: list[str], probs: np.ndarray) -> None:
    """Raise InputError where two runs hold the same predictions: one would count twice under another name."""
    order, of = combine.distinct(probs)
    for place in range(len(order)):
        same = [name for name, where in zip(names, of, strict=True) if where == place]
        if len(same) > 1:
            raise InputError(
                f"runs {' and '.join(same)} hold the same predictions",
                "each once",
                f'make blend RUNS="{" ".join(name for name in names if name not in same[1:])}"',
            )


def summary(names, data, study, digest, sources) -> dict:
    """What weights.json holds, and the blend's npz files in their meta: plain values, the same for the same input."""
    lost = diversity.losses_without(
        study.chosen.method, data.metric, data.probs, data.labels, study.weights, study.offsets
    )
    pairs, alike = diversity.disagreement(data.runs), diversity.correlation(data.runs)
    return {
        "run": BLEND,
        "folds": digest,
        "metric": data.metric,
        "method": study.chosen.method,
        "rule": study.chosen.rule,
        "runs": names,
        "sources": sources,
        "weights": rounded(study.weights),
        "weights_of": weights_of(names, data),
        "offsets": dict(zip(competition.CLASSES, rounded(study.offsets), strict=True)),
        "in_sample": round(study.in_sample, 6),
        "cross_fitted": round(study.honest, 6),
        "optimism": round(study.in_sample - study.honest, 6),
        "interval_95": rounded(study.interval),
        "beats": {name: round(chance, 4) for name, chance in study.beats.items()},
        "candidates": {str(candidate): round(float(score), 6) for candidate, score in study.table},
        "loss_without": dict(zip(weights_of(names, data), rounded(lost), strict=True)),
        "disagreement": [rounded(row) for row in pairs],
        "correlation": [rounded(row) for row in alike],
    }


def weights_of(names: list[str], data) -> list[str]:
    """What each weight is of: a run, or a run's part of one attribute."""
    if len(data.probs) == len(names):
        return names
    return [f"{name}: {attribute}" for name in names for attribute in data.attributes]


def test_parts(tests, data, parts: bool):
    """Test ids, and probabilities (M, T, C) as those that the weights are of."""
    probs = np.stack([test.at(tests[0].ids) for test in tests])
    return tests[0].ids, combine.by_attribute(probs, data.attributes) if parts else probs


def rounded(values) -> list[float]:
    return [round(float(value), 6) for value in values]


def write(outputs, folds, study, tests, report) -> None:
    """The blend's files. Its OOF probabilities are the cross-fitted ones: each row's blend never saw its fold."""
    run = Run(outputs, BLEND)
    ids, probs = tests
    mixed = decision.adjusted(combine.blended(study.chosen.method, probs, study.weights), study.offsets)
    meta = {name: report[name] for name in ("run", "folds", "method", "rule", "runs", "weights")}
    artifacts.save_predictions(run.folder / "oof.npz", folds["image"], study.oof, competition.CLASSES, meta)
    artifacts.save_predictions(run.folder / "test.npz", ids, mixed, competition.CLASSES, meta)
    files.write_json(run.folder / "weights.json", report)  # last: the file that make looks at
    console.say(f"wrote {run.folder}/weights.json, oof.npz, test.npz")


def show(names, data, study, report) -> None:
    pairs, each = np.array(report["disagreement"]), len(data.probs) // len(names)
    if each > 1:
        table = zip(report["weights_of"], report["weights"], report["loss_without"].values(), strict=True)
        rows = [[of, weight, f"{lost:+.4f}"] for of, weight, lost in table]
        console.table("weights by attribute", ["run: attribute", "weight", "adds"], rows)
    rows = []
    for i, name in enumerate(names):
        scores = metrics.scores(data.labels, data.runs[i])
        nearest = min((j for j in range(len(names)) if j != i), key=lambda j: pairs[i, j], default=None)
        like = "-" if nearest is None else f"{names[nearest]} ({pairs[i, nearest]:.1%} differ)"
        own = slice(i * each, (i + 1) * each)  # of a run by attribute: the sum of its parts
        weight, lost = sum(report["weights"][own]), sum(list(report["loss_without"].values())[own])
        rows.append([name, weight, scores["macro_f1"], scores["accuracy"], f"{lost:+.4f}", like])
    console.table("out of fold", ["run", "weight", "macro F1", "accuracy", "adds", "most like it"], rows)
    if 2 < len(names) <= SHOWN:
        cells = [[f"{p:.1%} {c:.2f}" for p, c in zip(*row, strict=True)]
                 for row in zip(pairs, report["correlation"], strict=True)]  # fmt: skip
        rows = [[name, *row] for name, row in zip(names, cells, strict=True)]
        console.table("rows answered differently, correlation of probabilities", ["run", *names], rows)
    show_choice(study, report)
    show_next(names, data, study)


def show_choice(study, report) -> None:
    table = sorted(study.table, key=lambda row: -row[1])[:6]
    if study.chosen not in [candidate for candidate, _ in table]:
        table.append(next(row for row in study.table if row[0] == study.chosen))
    why = "the simplest within a standard error of the best"
    why = "choosing among all of them scored less" if study.fell_back else why
    mark = {study.chosen: "chosen"}
    rows = [[str(candidate), score, mark.get(candidate, "")] for candidate, score in table]
    title = "ways to blend, fitted on K-1 folds, scored on the rest"
    console.table(title, ["method + rule", report["metric"], ""], rows)
    console.say(f"chosen: {why}")
    low, high = report["interval_95"]
    console.say(f"{report['metric']} in sample {study.in_sample:.4f}, honest {study.honest:.4f} "
                f"(95 % {low:.4f} to {high:.4f}), optimism {report['optimism']:+.4f}")  # fmt: skip
    console.say("honest: method, rule and weights chosen on K-1 folds, scored on the fold left out; 95 % over persons")
    console.say(", ".join(f"better than the {name} with probability {chance:.2f}"
                          for name, chance in study.beats.items()))  # fmt: skip


def show_next(names, data, study) -> None:
    """Where the blend is weak, and so what to train next."""
    console.say("to gain most, train next for")
    for weak in diversity.weakest_classes(study.oof, data.labels, data.runs):
        label, other = (competition.CLASSES[weak[key]] for key in ("label", "taken_for"))
        console.say(f"  {label}: recall {weak['recall']:.2f} of {weak['rows']} photos, mostly taken for {other}; "
                    f"best alone: {names[weak['best_run']]} ({weak['best_recall']:.2f})")  # fmt: skip


if __name__ == "__main__":
    console.run_stage(main)
