"""Look at the competition's files and write competition.toml: a reason beside each guess, a mark where to check.

reads   inputs/ (names of all files, the tables, JSON files of images)
writes  inputs/competition.toml, or the file of --competition; never over an existing file
"""

import os
from pathlib import Path

from options import parser

from comp import console, files
from comp.errors import InputError
from comp.inputs import guess_competition, loading, mask_gender_age


def main() -> None:
    args = parser(__doc__).parse_args()
    if mask_gender_age.is_here(args.inputs):
        console.say(
            f"{args.inputs / mask_gender_age.TRAIN_TABLE} has the home competition's columns: no file is needed"
        )
        return
    path = args.competition or args.inputs / "competition.toml"
    check_place(args.inputs, path)
    made = guess_competition.guess(args.inputs)
    write(path, made.text)
    show(made, path)
    try_it(args.inputs, path)


def check_place(inputs: Path, path: Path) -> None:
    """Raise InputError for inputs that are not there, a file that exists, and a folder that cannot be written to."""
    if not inputs.is_dir():
        raise InputError(f"no folder {inputs}", "the unpacked files of a competition", "give INPUTS=<folder>")
    if path.exists():
        expected = "no file there: it is never overwritten"
        raise InputError(f"{path} exists", expected, f"rm {path}, or make init COMPETITION=<another file>")
    if not os.access(path.parent, os.W_OK):  # said before a large folder is looked through
        raise cannot_write(f"{path.parent} cannot be written to")


def cannot_write(found: str) -> InputError:
    return InputError(found, "a place for the file, in inputs or elsewhere", "make init COMPETITION=<another file>")


def write(path: Path, text: str) -> None:
    try:
        files.write_text(path, text)
    except InputError as error:
        raise cannot_write(error.found) from error


def show(made: guess_competition.Guess, path: Path) -> None:
    """What was seen, the file, and what could not be known."""
    for line in made.seen:
        console.say(line)
    console.say(f"\nwrote {path}:\n")
    console.say(made.text)
    for line in made.unknown:
        console.warn(line)


def try_it(inputs: Path, path: Path) -> None:
    """Read the tables by the file as `make folds` will, and say what came of it."""
    try:
        tables = loading.open_tables(inputs, path)
        competition, train, test = tables.competition, tables.training_rows, tables.test_rows
    except InputError as error:
        console.warn(f"the file does not work yet; edit it as the lines above say: {error}")
        return
    console.say(
        f"the file works: {len(train):,} training photos, {len(test):,} test photos, {competition.target} of "
        f"{competition.size:,} classes"
    )


if __name__ == "__main__":
    console.run_stage(main)
