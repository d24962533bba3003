"""Fit a small classifier to the OOF predictions of runs, cross-fitted on the same folds. The result is a run, too.

reads   outputs/folds.csv; oof.npz and test.npz of each run in RUNS; the tables if SET contains columns=
writes  outputs/<run>/recipe.json, outputs/<run>/fold<k>/oof.npz, test.npz

comp/tabular/stacking.py explains how far the score of a stack can be trusted.
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
