"""Choose and fit the blend of the runs on their out-of-fold predictions; print its cross-fitted score; blend the test.

reads   outputs/competition.json, folds.csv, <run>/fold<k>/oof.npz, test.npz; external predictions in outputs/<name>/
writes  outputs/blend/weights.json, oof.npz, test.npz; nothing where they are already made of just these files

The score is of weights, rules and shares that were fitted on K-1 folds, on the fold left out: see
comp/blending/crossfit.py and, for how the blend is chosen, choice.py.
"""

import sys

from options import competition_of, parser

from comp import console
from comp.competition.competition import Competition
from comp.errors import InputError
from comp.store import blend_files, runs
from comp.store.blend_files import Asked
from comp.store.runs import BLEND, Run
from comp.text import split_names


def main() -> None:
    args = arguments()
    competition = competition_of(args)
    asked = Asked(chosen_runs(args), args.method, args.rule, args.per, int(args.transductive))
    found = blend_files.blend_state(args.outputs, args.inputs, competition, asked)
    if found.problem:
        make(args, competition, asked)
    else:
        warn_of_unused(args.outputs, found.made["made_of"]["fold_count"], asked)
        console.say(f"{Run(args.outputs, BLEND).folder} is up to date: of {', '.join(found.made['runs'])}")


def arguments():
    made = parser(__doc__)
    ways, rules = names_for_help()
    made.add_argument("--runs", default="", help="runs to blend, separated by blanks or commas; empty for all complete")
    made.add_argument("--method", default="", help=f"{ways}; empty: the cross-fitted score chooses")
    made.add_argument("--per", choices=("run", "attribute"), default="run", help="what has a weight of its own")
    made.add_argument("--rule", default="", help=f"{rules} (as target and metric allow); empty: the same score chooses")
    made.add_argument("--transductive", action="store_true", help="fit RULE=expected to the test photos' probabilities")
    return made.parse_args()


def names_for_help() -> tuple[str, str]:
    """The names of all methods and rules. Their modules take a second to import, so only where they are shown."""
    if not {"-h", "--help"} & set(sys.argv):
        return "", ""
    from comp.blending import methods
    from comp.decisions import decision

    return ", ".join(method.name for method in methods.METHODS), ", ".join(decision.NAMES)


def chosen_runs(args) -> tuple[str, ...]:
    """The runs that are asked for, each once; InputError for names that are no runs, or where there is no run."""
    there = runs.run_names(args.outputs)
    names = tuple(dict.fromkeys(split_names(args.runs, there.__contains__)))
    runs.check_known(args.outputs, names)
    return names


def warn_of_unused(outputs, folds: int, asked: Asked) -> None:
    """Name the existing predictions that are not blended, with the reasons."""
    for reason in runs.unused_folders(outputs).values():
        console.warn(reason)
    missing = {name: runs.missing_folds(Run(outputs, name), folds) for name in runs.run_names(outputs)}
    for name, numbers in missing.items():
        if numbers and not asked.runs:
            console.warn(f"{name} is left out: fold {', '.join(map(str, numbers))} is not predicted yet")


def make(args, competition: Competition, asked: Asked) -> None:
    """Blend. The imports are here because a blend that is up to date needs none of them."""
    from comp.blending import blend_stage
    from comp.store import fold_table
    from comp.submission import submission_file

    folds, digest = fold_table.folds_and_digest(args.outputs, competition)
    count = fold_table.fold_count(folds)
    warn_of_unused(args.outputs, count, asked)
    names = list(asked.runs) or runs.complete_runs(args.outputs, count)
    if not names:
        first = Run(args.outputs, runs.run_names(args.outputs)[0])
        run = runs.repair_command(first, runs.missing_folds(first, count)[0])
        raise InputError("no run is complete", "all folds of one", run)
    made_of = blend_files.blend_sources(args.outputs, args.inputs, competition, names, count, asked)
    test_ids = submission_file.ids_here(args.inputs, competition)
    blend_stage.blend(args.outputs, folds, digest, competition, names, test_ids, asked, made_of)


if __name__ == "__main__":
    console.run_stage(main)
