"""Guess a competition.toml from a folder of unpacked competition files, with a reason for each line.

A line that the files cannot prove is marked CHECK. A key whose value the files do not show becomes a comment, which
says what the user must decide. The other guess_*.py modules guess the tables, the photo paths and the labels; this
module puts the lines together.
"""

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from comp import console, files
from comp.competition.competition_toml import GuessedLine, some_of, undecided_line
from comp.errors import InputError, listed, quoted
from comp.inputs import guess_columns, guess_files, guess_tables, loading, mask_gender_age
from comp.inputs.guess_files import Files
from comp.inputs.guess_photos import PhotoTemplate, find_template
from comp.inputs.guess_tables import SampleTable, TestTable
from comp.inputs.path_templates import fields
from comp.inputs.photo_listing import EXTENSIONS

ORDER = (  # the order of the keys in the written file
    *("target", "metric", "positive", "limits", "separator", "classes", "train", "train_images"),
    *("test", "test_images", "id", "label", "group", "combine", "sample"),
)


@dataclass
class Guess:
    """A guessed competition.toml.

    lines: the lines of the file; seen: texts that describe the photos, tables and other files of the inputs folder.
    """

    lines: list[GuessedLine]
    seen: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The text of the guessed file."""
        head = "# Written by make init. CHECK: likely, but the files cannot prove it. Paths are relative to the inputs."
        order = sorted(self.lines, key=lambda line: ORDER.index(line.key))
        return "\n".join([head, *(line.text for line in order), ""])

    @property
    def unknown(self) -> list[str]:
        """The keys that the user must check or decide, each with its value and the reason."""
        return [
            f"{line.key}: {line.reason}" if line.undecided else f"{line.key} = {line.value}: {line.reason}"
            for line in self.lines
            if line.check or line.undecided
        ]


def guess(inputs: Path) -> Guess:
    """Guess the competition.toml of the inputs folder. Raises InputError if the folder has no photos."""
    files = guess_files.scan(inputs)
    if not files.photos:
        raise _no_photos(files)
    sample, test, test_images = _sample_and_test(files)
    lines = _training(files, sample, test, test_images)
    return Guess([*lines, _sample_line(sample)], _seen(files))


# ---- the lines of each key


def _sample_line(sample: SampleTable | None) -> GuessedLine:
    if sample is None:
        return undecided_line(
            "sample", "no table is called sample or submission, and no table has ids and constant columns"
        )
    return GuessedLine("sample", sample.path, f"{len(sample.table):,} rows; {some_of(sample.table, 4)}")


def _sample_and_test(files: Files) -> tuple[SampleTable | None, TestTable | None, PhotoTemplate | None]:
    """Return the sample submission, its test table and the template of its test photos.

    The sample is the first candidate for which a template finds the test photos. If there is no such candidate, the
    sample is the most likely candidate, and the template is None. Without candidates, all three values are None.
    """
    candidates = [(sample, guess_tables.test_of(files, sample)) for sample in guess_tables.samples(files)]
    for sample, test in candidates:
        test_images = _photos_of(test, files.photos)
        if test_images:
            return sample, test, test_images
    return (*candidates[0], None) if candidates else (None, None, None)


def _photos_of(test: TestTable, photos) -> PhotoTemplate | None:
    return find_template(test.table, photos, "test", ["file_name", test.id])


def _training(
    files: Files, sample: SampleTable | None, test: TestTable | None, test_images: PhotoTemplate | None
) -> list[GuessedLine]:
    """Return all lines except the line of `sample`, guessed from a training table or, without one, from the paths."""
    test_photos = test_images.photos if test_images else frozenset()
    apart = test_photos if test_images and "test" in test_images.template.lower() else frozenset()
    training = guess_tables.train_of(files, sample, test.path if test else "", apart)
    if training is None:
        lines = guess_columns.path_lines(set(files.photos) - test_photos, sample)
        return [*(lines or [_no_training()]), *_test_lines(sample, test, test_images, None)]
    path, images = training
    table = files.tables[path]
    lines = [GuessedLine("train", path, f"{len(table):,} rows; {some_of(table, 4)}"), _train_images(table, images)]
    photo_column = images.column if images else ""
    shared = set(test.table) if test and test.path else set()
    labels = guess_columns.label_lines(table, sample, {photo_column, *shared}, files.class_numbers)
    taken = {name for line in labels if line.key == "label" for name in _names(line.value)} | {photo_column}
    rows = test.table if test and test.path else None
    if images and test_photos & images.photos:  # ids that name photos of both parts
        test_images = _photos_of(test, set(files.photos) - images.photos) or test_images
    return [
        *lines,
        *labels,
        *guess_columns.group_lines(table, rows, taken),
        *_test_lines(sample, test, test_images, table),
    ]


def _names(value) -> list[str]:
    return value if isinstance(value, list) else [value]


def _train_images(table: pd.DataFrame, images: PhotoTemplate | None) -> GuessedLine:
    if images is None:
        tried = some_of([f"{name}: {table[name].iloc[0]}" for name in table], 3)
        return undecided_line("train_images", f"no photo is named by a column of the table (tried {tried})")
    return GuessedLine("train_images", images.template, images.reason, check=not images.is_complete)


def _test_lines(
    sample: SampleTable | None, test: TestTable | None, images: PhotoTemplate | None, train: pd.DataFrame | None
) -> list[GuessedLine]:
    """Return the lines of test, test_images, id and combine.

    train: the training table, or None if the labels are in the paths.
    """
    if test is None:
        return [undecided_line("test_images", "the path of the test photos, such as test/{id}.jpg")]
    lines = (
        [GuessedLine("test", test.path, f"{len(test.table):,} rows, which have the sample's ids")] if test.path else []
    )
    if images:
        lines.append(GuessedLine("test_images", images.template, images.reason, check=not images.is_complete))
    else:
        first = test.table.iloc[0].get(test.id.strip("{}"), test.id)
        lines.append(undecided_line("test_images", f"no photo has a name like {first}"))
    return lines + _id_lines(sample, test, train)


def _id_lines(sample: SampleTable, test: TestTable, train: pd.DataFrame | None) -> list[GuessedLine]:
    """Return the line of id if it is needed, and the line of combine if a prediction id has several photos.

    With several photos per id, the columns of the id must be in the training table too; otherwise id is undecided.
    """
    line = GuessedLine("id", test.id, f"gives the values of column {sample.id} of the sample")
    if test.photos_per_id <= 1:
        return [line] if test.id != next(iter(sample.table)) else []
    several = f"{test.photos_per_id:.1f} test photos for each id"
    if train is not None and not set(fields(test.id) or [test.id]) <= set(train):
        needed = "a template of columns that both tables have"
        line = undecided_line("id", f"{several}, so it must be {needed}; the training table lacks {test.id}")
    return [line, GuessedLine("combine", "mean", f"{several}; 'max' is possible too", check=True)]


def _no_training() -> GuessedLine:
    return undecided_line("train", "no table names training photos, and neither folders nor file names contain labels")


# ---- what is in the folder


def _seen(files: Files) -> list[str]:
    """Describe the files: photos by folder and extension, tables with columns, archives, other and unreadable files."""
    kinds = Counter((path.rpartition("/")[0].split("/")[0] or ".", path.rsplit(".", 1)[-1]) for path in files.photos)
    photos = [f"{count:,} photos .{kind} in {folder}/" for (folder, kind), count in sorted(kinds.items())[:20]]
    tables = [f"{path}: {len(table):,} rows; {some_of(table, 12)}" for path, table in files.tables.items()]
    packed = [f"{path} is not unpacked; to unpack it: {command}" for path, command in files.archives.items()]
    others = [f"{count:,} files {kind} are not read as photos" for kind, count in sorted(files.others.items())]
    return [*photos, *tables, *packed, *others, *(f"not readable: {problem}" for problem in files.unreadable)]


def _no_photos(files: Files) -> InputError:
    """Return the error for a folder without photos. It lists the other files, and the commands that unpack archives."""
    others = [f"{count:,} files {kind}" for kind, count in sorted(files.others.items())]
    problem = f"no photo in {files.inputs}" + listed([*others, *files.archives])
    expected = f"image files ({' '.join(EXTENSIONS)}), into which arrays, DICOM and similar files must be converted"
    commands = " && ".join(list(files.archives.values())[:3])
    return InputError(problem, expected, commands or "make init INPUTS=<the folder of the unpacked competition>")


# ---- the stage


def init_competition(inputs: Path, file: Path | None = None) -> None:
    """Guess competition.toml from the files in `inputs`, write it, print it, and read the competition with it.

    file: the path to write to; None means inputs/competition.toml.
    """
    if mask_gender_age.is_here(inputs):
        table = inputs / mask_gender_age.TRAIN_TABLE
        console.say(f"{table} has the columns of the competition {mask_gender_age.NAME}, for which no file is needed")
        return
    path = file or inputs / "competition.toml"
    _check_place(inputs, path)
    written = guess(inputs)
    try:
        files.write_text(path, written.text)
    except InputError as error:
        raise _cannot_write(error.found) from error
    _show(written, path)
    _try_out(inputs, path)


def _check_place(inputs: Path, path: Path) -> None:
    """Raise InputError if `inputs` does not exist, if `path` already exists, or if its folder is not writable."""
    if not inputs.is_dir():
        expected = "a folder with the unpacked files of a competition"
        raise InputError(f"no folder {inputs}", expected, "make init INPUTS=<that folder>")
    if path.exists():
        expected = "a path without a file, because an existing file is never overwritten"
        run = f"make init COMPETITION=<another file>, or rm {quoted(path)} && make init"
        raise InputError(f"{path} exists", expected, run)
    if not os.access(path.parent, os.W_OK):  # checked before a large folder is scanned
        raise _cannot_write(f"{path.parent} cannot be written to")


def _cannot_write(problem: str) -> InputError:
    return InputError(problem, "a path that can be written to", "make init COMPETITION=<another file>")


def _show(written: Guess, path: Path) -> None:
    """Print what the inputs folder contains, the guessed file, and a warning for each key to check or decide."""
    for line in written.seen:
        console.say(line)
    console.say(f"\nwrote {path}:\n")
    console.say(written.text)
    for line in written.unknown:
        console.warn(line)


def _try_out(inputs: Path, path: Path) -> None:
    """Read the tables as the written file describes them, as `make folds` will, and print the result or the error."""
    try:
        tables = loading.open_tables(inputs, path)
        competition, train, test = tables.competition, tables.training_rows, tables.test_rows
    except InputError as error:
        console.warn(f"{path} does not work yet. Edit the lines that are marked above. The error now is: {error}")
        return
    console.say(
        f"the file works: {len(train):,} training photos, {len(test):,} test photos, target {competition.target}, "
        f"{competition.size:,} classes"
    )
