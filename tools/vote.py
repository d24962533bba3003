"""Combine several submission files into one by a vote, for teammates who share nothing but submission files.

reads   the sample submission, and the submission files that the option FILES names; they must have the same columns and
        ids as the sample submission, with the ids in any order
writes  outputs/submission.csv, submission.json, submissions/; nothing if submission.csv is already the vote of FILES

The answer of a row is the most frequent class, or the mean of probabilities or numbers. If there is a tie, the file
that is named first decides. comp/submission/answers.py explains all forms of answers.
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
    """Return the paths of the files that `name` stands for, in a list.

    `name` is the path of a file, or a pattern such as "votes/*.csv". The list is empty if no file matches.
    """
    return [name] if Path(name).is_file() else sorted(glob.glob(name))


if __name__ == "__main__":
    console.run_stage(main)
