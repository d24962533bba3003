"""List every run and fold: complete, trained, begun, missing, stale or unused, and why; then blend and submissions.

reads   outputs/
writes  nothing
"""

from options import competition_of, parser

from comp import console
from comp.store import fold_table, run_status
from comp.store.runs import folds_file
from comp.submission import submission_file


def main() -> None:
    args = parser(__doc__).parse_args()
    competition = competition_of(args)
    folds, digest = fold_table.folds_and_digest(args.outputs, competition)
    test_ids = submission_file.ids_here(args.inputs, competition)
    states = run_status.status(args.outputs, folds, digest, competition, test_ids)
    rows = [[f"{state.run} fold {state.fold}", state.state, state.why] for state in states]
    blend = run_status.blend_status(args.outputs, args.inputs, competition)
    rows.append([blend.run, blend.state, blend.why])
    rows.append(["submission.csv", *submission_file.submission_state(args.outputs, args.inputs, competition)])
    path, count = folds_file(args.outputs), folds["fold"].nunique()
    console.say(f"{path}: {count} folds of {len(folds):,} photos, hash {digest}")
    console.table("runs", ["run", "state", ""], rows)
    show_submissions(args.outputs)


def show_submissions(outputs) -> None:
    kept = submission_file.kept_submissions(outputs)
    if kept:
        rows = [[one["file"], one["made"], str(one["run"]), str(one.get("cross_fitted", "-"))] for one in kept]
        console.table("submissions", ["file", "made", "of", "cross-validated score"], rows)


if __name__ == "__main__":
    console.run_stage(main)
