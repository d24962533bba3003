"""Two classes: the probability of the positive one is wanted (rows 1, 4, 5, 24)."""

from layouts.checking import filled, probability
from layouts.drawing import Pen
from layouts.layout import Layout

CACTUS = """
target = "binary"
metric = "auc"
train = "train.csv"
train_images = "train/{id}"
label = "has_cactus"
"""


def draw_cactus(folder):
    """The extension stands in the id; the test photos are known from the sample alone."""
    pen = Pen(folder, 1)
    names = [f"{name}.jpg" for name in pen.names(42)]
    labels = pen.spread(42, 2)
    for i, (name, label) in enumerate(zip(names, labels, strict=True)):
        pen.photo(f"{'train' if i < 32 else 'test'}/{name}", label)
    pen.table("train.csv", ["id", "has_cactus"], zip(names[:32], labels, strict=False))
    pen.table("sample_submission.csv", ["id", "has_cactus"], [[name, "0.5"] for name in names[32:]])


DOGS = """
target = "binary"
metric = "log_loss"
train_images = "train/{label}.{number}.jpg"
test_images = "test/{id}.jpg"
positive = "dog"
"""


def draw_dogs(folder):
    """No table: the label is a part of the file name."""
    pen = Pen(folder, 4)
    for i in range(16):
        pen.photo(f"train/cat.{i}.jpg", 0)
        pen.photo(f"train/dog.{i}.jpg", 1)
    for i in range(1, 13):
        pen.photo(f"test/{i}.jpg", i % 2)
    pen.table("sample_submission.csv", ["id", "label"], [[i, "0.5"] for i in range(1, 13)])


CANCER = """
target = "binary"
metric = "auc"
train = "train_labels.csv"
train_images = "train/{id}.tif"
test_images = "test/{id}.tif"
"""


def draw_cancer(folder):
    """TIFF; the sample has another name; a further table, of slides, knows photos but no label."""
    pen = Pen(folder, 5)
    names, labels = pen.names(42), pen.spread(42, 2)
    for i, (name, label) in enumerate(zip(names, labels, strict=True)):
        pen.photo(f"{'train' if i < 32 else 'test'}/{name}.tif", label)
    pen.table("train_labels.csv", ["id", "label"], zip(names[:32], labels, strict=False))
    pen.table("patch_id_wsi.csv", ["id", "wsi"], [[name, f"slide_{i % 7}"] for i, name in enumerate(names[:32])])
    pen.table("sample_submission_null.csv", ["id", "label"], [[name, "0"] for name in names[32:]])


INVASIVE = """
target = "binary"
metric = "auc"
train = "train_labels.csv"
train_images = "train/{name}.jpg"
label = "invasive"
"""


def draw_invasive(folder):
    """Ids are numbers with leading zeros, in train and test from 1 on."""
    pen = Pen(folder, 24)
    labels = pen.spread(30, 2)
    for i, label in enumerate(labels, 1):
        pen.photo(f"train/{i:04d}.jpg", label)
    for i in range(1, 11):
        pen.photo(f"test/{i:04d}.jpg", i % 2)
    pen.table("train_labels.csv", ["name", "invasive"], [[f"{i:04d}", label] for i, label in enumerate(labels, 1)])
    pen.table("sample_submission.csv", ["name", "invasive"], [[f"{i:04d}", "0.5"] for i in range(1, 11)])


def _probability_of(column: str, sample: str = "sample_submission.csv"):
    return filled(sample, [column], probability)


ROWS = [
    Layout(1, "aerial-cactus-identification", CACTUS, draw_cactus, _probability_of("has_cactus")),
    Layout(4, "dogs-vs-cats-redux", DOGS, draw_dogs, _probability_of("label")),
    Layout(
        5,
        "histopathologic-cancer-detection",
        CANCER,
        draw_cancer,
        _probability_of("label", "sample_submission_null.csv"),
    ),
    Layout(24, "invasive-species", INVASIVE, draw_invasive, _probability_of("invasive")),
]
