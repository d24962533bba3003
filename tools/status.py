"""List every run and fold: complete, trained, begun, missing, or stale and why; then the blend and the submissions.

reads   outputs/
writes  nothing
"""

from options import parser

from comp import console
from comp.competition import home
from comp.errors import InputError
from comp.io import files
from comp.store import artifacts, runs, submission
from comp.store.artifacts import BLEND, Run


def main() -> None:
    args = parser(__doc__).parse_args()
    folds, digest = artifacts.folds_and_digest(args.outputs, len(home.CLASSES))
    states = runs.status(args.outputs, folds, digest, home.CLASSES)
    rows = [[f"{state.run} fold {state.fold}", state.state, state.why] for state in states]
    rows.append([BLEND, *blend_state(args.outputs, digest)])
    path, count = artifacts.folds_file(args.outputs), folds["fold"].nunique()
    console.say(f"{path}: {count} folds of {len(folds):,} photos, hash {digest}")
    console.table("runs", ["run", "state", ""], rows)
    show_submissions(args.outputs)


def blend_state(outputs, digest: str) -> tuple[str, str]:
    weights = Run(outputs, BLEND).folder / "weights.json"
    if not weights.is_file():
        return "missing", "make blend"
    try:
        made = files.read_json(weights, "the blend's weights", "make blend")
    except InputError as error:
        return "stale", str(error).splitlines()[0]
    if made.get("folds") != digest:
        return "stale", f"made with folds.csv {made.get('folds')}; make blend"
    changed = [name for name, made_of in zip(made.get("runs", []), made.get("sources", []), strict=False)
               if runs.source_digest(Run(outputs, name)) != made_of]  # fmt: skip
    if changed:
        return "stale", f"{', '.join(changed)} was predicted again since; make blend"
    return "complete", f"{made.get('method')} + {made.get('rule')} of {', '.join(made.get('runs', []))}"


def show_submissions(outputs) -> None:
    kept = submission.kept(outputs)
    if kept:
        rows = [[one["file"], one["made"], str(one["run"]), str(one.get("cross_fitted", "-"))] for one in kept]
        console.table("submissions", ["file", "made", "of", "honest score"], rows)


if __name__ == "__main__":
    console.run_stage(main)
