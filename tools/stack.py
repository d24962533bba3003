"""Fit a small classifier on the OOF predictions of runs, cross-fitted on the same folds: a run that blends like others.

reads   outputs/folds.csv, <run>/fold<k>/oof.npz, test.npz of RUNS; the tables where SET has columns=
writes  outputs/<run>/recipe.json, outputs/<run>/fold<k>/oof.npz, test.npz

What its score means is in comp/tabular/stacking.py.
"""

import dataclasses
import shlex

from options import competition_of, parser

from comp import console
from comp.settings import parsed_settings
from comp.store import runs
from comp.store.runs import Run, check_run_name
from comp.tabular import classifiers, derived_runs
from comp.tabular.classifiers import ClassifierSettings
from comp.text import split_names

HELP = "correct that setting; .venv/bin/python tools/stack.py --help describes all of them"
PACKAGES = ("numpy", "scikit-learn")


def main() -> None:
    args = arguments()
    check_run_name(args.run)
    competition = competition_of(args)
    given = ClassifierSettings(**parsed_settings(args.set, classifiers.setting_types(), HELP))
    made = classifiers.resolved_settings(given, competition, HELP)
    from comp.store import fold_table
    from comp.submission import submission_file
    from comp.tabular import stacking
    from comp.tabular.derived_runs import predict_derived

    folds, digest = fold_table.folds_and_digest(args.outputs, competition)
    run, wanted = Run(args.outputs, args.run), split_names(args.runs, runs.run_names(args.outputs).__contains__)
    names = stacking.sources(args.outputs, run, list(dict.fromkeys(wanted)), fold_table.fold_count(folds))
    plain = {"name": "stack", "runs": names, "seed": args.seed} | dataclasses.asdict(made)
    derived_runs.check_derived(run, plain, competition)
    test_ids = submission_file.ids_here(args.inputs, competition)
    where = (args.outputs, args.inputs, names, made.columns)
    rows, places = stacking.stacked(*where, folds, digest, competition, test_ids)
    command = f"{stacking.COMMAND} RUN={run.name} RUNS={shlex.quote(' '.join(names))}"
    command += (f" SET={shlex.quote(args.set)}" if args.set else "") + (f" SEED={args.seed}" if args.seed else "")
    derived_runs.claim_derived(run, plain, command, competition, PACKAGES)
    console.say(f"{run.name}: {made.classifier} on {', '.join(names)}")
    places = dataclasses.replace(places, meta=places.meta | {"classifier": made.classifier})
    predict_derived(run, rows, made, args.seed, places)


def arguments():
    made = parser(__doc__)
    made.epilog = settings_help()
    made.add_argument("--runs", default="", help="runs to learn from, separated by blanks or commas; empty for all")
    made.add_argument("--run", default="stack", help="name of the new run")
    made.add_argument("--set", default="", metavar="'KEY=VALUE …'", help="settings, see below")
    made.add_argument("--seed", type=int, default=0, help="seed of trees")
    return made.parse_args()


def settings_help() -> str:
    """All settings with default and meaning, for --help."""
    fields = dataclasses.fields(ClassifierSettings)
    return "settings of --set:\n\n" + "\n".join(f"  {one.name:16} {one.metadata['help']}" for one in fields)


if __name__ == "__main__":
    console.run_stage(main)
