"""Fill the sample submission with the blend's (or one run's) answers, check it, write it, keep it.

reads   outputs/blend/test.npz, oof.npz, outputs/folds.csv, the sample submission
writes  outputs/submission.csv, submission.json (what it is made of), submissions/<hash>.csv, <hash>.json (what made
        it); nothing if it is already made of just these files
"""

from options import project_and_options

from comp import console
from comp.store.paths import BLEND
from comp.submission import submission_file


def main() -> None:
    project, given = project_and_options(__doc__, "run")
    submission_file.make_submission(project, given.run or BLEND)


if __name__ == "__main__":
    console.run_stage(main)
