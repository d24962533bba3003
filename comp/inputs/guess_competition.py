"""Guess a competition.toml, the file that describes a competition, from a folder with the files of the competition.

Each line of the guessed file is a key with its value and a reason. The reason begins with CHECK if the value is only
likely. If the files do not show the value of a key, the line is a comment that says what the user must decide. The
other guess_*.py modules guess the tables, the photo paths and the labels. This module combines their guesses.
"""

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from comp import console, files
from comp.competition.competition_toml import GuessedLine, some_of, undecided_line
from comp.errors import InputError, listed, quoted
from comp.inputs import (
    cell_values,
    guess_columns,
    guess_files,
    guess_path_labels,
    guess_tables,
    loading,
    mask_gender_age,
)
from comp.inputs.guess_files import Files
from comp.inputs.guess_photos import PhotoTemplate, find_template
from comp.inputs.guess_tables import SampleTable, TestTable
from comp.inputs.path_templates import fields, fill
from comp.inputs.photo_listing import EXTENSIONS, not_utf8

ORDER = (  # the order of the keys in the written file
    *("target", "metric", "positive", "limits", "decimal", "separator", "merge", "classes", "train", "train_images"),
    *("test", "test_images", "id", "label", "group", "combine", "sample"),
)


@dataclass
class Guess:
    """A guessed competition.toml.

    lines: the lines of the file, each a key with its value and the reason for the guess; seen: texts that tell the user
    which photos, tables and other files are in the inputs folder.
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
        """Texts for the keys that the user must check or decide: the key, its guessed value if there is one, and the
        reason.
        """
        return [
            f"{line.key}: {line.reason}" if line.undecided else f"{line.key} = {line.value}: {line.reason}"
            for line in self.lines
            if line.check or line.undecided
        ]


def guess(inputs: Path) -> Guess:
    """Guess a competition.toml from the files in the inputs folder.

    Raises InputError if the folder has no photos, or has files or folders whose names are not UTF-8.
    """
    files = guess_files.scan(inputs)
    if files.not_utf8:
        raise not_utf8(inputs, files.not_utf8)
    if not files.photos:
        raise _no_photos(files)
    sample, test, test_images = _sample_and_test(files)
    lines = _training(files, sample, test, test_images)
    return Guess([*lines, _sample_line(sample, files)], _seen(files))


# ---- the lines of each key


def _sample_line(sample: SampleTable | None, files: Files) -> GuessedLine:
    if sample is None:
        called = [path for path in files.unreadable if guess_tables.is_called_sample(path)]
        if called:
            return undecided_line("sample", f"{called[0]} cannot be read as a table (see above)")
        called = [path for path in files.tables if guess_tables.is_called_sample(path)]
        if called:
            found = some_of(files.tables[called[0]], 4)
            return undecided_line("sample", f"{called[0]} needs a column of ids and a column to fill; it has {found}")
        return undecided_line(
            "sample", "no table has sample or submission in its name, and no table has only ids and constant columns"
        )
    reason = f"{len(sample.table):,} rows; columns {some_of(sample.table, 4)}"
    repeated = len(sample.table) - sample.ids.nunique()
    reason += f"; {repeated:,} rows repeat the id of another row and get the same answer" if repeated else ""
    return GuessedLine("sample", sample.path, reason)


def _sample_and_test(files: Files) -> tuple[SampleTable | None, TestTable | None, PhotoTemplate | None]:
    """Return the sample submission, the test table, and the template of the test photos' paths, such as test/{id}.jpg.

    If several tables may be the sample submission, the first one for which the test photos are found is chosen. If test
    photos are found for none of them, the most likely table is chosen, and the template is None. If no table may be the
    sample submission, all three values are None.
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
    """Guess the lines of competition.toml. Return all of them except the line for the key `sample`.

    The lines are guessed from the training table or, if there is no training table, from the paths of the photos.
    sample, test, test_images: the sample submission, the test table and the template of the test photos' paths, as
    `_sample_and_test` returns them.
    """
    test_photos = test_images.photos if test_images else frozenset()
    apart = test_photos if test_images and "test" in test_images.template.lower() else frozenset()
    training = guess_tables.train_of(files, sample, test.path if test else "", apart)
    if training is None:
        unread = [path for path in files.unreadable if not path.lower().endswith(".json")]
        lines = guess_path_labels.path_lines(set(files.photos) - test_photos, sample, unread)
        return [*lines, *_test_lines(sample, test, test_images, None)]
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
    if images:
        by_template = set(fields(images.template)) <= set(table)
        photos = fill(images.template, table) if by_template else table[images.column]
        labels = _merged(labels, table, photos)
    return [
        *lines,
        *labels,
        *guess_columns.group_lines(table, rows, taken),
        *_test_lines(sample, test, test_images, table),
    ]


def _merged(lines: list[GuessedLine], table: pd.DataFrame, photos: pd.Series) -> list[GuessedLine]:
    """Return the lines for competition.toml, changed if rows of the training table give one photo different labels.

    Numbers and grades are taken for several opinions, of which the mean counts. Classes are taken for several labels of
    the photo.
    lines: the lines that `guess_columns.label_lines` returned; table: N rows; photos (N,): a text that names the photo
    of each row.
    """
    given = {line.key: line for line in lines if not line.undecided}
    if not {"label", "target"} <= set(given):
        return lines
    columns = [given["label"].value] if isinstance(given["label"].value, str) else given["label"].value
    rows = table.reindex(columns=columns).assign(photo=photos).drop_duplicates()
    count = rows["photo"][rows["photo"].duplicated()].nunique()
    if not count:
        return lines
    what = f"{count:,} photos have several rows with different labels"
    if given["target"].value in ("regression", "ordinal"):
        return [*lines, GuessedLine("merge", "mean", f"{what}, taken for several opinions", check=True)]
    vote = "; if the rows are several opinions, choose 'multiclass' or 'binary' and write merge = 'vote'"
    merge = GuessedLine("merge", "union", f"{what}; a photo gets all labels of its rows{vote}", check=True)
    if given["target"].value == "multilabel":
        return [*lines, merge]
    metric = "auc" if given["metric"].value == "log_loss" else "micro_f1"
    several = {
        "target": GuessedLine("target", "multilabel", f"{what}{vote}", check=True),
        "metric": GuessedLine("metric", metric, guess_columns.METRIC, check=True),
    }
    kept = [several.get(line.key, line) for line in lines if line.key != "positive" or len(columns) > 1]
    names = set(table[columns[0]]) if len(columns) == 1 else set()
    sign = next((sign for sign in cell_values.SIGNS if not any(sign in name for name in names)), "")
    if sign and any(" " in name.strip() for name in names):  # a name with spaces must not be split
        kept.append(GuessedLine("separator", sign, "does not occur in the names, which have spaces", check=True))
    return [*kept, merge]


def _names(value) -> list[str]:
    return value if isinstance(value, list) else [value]


def _train_images(table: pd.DataFrame, images: PhotoTemplate | None) -> GuessedLine:
    if images is None:
        tried = some_of([f"{name}: {table[name].iloc[0]}" for name in table], 3)
        return undecided_line("train_images", f"no column of the training table names photos (tried {tried})")
    return _images_line("train_images", images)


def _images_line(key: str, images: PhotoTemplate) -> GuessedLine:
    return GuessedLine(key, images.template, images.reason, check=not images.is_complete or bool(images.also))


def _test_lines(
    sample: SampleTable | None, test: TestTable | None, images: PhotoTemplate | None, train: pd.DataFrame | None
) -> list[GuessedLine]:
    """Return the lines of competition.toml that describe the test photos.

    The lines are for those of the keys test, test_images, id and combine that are needed.
    sample: the sample submission; test: the test table; images: the template of the test photos' paths, such as
    test/{id}.jpg; train: the training table. The first three are None if they were not found. `train` is None if the
    labels are in the photo paths.
    """
    if test is None:
        return [undecided_line("test_images", "the path of the test photos, such as test/{id}.jpg")]
    reason = f"{len(test.table):,} rows, with all ids of the sample submission"
    lines = [GuessedLine("test", test.path, reason)] if test.path else []
    if images:
        lines.append(_images_line("test_images", images))
    else:
        first = test.table.iloc[0].get(test.id.strip("{}"), test.id)
        lines.append(undecided_line("test_images", f"no photo has a name like {first}"))
    return lines + _id_lines(sample, test, train)


def _id_lines(sample: SampleTable, test: TestTable, train: pd.DataFrame | None) -> list[GuessedLine]:
    """Return the line for the key `id`, if it is needed, and the line for `combine`, if several photos have one id.

    `id` names the columns of the test table that give the ids of the sample submission. `combine` says how the
    probabilities of several photos with the same id become one answer; the training table must then have the columns of
    the id too. If it lacks one, the line for `id` asks the user to decide.
    sample: the sample submission; test: the test table; train: the training table, or None if the labels are in the
    photo paths.
    """
    line = GuessedLine("id", test.id, f"gives the values of column {sample.id} in the sample submission")
    if test.photos_per_id <= 1:
        return [line] if test.id != next(iter(sample.table)) else []
    several = f"{test.photos_per_id:.1f} test photos for each id"
    if train is not None and not set(fields(test.id) or [test.id]) <= set(train):
        needed = "a template of columns that both tables have"
        line = undecided_line("id", f"{several}, so id must be {needed}; the training table lacks {test.id}")
    return [line, GuessedLine("combine", "mean", f"{several}; 'max' is possible too", check=True)]


# ---- what is in the folder


def _seen(files: Files) -> list[str]:
    """Return texts that tell the user which photos, tables, archives and other files are in the inputs folder."""
    kinds = Counter((path.rpartition("/")[0].split("/")[0] or ".", path.rsplit(".", 1)[-1]) for path in files.photos)
    photos = [f"{count:,} .{kind} photos in {folder}/" for (folder, kind), count in sorted(kinds.items())[:20]]
    tables = [f"{path}: {len(table):,} rows; columns {some_of(table, 12)}" for path, table in files.tables.items()]
    packed = [f"{path} is not unpacked; unpack it with: {command}" for path, command in files.archives.items()]
    unreadable = [f"unreadable table: {problem}" for problem in files.unreadable.values()]
    return [*photos, *tables, *packed, *files.others, *unreadable]


def _no_photos(files: Files) -> InputError:
    """Return the InputError for an inputs folder without photos.

    The error lists the other files and the archives, and says how to unpack the archives.
    """
    problem = f"there is no photo in {files.inputs}" + listed([*files.others, *files.archives])
    expected = f"image files ({' '.join(EXTENSIONS)}); arrays, DICOM and similar files must be converted to image files"
    commands = " && ".join(list(files.archives.values())[:3])
    return InputError(problem, expected, commands or "make init INPUTS=<the folder of the unpacked competition>")


# ---- the stage


def init_competition(inputs: Path, file: Path | None = None) -> None:
    """Guess a competition.toml from the files in `inputs`. Write and print it, and read the tables with it as a test.

    file: the path to write to, or None for competition.toml in `inputs`. Nothing is written if `inputs` holds the
    competition of mask_gender_age.py, which needs no competition.toml. Raises InputError if `inputs` does not exist or
    has no photos, and if a file already exists at the path or cannot be written there.
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
    """Print what is in the inputs folder, the guessed file, and a warning for each key that is not certain.

    written: the guessed file; path: the path at which it was written.
    """
    for line in written.seen:
        console.say(line)
    console.say(f"\nwrote {path}:\n")
    console.say(written.text)
    for line in written.unknown:
        console.warn(line)


def _try_out(inputs: Path, path: Path) -> None:
    """Read the tables that the guessed competition.toml describes. Print how many photos they have, or the error.

    inputs: the inputs folder; path: the path of competition.toml.
    """
    try:
        tables = loading.open_tables(inputs, path)
        competition, train, test = tables.competition, tables.training_rows, tables.test_rows
    except InputError as error:
        console.warn(f"{path} does not work yet. Edit the lines with CHECK or TO DECIDE. The error now is: {error}")
        return
    console.say(
        f"the file works: {len(train):,} training photos, {len(test):,} test photos, target {competition.target}, "
        f"{competition.size:,} classes"
    )
