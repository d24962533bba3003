"""The stage `make status`: it prints the state of all runs, folds and submissions and of the blend."""

from dataclasses import dataclass

from comp import console
from comp.errors import InputError
from comp.project import Project
from comp.store import history
from comp.store.blend_files import Asked, blend_exists
from comp.store.out_of_fold import load_fold, load_test
from comp.store.paths import ALL_DATA, BLEND, folds_file
from comp.store.runs import Run, unused_folders
from comp.submission import submission_file


@dataclass(frozen=True)
class State:
    """The state of one fold of a run, or of the blend.

    fold: the number of the fold, ALL_DATA, "all" for external predictions, or "-". state: missing, begun, diverged,
    trained, complete, stale or unused. why: the reason or the command that helps, which may be empty.
    """

    run: str
    fold: str
    state: str
    why: str = ""


def show_status(project: Project) -> None:
    """Print the state of all runs, of the blend and of submission.csv, and the submissions that are kept."""
    rows = [[f"{state.run} fold {state.fold}", state.state, state.why] for state in run_states(project)]
    blend = blend_state(project)
    rows.append([blend.run, blend.state, blend.why])
    rows.append(["submission.csv", *submission_file.submission_state(project)])
    count = f"{project.fold_count} folds of {len(project.folds):,} photos, hash {project.folds_digest}"
    console.say(f"{folds_file(project.outputs)}: {count}")
    console.table("runs", ["run", "state", ""], rows)
    submission_file.show_kept(project.outputs)


def run_states(project: Project) -> list[State]:
    """The state of each fold of each run. All files are opened and checked, so a complete run can be blended."""
    states = []
    for run in project.runs:
        if run.has_folds:
            states += [_fold_state(project, run, k) for k in range(project.fold_count)]
            if run.fold(ALL_DATA).is_dir() or run.wants_all_data:
                states.append(_fold_state(project, run, ALL_DATA))
        else:
            states.append(_external_state(project, run))
    unused = unused_folders(project.outputs)
    return states + [State(name, "-", "unused", reason) for name, reason in unused.items()]


def _external_state(project: Project, run: Run) -> State:
    try:
        project.predictions(run.name)
    except InputError as error:
        return State(run.name, "all", "stale", _in_one_line(error))
    return State(run.name, "all", "complete", "external predictions")


def _fold_state(project: Project, run: Run, k: int | str) -> State:
    """The state of fold k. If k is ALL_DATA, the state of the training on all rows, which has no oof.npz."""
    if not (run.test(k).is_file() and (k == ALL_DATA or run.oof(k).is_file())):
        return _unpredicted_state(project, run, k)
    try:
        test = load_test(project, run, k) if k == ALL_DATA else load_fold(project, run, k)[1]
    except InputError as error:
        return State(run.name, str(k), "stale", _in_one_line(error))
    tta = test.meta.get("tta")
    return State(run.name, str(k), "complete", f"TTA {tta}" if tta else "")


def _unpredicted_state(project: Project, run: Run, k: int | str) -> State:
    try:
        history.check_diverged(run, k, {"folds": project.folds_digest})
    except InputError as error:
        return State(run.name, str(k), "diverged", _in_one_line(error))
    if run.resume(k).is_file():
        command = run.train_command(k if k == ALL_DATA else None)
        return State(run.name, str(k), "begun", f"goes on with {command}")
    return State(run.name, str(k), "trained" if run.weights(k).is_file() else "missing", run.repair_command(k))


def _in_one_line(error: InputError) -> str:
    """The first line of an error, and the command that helps."""
    return error.found.splitlines()[0].rstrip(":") + (f"; {error.run}" if error.run else "")


def blend_state(project: Project) -> State:
    """The state of the blend: missing, stale or complete. `make blend` and `make sub` decide by it."""
    blend = project.blend
    if not blend_exists(project.outputs):
        return State(BLEND, "-", "missing", "make blend")
    if blend.problem:
        return State(BLEND, "-", "stale", f"{blend.problem}; {blend.asked.command}")
    weights, asked = blend.weights, "" if blend.asked == Asked() else f"; as asked: {blend.asked.command}"
    return State(
        BLEND, "-", "complete", f"{weights['method']} + {weights['rule']} of {', '.join(weights['runs'])}{asked}"
    )
