"""A competition.toml guessed from a folder of unpacked competition files, with a reason for each line.

A line that the files cannot prove is marked CHECK. A key that they do not show becomes a comment that says what to
decide. The other guess_*.py modules guess the tables, the photo paths and the labels; this one puts the lines together.
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

ORDER = (  # of the keys in the file
    *("target", "metric", "positive", "limits", "separator", "classes", "train", "train_images"),
    *("test", "test_images", "id", "label", "group", "combine", "sample"),
)


@dataclass
class Guess:
    """A guessed file. lines: its lines; seen: what is in the folder, one sentence per item."""

    lines: list[GuessedLine]
    seen: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The content of the file."""
        head = "# Written by make init. CHECK: likely, but the files cannot prove it. Paths are relative to the inputs."
        order = sorted(self.lines, key=lambda line: ORDER.index(line.key))
        return "\n".join([head, *(line.text for line in order), ""])

    @property
    def unknown(self) -> list[str]:
        """The lines that the user must check or decide, one sentence each."""
        return [
            f"{line.key}: {line.reason}" if line.undecided else f"{line.key} = {line.value}: {line.reason}"
            for line in self.lines
            if line.check or line.undecided
        ]


def guess(inputs: Path) -> Guess:
    """Guess the competition.toml of a folder. Raises InputError if it has no photos."""
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
            "sample", "no table is called sample or submission, and none has ids and constant columns"
        )
    return GuessedLine("sample", sample.path, f"{len(sample.table):,} rows; {some_of(sample.table, 4)}")


def _sample_and_test(files: Files) -> tuple[SampleTable | None, TestTable | None, PhotoTemplate | None]:
    """The first candidate for the sample whose test photos a template finds; else the most likely candidate."""
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
    """All lines except the one of the sample: from a training table, else from the paths."""
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
    """test, test_images, id and combine. train: the training table, or None if the labels are in the paths."""
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
    """The lines of id and, if a prediction id has several photos, of combine. Training rows must have the id too."""
    line = GuessedLine("id", test.id, f"gives {sample.id} of the sample")
    if test.photos_per_id <= 1:
        return [line] if test.id != next(iter(sample.table)) else []
    several = f"{test.photos_per_id:.1f} test photos for each id"
    if train is not None and not set(fields(test.id) or [test.id]) <= set(train):
        line = undecided_line("id", f"{several}: a template of columns of both tables; {test.id} is not in train")
    return [line, GuessedLine("combine", "mean", f"{several}; or max", check=True)]


def _no_training() -> GuessedLine:
    return undecided_line("train", "no table names training photos, and neither folders nor file names contain labels")


# ---- what is in the folder


def _seen(files: Files) -> list[str]:
    """Photos by folder and extension, tables with their columns, packed archives, and other files."""
    kinds = Counter((path.rpartition("/")[0].split("/")[0] or ".", path.rsplit(".", 1)[-1]) for path in files.photos)
    photos = [f"{count:,} photos .{kind} in {folder}/" for (folder, kind), count in sorted(kinds.items())[:20]]
    tables = [f"{path}: {len(table):,} rows; {some_of(table, 12)}" for path, table in files.tables.items()]
    packed = [f"{path}: not unpacked; to unpack it: {command}" for path, command in files.archives.items()]
    others = [f"{count:,} files {kind}: not read as photos" for kind, count in sorted(files.others.items())]
    return [*photos, *tables, *packed, *others, *(f"not readable: {problem}" for problem in files.unreadable)]


def _no_photos(files: Files) -> InputError:
    """The error names the files that cannot be read as photos, and the commands that unpack the archives."""
    others = [f"{count:,} files {kind}" for kind, count in sorted(files.others.items())]
    problem = f"no photo in {files.inputs}" + listed([*others, *files.archives])
    expected = f"image files ({' '.join(EXTENSIONS)}); arrays, DICOM and the like must be written as PNG first"
    commands = "; ".join(list(files.archives.values())[:3])
    return InputError(problem, expected, commands or "unpack the competition's files there, or give INPUTS=<folder>")


# ---- the stage


def init_competition(inputs: Path, file: Path | None = None) -> None:
    """Write competition.toml as guessed from the files in `inputs`, print it, and try it out. file: another place."""
    if mask_gender_age.is_here(inputs):
        table = inputs / mask_gender_age.TRAIN_TABLE
        console.say(f"{table} has the columns of the competition mask x gender x age: no file is needed")
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
    """Raise InputError for inputs that do not exist, a file that exists, and a folder that cannot be written to."""
    if not inputs.is_dir():
        raise InputError(f"no folder {inputs}", "the unpacked files of a competition", "give INPUTS=<folder>")
    if path.exists():
        expected = "no file there: it is never overwritten"
        raise InputError(f"{path} exists", expected, f"rm {quoted(path)}, or make init COMPETITION=<another file>")
    if not os.access(path.parent, os.W_OK):  # said before a large folder is looked through
        raise _cannot_write(f"{path.parent} cannot be written to")


def _cannot_write(problem: str) -> InputError:
    return InputError(problem, "a place for the file, in inputs or elsewhere", "make init COMPETITION=<another file>")


def _show(written: Guess, path: Path) -> None:
    """Print what was seen, the file, and what could not be known."""
    for line in written.seen:
        console.say(line)
    console.say(f"\nwrote {path}:\n")
    console.say(written.text)
    for line in written.unknown:
        console.warn(line)


def _try_out(inputs: Path, path: Path) -> None:
    """Read the tables by the file as `make folds` will, and print what came of it."""
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
