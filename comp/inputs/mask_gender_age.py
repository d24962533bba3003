"""The home competition: mask x gender x age of faces, the competition that this toolkit was written for first.

It needs no competition.toml: `is_here` recognises it by the columns of its tables, and inputs/README.md describes
its files. No other module of comp knows about masks, genders, ages, persons or faces.

    class = mask * 6 + gender * 3 + age      mask 0 worn, 1 worn wrongly, 2 off
                                             gender 0 male, 1 female;  age 0 for < 30, 1 for 30 to 59, 2 for >= 60

pandas is imported where a table is read, so that a stage that finds nothing changed ends sooner.
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

METRIC = "macro_f1"
ID, ANSWER = "ImageID", "ans"
SAMPLE = "eval/info.csv"
TRAIN_TABLE, TRAIN_IMAGES, TEST_IMAGES = "train/train.csv", "train/images", "eval/images"
TRAIN_COLUMNS = ("id", "gender", "race", "age", "path")
EXTENSIONS = (".jpg", ".jpeg", ".png")
SHOTS = {f"mask{i}": 0 for i in range(1, 6)} | {"incorrect_mask": 1, "normal": 2}  # file name: value of mask
OLD_FROM = 60  # years
DEFAULTS = "crop=350"  # of 384 x 512 pixels: the face is near the middle

ATTRIBUTES = {"mask": ("worn", "wrong", "off"), "gender": ("male", "female"), "age": ("<30", "30-59", ">=60")}
CLASSES = tuple(f"{m} {g} {a}" for m in ATTRIBUTES["mask"] for g in ATTRIBUTES["gender"] for a in ATTRIBUTES["age"])

# ---- the competition and its classes


def is_here(inputs: Path) -> bool:
    """Whether train/train.csv or eval/info.csv has this competition's columns.

    One of them is enough: if the other is missing or damaged, reading it raises a clear error.
    """
    tables = ((TRAIN_TABLE, TRAIN_COLUMNS), (SAMPLE, (ID, ANSWER)))
    return any(set(columns) <= set(header_of(Path(inputs) / table)) for table, columns in tables)


def competition() -> Competition:
    """The Competition value."""
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
    """Class 0 … 17 of the three attribute indices (ints or int arrays of one shape)."""
    return mask * 6 + gender * 3 + age


def attribute_labels(labels: np.ndarray) -> dict[str, np.ndarray]:
    """The inverse of `encode`: labels (N,) to one (N,) array for each attribute, in the order of ATTRIBUTES."""
    labels = np.asarray(labels)
    return {"mask": labels // 6, "gender": labels // 3 % 2, "age": labels % 3}


def class_attributes() -> dict[str, np.ndarray]:
    """Name of each attribute to its value for each class (C,)."""
    return attribute_labels(np.arange(len(CLASSES)))


def age_group(years, old_from: int = OLD_FROM):
    """0 under 30, 1 up to `old_from` - 1, 2 from `old_from` years on."""
    return (np.asarray(years) >= 30).astype(int) + (np.asarray(years) >= old_from).astype(int)


# ---- the tables


class MaskGenderAgeTables:
    """The tables of this competition, with the same properties as InputTables (see loading.py)."""

    def __init__(self, inputs: Path):
        self.inputs, self.competition = Path(inputs), competition()

    @cached_property
    def training_rows(self) -> pd.DataFrame:
        """The rows of `read_train`."""
        return read_train(self.inputs)

    @cached_property
    def test_rows(self) -> pd.DataFrame:
        """The rows of `read_test`."""
        return read_test(self.inputs)

    @property
    def given_tables(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Two empty tables: there is no test table to compare the training table with."""
        return pd.DataFrame(), pd.DataFrame()

    @property
    def shared_columns(self) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
        """No columns: there is no test table."""
        return *self.given_tables, []


def read_train(inputs: Path) -> pd.DataFrame:
    """One row per training photo: image (relative to inputs), group (person), label, mask, gender, age, years.

    A person is identified by `path`, because `id` is not unique. Raises InputError for a missing table or column,
    a row without its folder and a folder without one of its seven photos; all of them are listed.
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
            f"for each row of {TRAIN_TABLE} a folder with one each of {', '.join(SHOTS)} ({' '.join(EXTENSIONS)})",
            f"unpack the data again, or delete those rows of {inputs / TRAIN_TABLE}",
        )
    return pd.DataFrame(rows)


def read_test(inputs: Path) -> pd.DataFrame:
    """One row per test photo in the sample submission's order: id, image (relative to inputs)."""
    sample = _read_table(inputs, SAMPLE, (ID, ANSWER))
    repeated = sample[ID][sample[ID].map(same_text).duplicated()].tolist()
    bad = [name for name in sample[ID] if Path(name).name != name]
    folder = inputs / TEST_IMAGES
    photos = {same_text(name): name for name in (os.listdir(folder) if folder.is_dir() else ())}
    missing = [] if bad else [name for name in sample[ID] if same_text(name) not in photos]
    for problem, items in (
        ("repeated id", repeated),
        ("id that is no file name", bad),
        ("id without its photo", missing),
    ):
        if items:
            raise InputError(
                f"{len(items)} {problem}(s) in {inputs / SAMPLE}:{listed(items)}",
                f"one row per photo of {inputs / TEST_IMAGES}",
                f"unpack the data again, or correct {inputs / SAMPLE}",
            )
    images = [f"{TEST_IMAGES}/{photos[same_text(name)]}" for name in sample[ID]]
    return pd.DataFrame({"id": sample[ID], "image": images})


def _read_table(inputs: Path, name: str, columns: tuple[str, ...]) -> pd.DataFrame:
    from comp.inputs.source_table import read_text_table

    path = Path(inputs) / name
    if not path.is_file():
        advice = "unpack the competition's data there, give INPUTS=folder, or try `make demo`"
        raise InputError(f"no {path}", f"the folder INPUTS={inputs} with {TRAIN_TABLE} and {SAMPLE}", advice)
    return read_text_table(path, columns)


def _check_people(people: pd.DataFrame, inputs: Path) -> None:
    """Check the range of every field, and that `path` is unique and a plain folder name: it becomes part of a path."""
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
    problems += [f"path {p!r} twice" for p in people["path"][people["path"].map(same_text).duplicated()]]
    if problems:
        raise InputError(
            f"{len(problems)} bad row(s) in {inputs / TRAIN_TABLE}:{listed(problems)}",
            f"age in years, gender {' or '.join(ATTRIBUTES['gender'])}, path a unique folder name",
            f"correct those lines of {inputs / TRAIN_TABLE}",
        )


def _with_lines(inputs: Path, people: pd.DataFrame, problems: dict[int, str]) -> list[str]:
    """The problems of rows, each with the line of the row. The table is read again only if there are any."""
    from comp.tables import line_numbers

    if not problems:
        return []
    lines = line_numbers(inputs / TRAIN_TABLE, len(people))
    return [f"line {lines[row]}: {problem}" for row, problem in problems.items()]


def _photos(inputs: Path, folder: str) -> dict[str, list[str]]:
    """Name of a photo without its extension to its files' names. Names that begin with "." come from file managers."""
    photos: dict[str, list[str]] = {}
    for file in sorted((inputs / folder).iterdir()):
        if not file.name.startswith(".") and file.suffix.lower() in EXTENSIONS:
            photos.setdefault(file.stem, []).append(file.name)
    return photos


def _problems_of_folder(person: str, photos: dict[str, list[str]]) -> list[str]:
    """The photos of a person that are missing, and those that exist twice."""
    missing = [f"{TRAIN_IMAGES}/{person}: no photo '{shot}'" for shot in SHOTS if shot not in photos]
    twice = [f"{TRAIN_IMAGES}/{person}: two photos '{shot}'" for shot in SHOTS if len(photos.get(shot, [])) > 1]
    return missing + twice


def _row(person, image: str, mask: int) -> dict:
    years = int(float(person.age))
    gender, age = ATTRIBUTES["gender"].index(person.gender), int(age_group(years))
    label = encode(mask, gender, age)
    return dict(image=image, group=person.path, label=label, mask=mask, gender=gender, age=age, years=years)
