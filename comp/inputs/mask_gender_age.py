"""The home competition: mask x gender x age of faces. It needs no competition.toml and is recognised by its columns.

No other module knows about masks, genders, ages, persons or faces.

    class = mask * 6 + gender * 3 + age      mask 0 worn, 1 worn wrongly, 2 off
                                             gender 0 male, 1 female;  age 0 for < 30, 1 for 30 to 59, 2 for >= 60
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from comp.competition.competition import Attribute, Competition, Range, Sample
from comp.errors import InputError, listed
from comp.metrics import named_metrics
from comp.tables import header_of
from comp.text import same_text

if TYPE_CHECKING:  # a stage that finds nothing changed ends before pandas would be imported
    import pandas as pd

METRIC = "macro_f1"
ID, ANSWER = "ImageID", "ans"
SAMPLE = "eval/info.csv"
TRAIN_TABLE, TRAIN_IMAGES, TEST_IMAGES = "train/train.csv", "train/images", "eval/images"
TRAIN_COLUMNS = ("id", "gender", "race", "age", "path")
EXTENSIONS = (".jpg", ".jpeg", ".png")
SHOTS = {f"mask{i}": 0 for i in range(1, 6)} | {"incorrect_mask": 1, "normal": 2}
OLD_FROM = 60
DEFAULTS = "crop=350"  # of 384 x 512 pixels: the face is near the middle

ATTRIBUTES = {"mask": ("worn", "wrong", "off"), "gender": ("male", "female"), "age": ("<30", "30-59", ">=60")}
CLASSES = tuple(f"{m} {g} {a}" for m in ATTRIBUTES["mask"] for g in ATTRIBUTES["gender"] for a in ATTRIBUTES["age"])


def is_here(inputs: Path) -> bool:
    """Whether train/train.csv or eval/info.csv has the home competition's columns.

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


def read_train(inputs: Path) -> pd.DataFrame:
    """One row per training photo: image (relative to inputs), group (person), label, mask, gender, age, years.

    A person is identified by `path`, because `id` is not unique. Raises InputError for a missing table or column,
    a row without its folder and a folder without one of its seven photos; all of them are listed.
    """
    import pandas as pd

    from comp.inputs.photo_listing import Listing
    from comp.tables import line_numbers

    people = _read_table(inputs, TRAIN_TABLE, TRAIN_COLUMNS)
    _check_people(people, inputs)
    lines = line_numbers(inputs / TRAIN_TABLE, len(people))
    problems, rows, listing = [], [], Listing(inputs)
    for person in people.itertuples():
        folder = listing.real(f"{TRAIN_IMAGES}/{same_text(person.path)}")
        if folder is None:
            problems.append(f"{TRAIN_TABLE} line {lines[person.Index]}: no folder {TRAIN_IMAGES}/{person.path}")
            continue
        photos = _photos(inputs, folder)
        problems += [f"{TRAIN_IMAGES}/{person.path}: no photo '{shot}'" for shot in SHOTS if shot not in photos]
        problems += [
            f"{TRAIN_IMAGES}/{person.path}: two photos '{shot}'" for shot in SHOTS if len(photos.get(shot, [])) > 1
        ]
        rows += [_row(person, f"{folder}/{photos[shot][0]}", mask) for shot, mask in SHOTS.items() if shot in photos]
    if problems:
        raise InputError(
            f"{len(problems)} problem(s) in {inputs / 'train'}:{listed(problems)}",
            f"for each row of {TRAIN_TABLE} a folder with one each of {', '.join(SHOTS)} ({' '.join(EXTENSIONS)})",
            f"unpack the data again, or delete those rows of {inputs / TRAIN_TABLE}",
        )
    return pd.DataFrame(rows)


def read_test(inputs: Path) -> pd.DataFrame:
    """One row per test photo in the sample submission's order: id, image (relative to inputs)."""
    import pandas as pd

    sample = _read_table(inputs, SAMPLE, (ID, ANSWER))
    repeated = sample[ID][sample[ID].map(same_text).duplicated()].tolist()
    bad = [name for name in sample[ID] if Path(name).name != name]
    folder = inputs / TEST_IMAGES
    there = {same_text(name): name for name in (os.listdir(folder) if folder.is_dir() else ())}
    missing = [] if bad else [name for name in sample[ID] if same_text(name) not in there]
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
    images = [f"{TEST_IMAGES}/{there[same_text(name)]}" for name in sample[ID]]
    return pd.DataFrame({"id": sample[ID], "image": images})


def _read_table(inputs: Path, name: str, columns: tuple[str, ...]) -> pd.DataFrame:
    from comp.tables import advice_to_correct, read_table

    path = Path(inputs) / name
    if not path.is_file():
        advice = "unpack the competition's data there, give INPUTS=folder, or try `make demo`"
        raise InputError(f"no {path}", f"the folder INPUTS={inputs} with {TRAIN_TABLE} and {SAMPLE}", advice)
    return read_table(path, columns, advice_to_correct(path))


def _check_people(people: pd.DataFrame, inputs: Path) -> None:
    """Check the range of every field, and that `path` is unique and a plain folder name: it becomes part of a path."""
    import pandas as pd

    from comp.tables import line_numbers

    years = pd.to_numeric(people["age"], errors="coerce")
    lines = line_numbers(inputs / TRAIN_TABLE, len(people))
    problems = [
        f"line {n}: age {a!r}" for n, a, y in zip(lines, people["age"], years, strict=True) if not 0 <= y <= 120
    ]
    problems += [
        f"line {n}: gender {g!r}" for n, g in zip(lines, people["gender"], strict=True) if g not in ATTRIBUTES["gender"]
    ]
    problems += [
        f"line {n}: path {p!r}" for n, p in zip(lines, people["path"], strict=True) if not p or Path(p).name != p
    ]
    problems += [f"path {p!r} twice" for p in people["path"][people["path"].map(same_text).duplicated()]]
    if problems:
        raise InputError(
            f"{len(problems)} bad row(s) in {inputs / TRAIN_TABLE}:{listed(problems)}",
            f"age in years, gender {' or '.join(ATTRIBUTES['gender'])}, path a unique folder name",
            f"correct those lines of {inputs / TRAIN_TABLE}",
        )


def _photos(inputs: Path, folder: str) -> dict[str, list[str]]:
    """Shot name to its files' names. Names that begin with "." come from file managers."""
    photos: dict[str, list[str]] = {}
    for file in sorted((inputs / folder).iterdir()):
        if not file.name.startswith(".") and file.suffix.lower() in EXTENSIONS:
            photos.setdefault(file.stem, []).append(file.name)
    return photos


def _row(person, image: str, mask: int) -> dict:
    years = int(float(person.age))
    gender, age = ATTRIBUTES["gender"].index(person.gender), int(age_group(years))
    label = encode(mask, gender, age)
    return dict(image=image, group=person.path, label=label, mask=mask, gender=gender, age=age, years=years)
