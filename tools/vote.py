"""One submission from several submission files, for teammates who only have submissions to give.

reads   the files (the sample's columns, its ids in any order), the sample submission
writes  outputs/submission.csv

Classes: each id gets the class that most files name. Probabilities and numbers: the mean. Labels: those of more than
half of the files. Rankings: by the sum of 1 / rank. Ties go to the file that is named first, so name the best first.
"""

from pathlib import Path

from options import frozen, parser

from comp import console
from comp.errors import InputError
from comp.io import files
from comp.store.paths import submission_file
from comp.submission import answers, submission
from comp.submission.voting import vote


def main() -> None:
    args = arguments()
    competition = frozen(args)
    sample = submission.read_sample(args.inputs, competition)
    ids = submission.sample_ids(sample, competition)
    votes = [submission.read_answers(file, competition, ids) for file in args.files]
    made = vote(competition, votes)
    path = submission_file(args.outputs)
    files.write_bytes(path, submission.fill(sample, competition, made))
    show(competition, args.files, votes, made)
    console.say(f"wrote {path}: {len(ids)} rows, the vote of {len(votes)} files")


def arguments():
    made = parser(__doc__)
    made.add_argument("files", nargs="*", type=Path, help="submission files, the best first")
    args = made.parse_args()
    if len(args.files) < 2:
        raise InputError(f"{len(args.files)} file(s) to vote", "two or more", 'make vote FILES="a.csv b.csv c.csv"')
    return args


def show(competition, paths, votes, made) -> None:
    rows = []
    for path, own in zip(paths, votes, strict=True):
        what, value = answers.agreement(competition, own, made)
        rows.append([str(path), f"{value:.4f}" if what == "correlation" else f"{value:.1%}"])
    console.table("agreement with the vote", ["file", what], rows)


if __name__ == "__main__":
    console.run_stage(main)
