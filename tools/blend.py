"""Choose and fit the blend of the runs on their out-of-fold predictions; print its cross-fitted score; blend the test.

reads   outputs/competition.json, folds.csv, <run>/fold<k>/oof.npz, test.npz; external predictions in outputs/<name>/
writes  outputs/blend/weights.json, oof.npz, test.npz

Method, weights and decision rule are chosen on K-1 folds and scored on the one left out: see comp/blending/crossfit.py.
"""

import numpy as np
from options import frozen, parser

from comp import console
from comp.blending import candidates, combine, crossfit, methods, report
from comp.competition.competition import Competition
from comp.decisions import decision
from comp.errors import InputError
from comp.io import files
from comp.store import fold_table, runs
from comp.store.paths import BLEND, Run
from comp.store.predictions import save_predictions
from comp.store.run_predictions import load
from comp.store.scored_rows import scored_rows
from comp.submission import submission


def main() -> None:
    args = arguments()
    competition = frozen(args)
    folds, digest = fold_table.folds_and_digest(args.outputs, competition)
    parts = args.per == "attribute"
    check_parts(parts, competition)
    options = candidates.candidates(competition, args.method, args.rule, parts)
    names = chosen_runs(args, folds)
    test_ids = sample_ids(args.inputs, competition)
    loaded = [load(Run(args.outputs, name), folds, digest, competition, test_ids) for name in names]
    rows = scored_rows(folds, competition)
    probs = np.stack([rows.combine(oof) for oof, _ in loaded])
    check_distinct(names, probs)
    data = crossfit.OutOfFold(
        competition=competition,
        probs=combine.by_attribute(probs, competition.attribute_values) if parts else probs,
        labels=rows.labels,
        folds=rows.folds,
        groups=rows.groups,
        runs=probs,
    )
    with console.progress("fitting", crossfit.fits(len(np.unique(rows.folds))), "fits") as advance:
        study = crossfit.study(data, options, advance)
    sources = [runs.source_digest(Run(args.outputs, name)) for name in names]
    made = report.summary(names, data, study, digest, sources)
    write(args.outputs, rows.ids, data, study, test_parts([test for _, test in loaded], data, parts), made)
    report.show(names, data, study, made)


def arguments():
    made = parser(__doc__)
    made.add_argument("--runs", default="", help="runs to blend, separated by spaces or commas; empty for all complete")
    ways = ", ".join(methods.METHODS)
    made.add_argument("--method", default="", help=f"{ways}; empty: the cross-fitted score chooses")
    made.add_argument("--per", choices=("run", "attribute"), default="run", help="what has a weight of its own")
    rules = ", ".join(decision.NAMES)
    made.add_argument("--rule", default="", help=f"{rules} (as target and metric allow); empty: the same score chooses")
    return made.parse_args()


def sample_ids(inputs, competition: Competition) -> list[str] | None:
    """The test ids that every run must have; None where the sample is not on this machine."""
    if not (competition.sample and (inputs / competition.sample.file).is_file()):
        return None
    return submission.sample_ids(submission.read_sample(inputs, competition), competition)


def check_parts(parts: bool, competition: Competition) -> None:
    """Raise InputError where weights for each attribute are asked for and classes have no attributes."""
    if parts and not competition.attributes:
        raise InputError("PER=attribute, but the classes have no attributes", "PER=run", "make blend PER=run")


def chosen_runs(args, folds) -> list[str]:
    """Those asked for, or all that are complete; the others are named."""
    there = runs.names(args.outputs)
    names = list(dict.fromkeys(args.runs.replace(",", " ").split()))
    runs.check_known(args.outputs, names)
    for reason in runs.unused(args.outputs).values():
        console.warn(reason)
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


def test_parts(tests, data, parts: bool):
    """Test ids, and probabilities (M, T, C) as those that the weights are of."""
    probs = np.stack([test.at(tests[0].ids) for test in tests])
    return tests[0].ids, combine.by_attribute(probs, data.competition.attribute_values) if parts else probs


def write(outputs, ids_of_rows, data, study, tests, report) -> None:
    """The blend's files. Its OOF probabilities are the cross-fitted ones: each row's blend never saw its fold."""
    run = Run(outputs, BLEND)
    ids, probs = tests
    competition = data.competition
    mixed = combine.blended(study.chosen.method, probs, study.weights, competition)
    mixed = decision.adjusted(mixed, study.parameters, competition)
    meta = {name: report[name] for name in ("run", "folds", "method", "rule", "runs", "weights")}
    save_predictions(run.folder / "oof.npz", ids_of_rows, study.oof, competition, meta)
    save_predictions(run.folder / "test.npz", ids, mixed, competition, meta)
    files.write_json(run.folder / "weights.json", report)  # last: the file that make looks at
    console.say(f"wrote {run.folder}/weights.json, oof.npz, test.npz")


if __name__ == "__main__":
    console.run_stage(main)
