"""Note the leaderboard score of a submission. Without a score, list all submissions and which two to select at the end.

reads   outputs/submission.csv, outputs/submissions/, outputs/competition.json
writes  outputs/submissions/leaderboard.json, if a score is given

A score belongs to the content of a file, so it stays with its submission when other files are submitted later.
"""

from options import project_and_options

from comp import console
from comp.submission.leaderboard import note_or_show


def main() -> None:
    project, given = project_and_options(__doc__, "score", "private", "file")
    note_or_show(project, given.score, given.private, given.file)


if __name__ == "__main__":
    console.run_stage(main)
