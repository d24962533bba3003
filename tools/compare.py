"""Compare two runs, or two sets of runs that differ in the seed only: is B better than A?

reads   outputs/folds.csv, the oof.npz of the runs; "blend" stands for outputs/blend
writes  nothing

The difference is of the same rows, with a 95 % interval from a bootstrap over groups and from the spread between seeds.
"""

from options import project_and_options

from comp import console
from comp.blending.compare import comparable, compare_runs
from comp.text import split_names


def main() -> None:
    project, given = project_and_options(__doc__, "a", "b")
    names = comparable(project)
    compare_runs(project, *(split_names(text, names.__contains__) for text in (given.a, given.b)))


if __name__ == "__main__":
    console.run_stage(main)
