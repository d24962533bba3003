"""Compare run A with run B, or two sets of runs. The runs of one set must differ only in the seed.

reads   outputs/folds.csv, the oof.npz files of the runs (of outputs/blend, if the name is "blend")
writes  nothing

Both sets are scored on the same rows. The 95 % interval of the difference comes from a bootstrap over groups and from
the differences between the seeds.
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
