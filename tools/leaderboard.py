"""Record the leaderboard score of a submission. Without a score, list all submissions and say which two to select.

reads   outputs/submission.csv, outputs/submissions/, outputs/competition.json
writes  outputs/submissions/leaderboard.json, if a score is given

A score is recorded for the content of the submission file, so the score stays with this submission when a new
submission.csv is written. Two submissions are selected at the end of the competition.
"""

from options import project_and_options

from comp import console
from comp.submission.leaderboard import note_or_show


def main() -> None:
    project, given = project_and_options(__doc__, "score", "private", "file")
    note_or_show(project, given.score, given.private, given.file)


if __name__ == "__main__":
    console.run_stage(main)
