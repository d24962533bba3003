"""Note the leaderboard score of a submission. Without a score, list all submissions and say which two to select.

reads   outputs/submission.csv, outputs/submissions/, outputs/competition.json
writes  outputs/submissions/leaderboard.json, if a score is given

The score is stored with a hash of the submission file, so it stays with this submission when a new submission.csv is
written. At the end of the competition, you select two submissions for the final ranking.
"""

from options import project_and_options

from comp import console
from comp.submission.leaderboard import note_or_show


def main() -> None:
    project, given = project_and_options(__doc__, "score", "private", "file")
    note_or_show(project, given.score, given.private, given.file)


if __name__ == "__main__":
    console.run_stage(main)
