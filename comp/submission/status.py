"""The command `make status`: print the state of each fold of each run, of the blend and of submission.csv."""

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
    """The state of a fold of a run, of external predictions, of the blend, or of a folder that is not used.

    run: the name of the run or folder.
    fold: the number of the fold; "all_data" for the training on all rows; "all" for external predictions; "-" for the
    blend and for a folder that is not used.
    state: missing; begun (the training was stopped); diverged (the training failed because of infinite or NaN numbers);
    trained (not yet predicted); complete; stale (out of date or damaged); or unused.
    why: the reason for the state, the command that helps, or both; may be "".
    """

    run: str
    fold: str
    state: str
    why: str = ""


def show_status(project: Project) -> None:
    """Print the state of all runs, of the blend and of submission.csv, and a table of all submissions so far."""
    rows = [[f"{state.run} fold {state.fold}", state.state, state.why] for state in run_states(project)]
    blend = blend_state(project)
    rows.append([blend.run, blend.state, blend.why])
    rows.append(["submission.csv", *submission_file.submission_state(project)])
    count = f"{project.fold_count} folds with {len(project.folds):,} photos in all (hash {project.folds_digest})"
    console.say(f"{folds_file(project.outputs)} has {count}")
    console.table("runs", ["run", "state", ""], rows)
    submission_file.show_kept(project.outputs)


def run_states(project: Project) -> list[State]:
    """Return the states of all folds of all runs, of external predictions, and of folders that are not used.

    All files are opened and checked, so a run whose folds are all complete can be blended.
    """
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
    """Return the state of fold k of a run, or of the training on all rows if k is "all_data"."""
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
        return State(run.name, str(k), "begun", f"to go on, run: {command}")
    return State(run.name, str(k), "trained" if run.weights(k).is_file() else "missing", run.repair_command(k))


def _in_one_line(error: InputError) -> str:
    """Return the first line of an error, followed by the command that helps."""
    return error.summary + (f"; {error.run}" if error.run else "")


def blend_state(project: Project) -> State:
    """Return the state of the blend: missing, stale (out of date or damaged) or complete."""
    blend = project.blend
    if not blend_exists(project.outputs):
        return State(BLEND, "-", "missing", "make blend")
    if blend.problem:
        return State(BLEND, "-", "stale", f"{blend.problem}; {blend.asked.command}")
    weights, asked = blend.weights, "" if blend.asked == Asked() else f"; made by: {blend.asked.command}"
    what = f"method {weights['method']}, rule {weights['rule']}, runs {', '.join(weights['runs'])}"
    return State(BLEND, "-", "complete", f"{what}{asked}")
