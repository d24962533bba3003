"""Choose and fit a blend of the runs on their out-of-fold predictions, print its score, and predict the test photos.

reads   outputs/competition.json, folds.csv, <run>/fold<k>/oof.npz, test.npz; predictions of other programs, which were
        put into outputs/<name>/
writes  outputs/blend/weights.json, oof.npz, test.npz; nothing if these were already made from the current files

The score is cross-validated: the blend is chosen and fitted on all folds but one, and scored on the fold left out.
comp/blending/choice.py explains how the blend is chosen.
"""

from options import project_and_options

from comp import console
from comp.store import runs
from comp.store.blend_files import Asked, blend_state
from comp.text import split_names


def main() -> None:
    project, given = project_and_options(__doc__, "runs", "method", "rule")
    names = split_names(given.runs, [run.name for run in project.runs].__contains__)
    asked = Asked(tuple(dict.fromkeys(names)), given.method, given.rule)
    runs.check_known(project.outputs, asked.runs)
    state = blend_state(project, asked)
    if not state.problem:
        runs.warn_of_unused(project.outputs, state.weights["made_of"]["fold_count"], asked.runs)
        blended = ", ".join(state.weights["runs"])
        console.say(f"the blend in {project.outputs / 'blend'} is up to date; it contains the runs {blended}")
        return
    from comp.blending import blend_stage  # imports scipy, which is not needed if the blend is up to date

    blend_stage.make_blend(project, asked)


if __name__ == "__main__":
    console.run_stage(main)
