"""Hard vote of submission files: each id gets the class that most of them name; ties go to the file named first.

reads   the files (the sample's columns, its ids in any order), inputs/eval/info.csv
writes  outputs/submission.csv

For teammates who only have submissions to give. Name the file with the best score first.
"""

from pathlib import Path

import numpy as np
from options import parser

from comp import console
from comp.competition import home
from comp.errors import InputError
from comp.io import files
from comp.store import artifacts, submission


def main() -> None:
    args = arguments()
    columns, size = (home.ID, home.ANSWER), len(home.CLASSES)
    sample = submission.read(args.inputs / home.SAMPLE, *columns)
    votes = np.stack([submission.answers(file, sample, *columns, size) for file in args.files])
    table = sample.assign(**{home.ANSWER: submission.vote(votes, size)})
    submission.check(table, sample, *columns, size)
    path = artifacts.submission_file(args.outputs)
    files.write_text(path, table.to_csv(index=False, lineterminator="\n"))
    show(args.files, votes, table[home.ANSWER].to_numpy())
    console.say(f"wrote {path}: {len(table)} rows, the vote of {len(votes)} files")


def arguments():
    made = parser(__doc__)
    made.add_argument("files", nargs="*", type=Path, help="submission files, the best first")
    args = made.parse_args()
    if len(args.files) < 2:
        raise InputError(f"{len(args.files)} file(s) to vote", "two or more", 'make vote FILES="a.csv b.csv c.csv"')
    return args


def show(files, votes, voted) -> None:
    rows = [[str(file), f"{np.mean(own == voted):.1%}"] for file, own in zip(files, votes, strict=True)]
    console.table("agreement with the vote", ["file", "rows"], rows)


if __name__ == "__main__":
    console.run_stage(main)
