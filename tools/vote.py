"""One submission from several submission files, for teammates who only have submissions to give.

reads   the files (the sample's columns, its ids in any order), the sample submission
writes  outputs/submission.csv, submission.json, submissions/; nothing where it is already the vote of just these files

Classes: each id gets the class that most files name. Probabilities and numbers: the mean. Labels: those of more than
half of the files. Rankings: by the sum of 1 / rank. Ties go to the file that is named first, so name the best first.
"""

import glob
from pathlib import Path

from options import competition_of, parser

from comp import console, files
from comp.competition.competition import Competition
from comp.errors import InputError
from comp.store.runs import submission_csv
from comp.submission import submission_file
from comp.text import split_names


def main() -> None:
    args = arguments()
    competition = competition_of(args)
    check_there(args.files, competition)
    sources = [files.digest(file) for file in args.files]
    of = submission_file.submission_sources(None, sources, args.outputs, args.inputs, competition)
    if submission_file.is_current(args.outputs, of):
        console.say(f"{submission_csv(args.outputs)} is up to date: the vote of {len(args.files)} files")
    else:
        make(args, competition, of)


def arguments():
    made = parser(__doc__)
    made.add_argument("files", nargs="*", help="submission files, the best first; several in one word are told apart")
    args = made.parse_args()
    names = [name for word in args.files for name in split_names(word, matching)]
    args.files = [Path(file) for name in names for file in matching(name) or [name]]
    if len(args.files) < 2:
        raise InputError(
            f"{len(args.files)} file(s) to vote", "two or more", 'make vote FILES="<the best file> <another>"'
        )
    return args


def matching(name: str) -> list[str]:
    """The file of that name, else those that it matches as a shell's pattern, such as votes/*.csv."""
    path = Path(name).expanduser()
    return [str(path)] if path.is_file() else sorted(glob.glob(str(path)))


def check_there(paths: list[Path], competition: Competition) -> None:
    """Raise InputError for files that are not there."""
    missing = [path for path in paths if not path.is_file()]
    if missing:
        sample = competition.sample
        columns = ",".join((sample.id, *sample.columns)) if sample else "the sample's columns"
        raise InputError(
            f"no {', no '.join(map(str, missing))}",
            f"files with {columns}",
            'ls, then make vote FILES="<names that it shows>"',
        )


def make(args, competition: Competition, of: dict) -> None:
    """Vote. The imports are here because a vote that is up to date needs none of them."""
    from comp.submission import answers
    from comp.submission.answer_report import similarity, similarity_text, similarity_title

    sample = submission_file.read_sample(args.inputs, competition)
    ids = submission_file.sample_ids(sample, competition)
    votes = [submission_file.read_answers(file, competition, ids) for file in args.files]
    made = answers.vote(competition, votes)
    agreement = [similarity_text(competition, similarity(competition, own, made)) for own in votes]
    record = {"run": "vote", "files": [str(file) for file in args.files]}
    submission_file.write_submission(args.outputs, submission_file.fill(sample, competition, made), record, of)
    rows = [[str(path), text] for path, text in zip(args.files, agreement, strict=True)]
    console.table("agreement with the vote", ["file", similarity_title(competition)], rows)
    console.say(f"wrote {submission_csv(args.outputs)}: {len(ids)} rows, the vote of {len(votes)} files")


if __name__ == "__main__":
    console.run_stage(main)
