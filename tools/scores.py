"""Print the out-of-fold scores of each run and of the blend. If the true answers are known, print the test scores, too.

reads   outputs/folds.csv, outputs/<run>/fold<k>/oof.npz, test.npz, outputs/blend/, the file that ANSWERS names
writes  nothing
"""

from pathlib import Path

from options import project_and_options

from comp import console
from comp.submission.true_answers import show_scores


def main() -> None:
    project, given = project_and_options(__doc__, "answers")
    show_scores(project, Path(given.answers) if given.answers else None)


if __name__ == "__main__":
    console.run_stage(main)
