"""Read the files of the home competition, which is the competition for which this toolkit was first written.

In the home competition, photos of faces are classified by mask, gender and age, into 18 classes. It needs no
competition.toml, because `is_here` recognises the columns of its tables. inputs/README.md describes its files. No other
module of comp knows about masks, genders, ages, persons or faces.

    class = mask * 6 + gender * 3 + age      mask 0 worn, 1 worn wrongly, 2 off
                                             gender 0 male, 1 female;  age 0 for < 30, 1 for 30 to 59, 2 for >= 60
"""

import os
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from comp.competition.competition import Attribute, Competition, Range, Sample
from comp.errors import InputError, listed
from comp.metrics import named_metrics
from comp.tables import header_of
from comp.text import same_text

NAME = "mask x gender x age"
METRIC = "macro_f1"
ID, ANSWER = "ImageID", "ans"
SAMPLE = "eval/info.csv"
TRAIN_TABLE, TRAIN_IMAGES, TEST_IMAGES = "train/train.csv", "train/images", "eval/images"
TRAIN_COLUMNS = ("id", "gender", "race", "age", "path")
EXTENSIONS = (".jpg", ".jpeg", ".png")
SHOTS = {f"mask{i}": 0 for i in range(1, 6)} | {"incorrect_mask": 1, "normal": 2}  # photo name: index of mask
OLD_FROM = 60  # the first age in years of the oldest age group
DEFAULTS = "crop=350"  # side of the crop in pixels; photos have 384 x 512 pixels, with the face near the middle

ATTRIBUTES = {"mask": ("worn", "wrong", "off"), "gender": ("male", "female"), "age": ("<30", "30-59", ">=60")}
CLASSES = tuple(f"{m} {g} {a}" for m in ATTRIBUTES["mask"] for g in ATTRIBUTES["gender"] for a in ATTRIBUTES["age"])

# ---- the competition and its classes


def is_here(inputs: Path) -> bool:
    """Return whether train/train.csv or eval/info.csv has the columns of the mask x gender x age competition.

    inputs: the inputs folder. One of the two tables is enough. If the other table is missing or damaged, the function
    that reads it later raises an error.
    """
    tables = ((TRAIN_TABLE, TRAIN_COLUMNS), (SAMPLE, (ID, ANSWER)))
    return any(set(columns) <= set(header_of(Path(inputs) / table)) for table, columns in tables)


def competition() -> Competition:
    """Return the Competition object that describes the mask x gender x age competition with its 18 classes."""
    labels = class_attributes()
    return Competition(
        target="multiclass",
        classes=CLASSES,
        metric=named_metrics.get(METRIC),
        also=(named_metrics.get("accuracy"),),
        attributes={name: Attribute(values, tuple(map(int, labels[name]))) for name, values in ATTRIBUTES.items()},
        ranges=(Range("age", "years", (30.0, float(OLD_FROM))),),
        sample=Sample(SAMPLE, ID, "index", (ANSWER,)),
        defaults=DEFAULTS,
    )


def encode(mask, gender, age):
    """Return the class index, from 0 to 17.

    mask: 0 worn, 1 worn wrongly, 2 off; gender: 0 male, 1 female; age: 0 for under 30, 1 for 30 to 59, 2 for 60 or
    more. The arguments are ints, or int arrays of the same shape. The result has this shape too.
    """
    return mask * 6 + gender * 3 + age


def attribute_labels(labels: np.ndarray) -> dict[str, np.ndarray]:
    """Split class indices into mask, gender and age. This is the inverse of `encode`.

    labels (N,): class indices. Return a dictionary with the keys mask, gender and age and one int array (N,) for each.
    """
    labels = np.asarray(labels)
    return {"mask": labels // 6, "gender": labels // 3 % 2, "age": labels % 3}


def class_attributes() -> dict[str, np.ndarray]:
    """Return the mask, gender and age of each of the 18 classes.

    The result is a dictionary with the keys mask, gender and age, and an int array (18,) for each.
    """
    return attribute_labels(np.arange(len(CLASSES)))


def age_group(years, old_from: int = OLD_FROM):
    """Return the age group: 0 for ages under 30, 2 for ages of at least `old_from`, and 1 for ages between them.

    years: an age in years, or an array of ages. The result is an int array of the same shape.
    """
    return (np.asarray(years) >= 30).astype(int) + (np.asarray(years) >= old_from).astype(int)


# ---- the tables


class MaskGenderAgeTables:
    """The tables of the mask x gender x age competition.

    inputs: the folder with the files of the competition. The properties are those of InputTables, the class for all
    other competitions.
    """

    def __init__(self, inputs: Path):
        self.inputs, self.competition = Path(inputs), competition()

    @cached_property
    def training_rows(self) -> pd.DataFrame:
        """The training rows, one for each photo, as `read_train` returns them."""
        return read_train(self.inputs)

    @cached_property
    def test_rows(self) -> pd.DataFrame:
        """The test rows, one for each photo, as `read_test` returns them."""
        return read_test(self.inputs)

    @property
    def given_tables(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Two empty tables, because this competition has no test table to compare with the training table."""
        return pd.DataFrame(), pd.DataFrame()

    @property
    def notes(self) -> list[str]:
        """An empty list: the names of the classes are not read from a table, and a missing photo is an error."""
        return []

    @property
    def shared_columns(self) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
        """Two empty tables and an empty list, because this competition has no test table that could share columns."""
        return *self.given_tables, []


def read_train(inputs: Path) -> pd.DataFrame:
    """Return a row for each training photo, with the columns image, group, label, mask, gender, age and years.

    image: the path of the photo, relative to inputs; group: the name of the person's folder, which identifies the
    person because the column `id` of the table is not unique; label: the class index; mask, gender, age: the numbers
    that `encode` joins to the class index; years: the age in years.

    Raises InputError if a table or column is missing, if a value is wrong, if a person has no folder, or if a folder
    does not have exactly one photo of each of the seven names. The error lists all of these persons and folders.
    """
    from comp.inputs.photo_listing import Listing

    people = _read_table(inputs, TRAIN_TABLE, TRAIN_COLUMNS)
    _check_people(people, inputs)
    rows, no_folder, problems, listing = [], {}, [], Listing(inputs)
    for number, person in enumerate(people.itertuples()):
        folder = listing.real(f"{TRAIN_IMAGES}/{same_text(person.path)}")
        if folder is None:
            no_folder[number] = f"no folder {TRAIN_IMAGES}/{person.path}"
            continue
        photos = _photos(inputs, folder)
        problems += _problems_of_folder(person.path, photos)
        rows += [_row(person, f"{folder}/{photos[shot][0]}", mask) for shot, mask in SHOTS.items() if shot in photos]
    problems = [f"{TRAIN_TABLE} {line}" for line in _with_lines(inputs, people, no_folder)] + problems
    if problems:
        raise InputError(
            f"{len(problems)} problem(s) in {inputs / 'train'}:{listed(problems)}",
            f"for each row of {TRAIN_TABLE} a folder with the photos {', '.join(SHOTS)} ({' or '.join(EXTENSIONS)})",
            "unpack the competition's data into a new folder, and run the same command with INPUTS=<that folder>",
        )
    return pd.DataFrame(rows)


def read_test(inputs: Path) -> pd.DataFrame:
    """Return a row for each test photo, with the columns id and image, in the order of the sample submission.

    image: the path of the photo, relative to inputs. Raises InputError if the sample submission or one of its columns
    is missing, or if an id is repeated, is not a file name, or has no photo.
    """
    sample = _read_table(inputs, SAMPLE, (ID, ANSWER))
    repeated = sample[ID][sample[ID].map(same_text).duplicated()].tolist()
    bad = [name for name in sample[ID] if Path(name).name != name]
    folder = inputs / TEST_IMAGES
    photos = {same_text(name): name for name in (os.listdir(folder) if folder.is_dir() else ())}
    missing = [] if bad else [name for name in sample[ID] if same_text(name) not in photos]
    for problem, items in (
        ("repeated id(s)", repeated),
        ("id(s) that are not file names", bad),
        ("id(s) without a photo", missing),
    ):
        if items:
            raise InputError(
                f"{len(items)} {problem} in {inputs / SAMPLE}:{listed(items)}",
                f"one row for each photo in {inputs / TEST_IMAGES}",
                f"unpack the competition's data again, or correct {inputs / SAMPLE}",
            )
    images = [f"{TEST_IMAGES}/{photos[same_text(name)]}" for name in sample[ID]]
    return pd.DataFrame({"id": sample[ID], "image": images})


def _read_table(inputs: Path, name: str, columns: tuple[str, ...]) -> pd.DataFrame:
    from comp.inputs.source_table import read_text_table

    path = Path(inputs) / name
    if not path.is_file():
        advice = f"unpack the data in {inputs}, or the same command with INPUTS=<the folder of the data>, or make demo"
        raise InputError(f"there is no file {path}", f"the files {TRAIN_TABLE} and {SAMPLE} in {inputs}", advice)
    return read_text_table(path, columns)


def _check_people(people: pd.DataFrame, inputs: Path) -> None:
    """Raise InputError if a row of train.csv has a wrong age, gender or path.

    The age must be from 0 to 120, the gender male or female, and the path a folder name that no other row has. people:
    the rows of train.csv.
    """
    years = pd.to_numeric(people["age"], errors="coerce")
    wrong = {
        "age": ~years.between(0, 120),
        "gender": ~people["gender"].isin(ATTRIBUTES["gender"]),
        "path": people["path"].map(lambda path: not path or Path(path).name != path),
    }
    problems = []
    for column, is_wrong in wrong.items():
        values = people[column]
        problems += _with_lines(inputs, people, {n: f"{column} {values[n]!r}" for n in people.index[is_wrong]})
    problems += [f"path {p!r} occurs twice" for p in people["path"][people["path"].map(same_text).duplicated()]]
    if problems:
        raise InputError(
            f"{len(problems)} wrong value(s) in {inputs / TRAIN_TABLE}:{listed(problems)}",
            f"an age from 0 to 120, the gender {' or '.join(ATTRIBUTES['gender'])}, and a unique folder name as path",
            f"correct those lines of {inputs / TRAIN_TABLE}",
        )


def _with_lines(inputs: Path, people: pd.DataFrame, problems: dict[int, str]) -> list[str]:
    """Return each problem as a text that begins with the line in train.csv, such as "line 7: ...".

    people: the rows of train.csv; problems: a dictionary from the number of a row in `people` to the problem of this
    row.
    """
    from comp.tables import line_numbers

    if not problems:
        return []
    lines = line_numbers(inputs / TRAIN_TABLE, len(people))
    return [f"line {lines[row]}: {problem}" for row, problem in problems.items()]


def _photos(inputs: Path, folder: str) -> dict[str, list[str]]:
    """Return a dictionary from each photo name without extension to the list of the files in `folder` with this name.

    folder: a path relative to inputs. Hidden files, whose names begin with ".", are left out.
    """
    photos: dict[str, list[str]] = {}
    for file in sorted((inputs / folder).iterdir()):
        if not file.name.startswith(".") and file.suffix.lower() in EXTENSIONS:
            photos.setdefault(file.stem, []).append(file.name)
    return photos


def _problems_of_folder(person: str, photos: dict[str, list[str]]) -> list[str]:
    """Return a text for each of a person's seven photos that is missing or exists more than once.

    person: the name of the person's folder; photos: the files in this folder by photo name, as `_photos` returns them.
    """
    missing = [f"{TRAIN_IMAGES}/{person}: no photo '{shot}'" for shot in SHOTS if shot not in photos]
    twice = [f"{TRAIN_IMAGES}/{person}: two photos '{shot}'" for shot in SHOTS if len(photos.get(shot, [])) > 1]
    return missing + twice


def _row(person, image: str, mask: int) -> dict:
    years = int(float(person.age))
    gender, age = ATTRIBUTES["gender"].index(person.gender), int(age_group(years))
    label = encode(mask, gender, age)
    return dict(image=image, group=person.path, label=label, mask=mask, gender=gender, age=age, years=years)
