"""Ordered classes and real numbers (rows 2 and 21)."""

from layouts.checking import filled, number, whole_number
from layouts.drawing import Pen
from layouts.layout import Layout

RETINA = """
target = "ordinal"
metric = "quadratic_kappa"
train = "train.csv"
train_images = "train_images/{id_code}.png"
test = "test.csv"
label = "diagnosis"
"""


def draw_retinas(folder):
    """Grades 0 to 4, most of them 0; the test rows stand in a table."""
    pen = Pen(folder, 2)
    grades = [0] * 14 + [1] * 5 + [2] * 8 + [3] * 4 + [4] * 5 + pen.spread(10, 5)
    names = pen.names(46, 12)
    for i, (name, grade) in enumerate(zip(names, grades, strict=True)):
        pen.photo(f"{'train' if i < 36 else 'test'}_images/{name}.png", level=grade * 40)
    order = pen.rng.permutation(36)
    pen.table("train.csv", ["id_code", "diagnosis"], [[names[i], grades[i]] for i in order])
    pen.table("test.csv", ["id_code"], [[name] for name in names[36:]])
    pen.table("sample_submission.csv", ["id_code", "diagnosis"], [[name, 0] for name in names[36:]])


TRAITS = (
    "Subject Focus",
    "Eyes",
    "Face",
    "Near",
    "Action",
    "Accessory",
    "Group",
    "Collage",
    "Human",
    "Occlusion",
    "Info",
    "Blur",
)
PETS = """
target = "regression"
metric = "rmse"
train = "train.csv"
train_images = "train/{Id}.jpg"
test = "test.csv"
label = "Pawpularity"
limits = [1, 100]
"""


def draw_pets(folder):
    """A number from 1 to 100, and twelve columns of 0 and 1 that are no labels; one of them is called Group."""
    pen = Pen(folder, 21)
    values = [1, 100, *pen.rng.integers(2, 100, 44)]
    names = pen.names(46, 16)
    traits = pen.rng.integers(0, 2, (46, 12)).tolist()
    for i, (name, value) in enumerate(zip(names, values, strict=True)):
        pen.photo(f"{'train' if i < 36 else 'test'}/{name}.jpg", level=int(value))
    rows = [[names[i], *traits[i], values[i]] for i in range(36)]
    pen.table("train.csv", ["Id", *TRAITS, "Pawpularity"], rows)
    pen.table("test.csv", ["Id", *TRAITS], [[names[i], *traits[i]] for i in range(36, 46)])
    pen.table("sample_submission.csv", ["Id", "Pawpularity"], [[name, "65.5178"] for name in names[36:]])


SAMPLE = "sample_submission.csv"
ROWS = [
    Layout(2, "aptos2019-blindness-detection", RETINA, draw_retinas, filled(SAMPLE, ["diagnosis"], whole_number(0, 4))),
    Layout(21, "petfinder-pawpularity", PETS, draw_pets, filled(SAMPLE, ["Pawpularity"], number(1, 100))),
]
