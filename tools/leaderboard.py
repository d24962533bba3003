"""Note the leaderboard score of a submission; without a score list all submissions and which ones to select at the end.

reads   outputs/submission.csv, outputs/submissions/, outputs/competition.json
writes  outputs/submissions/leaderboard.json, where a score is given

A score belongs to the content of a file: it stays with that submission whatever is submitted later.
"""

import shlex

from options import competition_of, parser

from comp import console, files
from comp.competition.competition import Competition
from comp.errors import InputError
from comp.store.runs import submission_csv
from comp.submission import leaderboard, submission_file


def main() -> None:
    args = arguments()
    competition = competition_of(args)
    given = [
        leaderboard.parsed_score(word, text, competition.metric)
        for word, text in (("SCORE", args.score), ("PRIVATE", args.private))
    ]
    rows = leaderboard.submitted(args.outputs, competition)
    if not rows:
        raise InputError(f"no submission in {args.outputs} yet", "one that was made here", "make blend")
    if given != [None, None]:
        note(args, competition, *given)
    elif args.file:
        raise InputError(
            f"FILE={args.file} without a score",
            "SCORE=, or PRIVATE=, beside it",
            f"make lb SCORE=<its score> FILE={shlex.quote(args.file)}",
        )
    else:
        leaderboard.show_leaderboard(rows, args.outputs, competition)


def arguments():
    made = parser(__doc__)
    made.add_argument("--score", default="", help="score on the public leaderboard; empty: list all submissions")
    made.add_argument("--private", default="", help="score on the private leaderboard, if it is known")
    made.add_argument(
        "--file", default="", help="the submission: its path, or the first letters of its hash; empty: submission.csv"
    )
    return made.parse_args()


def note(args, competition: Competition, public: float | None, private: float | None) -> None:
    """Write the scores down, and say for which submission; warn of those that are replaced."""
    digest = leaderboard.digest_of(args.outputs, args.file) if args.file else current(args.outputs)
    before = leaderboard.note_score(args.outputs, digest, public, private)
    for name, value in (("public", public), ("private", private)):
        if value is not None and before.get(name) not in (None, value):
            console.warn(f"the {name} score {before[name]:g} of {before['noted']} is replaced")
    row = next(row for row in leaderboard.submitted(args.outputs, competition) if row.digest == digest)
    scores = [f"{name} {value:g}" for name, value in (("public", public), ("private", private)) if value is not None]
    console.say(f"noted {', '.join(scores)} for {digest}.csv ({row.what}, made {row.made}); make lb shows all")


def current(outputs) -> str:
    """The hash of submission.csv. Raises InputError if it is missing, or is none that was kept."""
    path = submission_csv(outputs)
    digest = files.digest(path) if path.is_file() else ""
    if not submission_file.is_kept(outputs, digest):
        found = f"{path} was edited: its hash is {digest}" if digest else f"no {path}"
        raise InputError(
            found, "a submission that was made here", "make lb shows all, then the same command with FILE=<one>"
        )
    return digest


if __name__ == "__main__":
    console.run_stage(main)
