"""Combine several submission files into one by a vote, for teammates who share nothing but submission files.

reads   the files in FILES, which must have the sample's columns and ids, with the ids in any order; the sample
writes  outputs/submission.csv, submission.json, submissions/; nothing if submission.csv is already the vote of FILES

comp/submission/answers.py explains how each form of answer is combined. If answers tie, the file that is named first
decides.
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
    """Return `name` if it is the path of a file, else the files that match it as a pattern such as votes/*.csv."""
    path = Path(name).expanduser()
    return [str(path)] if path.is_file() else sorted(glob.glob(str(path)))


if __name__ == "__main__":
    console.run_stage(main)
