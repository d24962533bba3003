"""What there is of every run, fold and blend, and what is wrong with it."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from comp.competition.competition import Competition
from comp.errors import InputError
from comp.store import blend_files, history, runs
from comp.store.blend_files import Asked
from comp.store.fold_table import fold_count
from comp.store.out_of_fold import load_all_data, load_fold, load_run
from comp.store.runs import ALL_DATA, BLEND, Run, repair_command, train_command, wants_all_data


@dataclass(frozen=True)
class State:
    """What there is of one fold: missing, begun, diverged, trained, complete, stale or unused, and why."""

    run: str
    fold: str
    state: str
    why: str = ""


def status(
    outputs: Path, folds: pd.DataFrame, folds_digest: str, competition: Competition, test_ids=None
) -> list[State]:
    """The state of every run and fold. Files are opened and their hashes compared: what is complete can be blended."""
    how = (folds, folds_digest, competition, test_ids)
    found = []
    for name in runs.run_names(outputs):
        run = Run(outputs, name)
        if run.recipe.is_file():
            found += [_fold_state(run, k, how) for k in range(fold_count(folds))]
            if run.fold(ALL_DATA).is_dir() or wants_all_data(run):
                found.append(_fold_state(run, ALL_DATA, how))
        else:
            found.append(_external_state(run, how))
    return found + [State(name, "-", "unused", reason) for name, reason in runs.unused_folders(outputs).items()]


def _external_state(run: Run, how: tuple) -> State:
    try:
        load_run(run, *how)
    except InputError as error:
        return State(run.name, "all", "stale", _told(error))
    return State(run.name, "all", "complete", "external predictions")


def _fold_state(run: Run, k: int | str, how: tuple) -> State:
    """Of fold k, or of the training on all rows (ALL_DATA), which has no oof.npz."""
    name = str(k)
    if not (run.test(k).is_file() and (k == ALL_DATA or run.oof(k).is_file())):
        try:
            history.check_diverged(run, k, {"folds": how[1]})
        except InputError as error:
            return State(run.name, name, "diverged", _told(error))
        if (run.fold(k) / "resume.pt").is_file():
            return State(run.name, name, "begun", f"goes on with {train_command(run, k if k == ALL_DATA else None)}")
        return State(run.name, name, "trained" if run.weights(k).is_file() else "missing", repair_command(run, k))
    try:
        test = load_all_data(run, *how[1:]) if k == ALL_DATA else load_fold(run, k, *how)[1]
    except InputError as error:
        return State(run.name, name, "stale", _told(error))
    tta = test.meta.get("tta")
    return State(run.name, name, "complete", f"TTA {tta}" if tta else "")


def _told(error: InputError) -> str:
    """The first line of an error, and what to run."""
    return error.found.splitlines()[0].rstrip(":") + (f"; {error.run}" if error.run else "")


def blend_status(outputs: Path, inputs: Path, competition: Competition) -> State:
    """Whether the blend is missing, stale or complete: what `make blend` and `make sub` go by."""
    found = blend_files.blend_state(outputs, inputs, competition)
    if not (Run(outputs, BLEND).folder / "weights.json").is_file():
        return State(BLEND, "-", "missing", "make blend")
    if found.problem:
        return State(BLEND, "-", "stale", f"{found.problem}; {found.asked.command}")
    made, asked = found.made, "" if found.asked == Asked() else f"; as asked: {found.asked.command}"
    return State(BLEND, "-", "complete", f"{made['method']} + {made['rule']} of {', '.join(made['runs'])}{asked}")
