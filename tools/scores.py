"""Print the out-of-fold scores of each run and of the blend, and on request their scores on the test photos.

reads   outputs/folds.csv, outputs/<run>/fold<k>/oof.npz, test.npz, outputs/blend/
writes  nothing

For the test scores, the option ANSWERS must name a file with the true answers of the test photos.
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
