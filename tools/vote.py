"""One submission from several submission files, for teammates who only have submissions to give.

reads   the files (the sample's columns, its ids in any order), the sample submission
writes  outputs/submission.csv, submission.json, submissions/; nothing if it is already the vote of just these files

How answers of each form are combined is in comp/submission/vote.py. Ties go to the file that is named first.
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
    """The file of that name, else those that it matches as a shell's pattern, such as votes/*.csv."""
    path = Path(name).expanduser()
    return [str(path)] if path.is_file() else sorted(glob.glob(str(path)))


if __name__ == "__main__":
    console.run_stage(main)
