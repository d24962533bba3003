"""Fill the sample submission with the answers of the blend or of one run, check the result, and write submission.csv.

reads   outputs/blend/ or, with the option RUN, outputs/<run>/: test.npz, oof.npz; outputs/folds.csv, the sample
        submission
writes  outputs/submission.csv; submission.json with the hashes of the files from which submission.csv was made; a copy
        in submissions/<hash>.csv, and submissions/<hash>.json, which says how the submission was made;
        nothing if submission.csv was already made from the current files
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
