"""Make one submission from several submission files, for teammates who share only submission files.

reads   the files in FILES, with the sample's columns and with its ids in any order; the sample submission
writes  outputs/submission.csv, submission.json, submissions/; nothing if it is already the vote of these files

comp/submission/vote.py explains how answers of each form are combined. Ties go to the file that is named first.
"""

import glob
from pathlib import Path

from options import project_and_options

from comp import console
from comp.submission.vote import make_vote
from comp.text import split_names


def main() -> None:
    project, given = project_and_options(__doc__, "files")
    names = split_names(given.files, matching)
    make_vote(project, [Path(file) for name in names for file in matching(name) or [name]])


def matching(name: str) -> list[str]:
    """The file `name` if it exists, else the files that match `name` as a pattern of a shell, such as votes/*.csv."""
    path = Path(name).expanduser()
    return [str(path)] if path.is_file() else sorted(glob.glob(str(path)))


if __name__ == "__main__":
    console.run_stage(main)
