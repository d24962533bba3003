"""Guess a competition.toml from a folder of unpacked competition files, with a reason for each line.

A line that is likely, but that the files do not prove, is marked CHECK. A key whose value the files do not show becomes
a comment, which says what the user must decide. The other guess_*.py modules guess the tables, the photo paths and the
labels; this module combines their guesses into one file.
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

    lines: the lines of the file, each a key with its value and the reason for the guess; seen: texts that describe the
    photos, the tables and the other files in the inputs folder.
    """

    lines: list[GuessedLine]
    seen: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The text of the guessed competition.toml."""
        head = "# Written by `make init`. CHECK marks a line that is only likely. Paths are relative to inputs/."
        order = sorted(self.lines, key=lambda line: ORDER.index(line.key))
        return "\n".join([head, *(line.text for line in order), ""])

    @property
    def unknown(self) -> list[str]:
        """A text for each key that the user must check or decide: the key, any guessed value, and the reason."""
        return [
            f"{line.key}: {line.reason}" if line.undecided else f"{line.key} = {line.value}: {line.reason}"
            for line in self.lines
            if line.check or line.undecided
        ]


def guess(inputs: Path) -> Guess:
    """Guess a competition.toml from the files in the inputs folder. Raises InputError if the folder has no photos."""
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
            "sample", "no table has sample or submission in its name, and no table has only ids and constant columns"
        )
    return GuessedLine("sample", sample.path, f"{len(sample.table):,} rows; columns {some_of(sample.table, 4)}")


def _sample_and_test(files: Files) -> tuple[SampleTable | None, TestTable | None, PhotoTemplate | None]:
    """Return the sample submission, the test table, and the template of the paths of the test photos.

    The sample submission is the first candidate for whose test table a template finds the photos. If there is no such
    candidate, the sample submission is the most likely candidate, and the template is None. If there are no candidates
    at all, all three values are None.
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
    """Return all lines of the guessed competition.toml except the line for the key `sample`.

    The lines are guessed from the training table or, if there is no training table, from the paths of the photos. The
    arguments `sample`, `test` and `test_images` are the results of `_sample_and_test`.
    """
    test_photos = test_images.photos if test_images else frozenset()
    apart = test_photos if test_images and "test" in test_images.template.lower() else frozenset()
    training = guess_tables.train_of(files, sample, test.path if test else "", apart)
    if training is None:
        lines = guess_columns.path_lines(set(files.photos) - test_photos, sample)
        return [*(lines or [_no_training()]), *_test_lines(sample, test, test_images, None)]
    path, images = training
    table = files.tables[path]
    rows_and_columns = f"{len(table):,} rows; columns {some_of(table, 4)}"
    lines = [GuessedLine("train", path, rows_and_columns), _train_images(table, images)]
    photo_column = images.column if images else ""
    shared = set(test.table) if test and test.path else set()
    labels = guess_columns.label_lines(table, sample, {photo_column, *shared}, files.class_numbers)
    taken = {name for line in labels if line.key == "label" for name in _names(line.value)} | {photo_column}
    rows = test.table if test and test.path else None
    if images and test_photos & images.photos:  # the same ids name training photos and test photos
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
        return undecided_line("train_images", f"no column of the training table names photos (tried {tried})")
    return GuessedLine("train_images", images.template, images.reason, check=not images.is_complete)


def _test_lines(
    sample: SampleTable | None, test: TestTable | None, images: PhotoTemplate | None, train: pd.DataFrame | None
) -> list[GuessedLine]:
    """Return the competition.toml lines for those of the keys test, test_images, id and combine that are needed.

    sample: the sample submission; images: the template of the paths of the test photos, or None if it was not found;
    train: the training table, or None if the labels are in the paths.
    """
    if test is None:
        return [undecided_line("test_images", "the path of the test photos, such as test/{id}.jpg")]
    reason = f"{len(test.table):,} rows, with all ids of the sample submission"
    lines = [GuessedLine("test", test.path, reason)] if test.path else []
    if images:
        lines.append(GuessedLine("test_images", images.template, images.reason, check=not images.is_complete))
    else:
        first = test.table.iloc[0].get(test.id.strip("{}"), test.id)
        lines.append(undecided_line("test_images", f"no photo has a name like {first}"))
    return lines + _id_lines(sample, test, train)


def _id_lines(sample: SampleTable, test: TestTable, train: pd.DataFrame | None) -> list[GuessedLine]:
    """Return the competition.toml line for `id`, if this key is needed, and for `combine`, if ids have several photos.

    If ids have several photos, the columns that form the id must be in the training table too; otherwise the line for
    `id` asks the user to decide. train: the training table, or None if the labels are in the paths.
    """
    line = GuessedLine("id", test.id, f"gives the values of column {sample.id} in the sample submission")
    if test.photos_per_id <= 1:
        return [line] if test.id != next(iter(sample.table)) else []
    several = f"{test.photos_per_id:.1f} test photos for each id"
    if train is not None and not set(fields(test.id) or [test.id]) <= set(train):
        needed = "a template of columns that both tables have"
        line = undecided_line("id", f"{several}, so id must be {needed}; the training table lacks {test.id}")
    return [line, GuessedLine("combine", "mean", f"{several}; 'max' is possible too", check=True)]


def _no_training() -> GuessedLine:
    return undecided_line("train", "no table names training photos, and neither folders nor file names contain labels")


# ---- what is in the folder


def _seen(files: Files) -> list[str]:
    """Return texts that describe the files in the inputs folder.

    Each text is about the photos with one extension in one folder, a table with its columns, an archive that is not
    unpacked, the other files with one extension, or a table that cannot be read.
    """
    kinds = Counter((path.rpartition("/")[0].split("/")[0] or ".", path.rsplit(".", 1)[-1]) for path in files.photos)
    photos = [f"{count:,} .{kind} photos in {folder}/" for (folder, kind), count in sorted(kinds.items())[:20]]
    tables = [f"{path}: {len(table):,} rows; columns {some_of(table, 12)}" for path, table in files.tables.items()]
    packed = [f"{path} is not unpacked; unpack it with: {command}" for path, command in files.archives.items()]
    others = [f"{count:,} files of type {kind} are not read as photos" for kind, count in sorted(files.others.items())]
    return [*photos, *tables, *packed, *others, *(f"unreadable table: {problem}" for problem in files.unreadable)]


def _no_photos(files: Files) -> InputError:
    """Return the error for an inputs folder without photos.

    The error lists the other files and archives, and its advice is the commands that unpack the archives.
    """
    others = [f"{count:,} files of type {kind}" for kind, count in sorted(files.others.items())]
    problem = f"there is no photo in {files.inputs}" + listed([*others, *files.archives])
    expected = f"image files ({' '.join(EXTENSIONS)}); arrays, DICOM and similar files must be converted to image files"
    commands = " && ".join(list(files.archives.values())[:3])
    return InputError(problem, expected, commands or "make init INPUTS=<the folder of the unpacked competition>")


# ---- the stage


def init_competition(inputs: Path, file: Path | None = None) -> None:
    """Guess a competition.toml from the files in `inputs`, write and print it, and try to read the tables with it.

    file: the path to write to; None means competition.toml in `inputs`. Nothing is written for the competition of
    mask_gender_age.py, which needs no such file. Raises InputError if a file exists at the path or if the path cannot
    be written to, and if `inputs` does not exist or has no photos.
    """
    if mask_gender_age.is_here(inputs):
        console.say(f"{inputs} holds the competition {mask_gender_age.NAME}, for which no competition.toml is needed")
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
    """Raise InputError if `inputs` does not exist, if `path` exists, or if the folder of `path` is not writable."""
    if not inputs.is_dir():
        expected = "a folder with the unpacked files of a competition"
        raise InputError(f"there is no folder {inputs}", expected, "make init INPUTS=<that folder>")
    if path.exists():
        expected = "a path at which there is no file yet, because an existing file is never overwritten"
        run = f"make init COMPETITION=<another file>, or rm {quoted(path)} && make init"
        raise InputError(f"{path} already exists", expected, run)
    if not os.access(path.parent, os.W_OK):  # checked before a large folder is scanned
        raise _cannot_write(f"{path.parent} cannot be written to")


def _cannot_write(problem: str) -> InputError:
    return InputError(problem, "a path that can be written to", "make init COMPETITION=<another file>")


def _show(written: Guess, path: Path) -> None:
    """Print what the inputs folder contains, the guessed file, and a warning for each key that is not certain.

    path: the path of the guessed file.
    """
    for line in written.seen:
        console.say(line)
    console.say(f"\nwrote {path}:\n")
    console.say(written.text)
    for line in written.unknown:
        console.warn(line)


def _try_out(inputs: Path, path: Path) -> None:
    """Read the tables that the written file describes, as `make folds` will do, and print the result or the error.

    path: the path of the written file.
    """
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
