"""Say whether run B is better than run A. A and B can also be sets of runs that differ only in the random seed.

reads   outputs/folds.csv, the oof.npz files of the runs; the name "blend" stands for the blend in outputs/blend
writes  nothing

A and B are scored on the same rows. The 95 % interval of the difference comes from a bootstrap over groups and from the
differences between the seeds.
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
