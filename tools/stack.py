"""Stacking: fit a small classifier to the OOF predictions of several runs, cross-fitted on the folds of these runs.

reads   outputs/folds.csv; oof.npz and test.npz of each run that the option RUNS names; the competition's tables if the
        setting `columns` in SET is not empty
writes  outputs/<run>/recipe.json, outputs/<run>/fold<k>/oof.npz, test.npz

The result is a run, too. comp/tabular/stacking.py explains why its score may be slightly too high.
"""

from options import project_and_options

from comp import console
from comp.tabular import classifiers
from comp.text import split_names


def main() -> None:
    project, given = project_and_options(__doc__, "runs", "run", "set", "seed", epilog=classifiers.settings_help())
    from comp.tabular import stacking

    names = split_names(given.runs, [run.name for run in project.runs].__contains__)
    stacking.stack(project, given.run or "stack", names, given.set, given.seed)


if __name__ == "__main__":
    console.run_stage(main)
