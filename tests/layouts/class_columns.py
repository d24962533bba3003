"""One of several classes, and a column of probabilities for each (rows 3, 6, 7)."""

from layouts.checking import filled, probability, sums_to_one
from layouts.drawing import Pen
from layouts.layout import Layout

BREEDS = ("whippet", "affenpinscher", "pug", "african_hunting_dog", "boxer", "chow")
BREED = """
target = "multiclass"
metric = "log_loss"
train = "labels.csv"
train_images = "train/{id}.jpg"
label = "breed"
"""


def draw_breeds(folder):
    """The sample's columns are in another order than the alphabet's and the table's."""
    pen = Pen(folder, 3)
    names, labels = pen.names(46), pen.spread(46, 6)
    for i, (name, label) in enumerate(zip(names, labels, strict=True)):
        pen.photo(f"{'train' if i < 36 else 'test'}/{name}.jpg", label)
    pen.table("labels.csv", ["id", "breed"], [[names[i], BREEDS[labels[i]]] for i in range(36)])
    pen.table("sample_submission.csv", ["id", *BREEDS], [[name, *["0.16666666666666666"] * 6] for name in names[36:]])


SPECIES = ("Acer_Opalus", "Pterocarya_Stenoptera", "Quercus_Hartwissiana", "Tilia_Tomentosa", "Quercus_Variabilis")
LEAF = """
target = "multiclass"
metric = "log_loss"
train = "train.csv"
train_images = "images/{id}.jpg"
test = "test.csv"
label = "species"
"""


def draw_leaves(folder):
    """Train and test in one folder, grey; further numeric columns in both tables."""
    pen = Pen(folder, 6)
    labels = pen.spread(45, 5)
    for i, label in enumerate(labels, 1):
        pen.photo(f"images/{i}.jpg", label, kind="L")
    test = set(range(3, 43, 4))
    numbers = [f"{part}{i}" for part in ("margin", "shape", "texture") for i in (1, 2, 3)]
    rows = [[i, SPECIES[label], *(f"{x:.6f}" for x in pen.rng.random(9))] for i, label in enumerate(labels, 1)]
    pen.table("train.csv", ["id", "species", *numbers], [row for row in rows if row[0] not in test])
    pen.table("test.csv", ["id", *numbers], [[row[0], *row[2:]] for row in rows if row[0] in test])
    sample = [[i, *["0.2"] * 5] for i in sorted(test)]
    pen.table("sample_submission.csv", ["id", *sorted(SPECIES)], sample)


DISEASES = ("healthy", "multiple_diseases", "rust", "scab")
PLANTS = """
target = "multiclass"
metric = "auc"
train = "train.csv"
train_images = "images/{image_id}.jpg"
test = "test.csv"
label = ["healthy", "multiple_diseases", "rust", "scab"]
"""


def draw_plants(folder):
    """Four columns of 0 and 1, of which one is 1; the photo's name says whether it is of the test set."""
    pen = Pen(folder, 7)
    labels = pen.spread(32, 4)
    for i, label in enumerate(labels):
        pen.photo(f"images/Train_{i}.jpg", label)
    for i in range(10):
        pen.photo(f"images/Test_{i}.jpg", i % 4)
    rows = [[f"Train_{i}", *(int(label == k) for k in range(4))] for i, label in enumerate(labels)]
    pen.table("train.csv", ["image_id", *DISEASES], rows)
    pen.table("test.csv", ["image_id"], [[f"Test_{i}"] for i in range(10)])
    pen.table("sample_submission.csv", ["image_id", *DISEASES], [[f"Test_{i}", *["0.25"] * 4] for i in range(10)])


SAMPLE = "sample_submission.csv"
ROWS = [
    Layout(3, "dog-breed-identification", BREED, draw_breeds, filled(SAMPLE, BREEDS, probability, sums_to_one)),
    Layout(6, "leaf-classification", LEAF, draw_leaves, filled(SAMPLE, SPECIES, probability, sums_to_one)),
    Layout(7, "plant-pathology-2020", PLANTS, draw_plants, filled(SAMPLE, DISEASES, probability)),
]
