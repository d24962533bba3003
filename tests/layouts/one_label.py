"""One of several classes: a column a class, or one class by its name or number (rows 3, 6, 7, 12, 19, 25, 26)."""

from layouts.checking import filled, one_of, probability, sums_to_one, whole_number
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


CASSAVA = """
target = "multiclass"
metric = "accuracy"
train = "train.csv"
train_images = "train_images/{image_id}"
"""


def draw_cassava(folder):
    """Class names in a JSON file, some labels wrong, a folder of other files, a further column in the sample."""
    pen = Pen(folder, 12)
    labels = pen.spread(42, 5)
    names = [f"{i}.jpg" for i in pen.rng.permutation(10_000)[:42] + 1_000_000]
    for i, (name, label) in enumerate(zip(names, labels, strict=True)):
        shown = (label + 1) % 5 if i % 11 == 10 else label
        pen.photo(f"{'train' if i < 32 else 'test'}_images/{name}", shown)
    pen.json("label_num_to_disease_map.json", {str(k): f"Disease {'ABCDE'[k]} (D{k})" for k in range(5)})
    (folder / "train_tfrecords").mkdir()
    (folder / "train_tfrecords/ld_train00-1338.tfrec").write_bytes(b"\0" * 64)
    pen.table("train.csv", ["image_id", "label"], zip(names[:32], labels, strict=False))
    pen.table("sample_submission.csv", ["image_id", "label", "Usage"], [[name, "4", "NA"] for name in names[32:]])


CATEGORIES = (0, 1, 3, 4, 8, 10, 22)
WILD = """
target = "multiclass"
metric = "macro_f1"
train = "train.csv"
train_images = "train_images/{id}.jpg"
test = "test.csv"
test_images = "test_images/{id}.jpg"
id = "id"
label = "category_id"
group = "location"
"""


def draw_wild(folder):
    """Cameras: the test set has other locations; gaps in the class numbers; the sample has an unnamed index column."""
    pen = Pen(folder, 19)
    names, labels = pen.names(50), pen.spread(50, 7)
    rows = []
    for i, (name, label) in enumerate(zip(names, labels, strict=True)):
        pen.photo(f"{'train' if i < 40 else 'test'}_images/{name}.jpg", label)
        location = [11, 26, 90, 125, 33, 7][i % 6] if i < 40 else [2, 140][i % 2]
        rows.append([f"2011-05-{1 + i % 28:02d} 23:43:18", f"{name}.jpg", 1 + i % 3, name, location, f"seq{i // 3}"])
    header = ["date_captured", "file_name", "frame_num", "id", "location", "seq_id"]
    train = [[CATEGORIES[label], *row] for label, row in zip(labels, rows[:40], strict=False)]
    pen.table("train.csv", ["category_id", *header], train)
    pen.table("test.csv", header, rows[40:])
    pen.table("sample_submission.csv", ["", "Id", "Category"], [[i, name, 0] for i, name in enumerate(names[40:])])


PADDIES = ("tungro", "bacterial_leaf_blight", "blast", "normal", "hispa")
PADDY = """
target = "multiclass"
metric = "accuracy"
train = "train.csv"
train_images = "train_images/{label}/{image_id}"
test_images = "test_images/{image_id}"
"""


def draw_paddy(folder):
    """Training photos in a folder a class, the test ones flat; the sample's labels are empty."""
    pen = Pen(folder, 25)
    labels = pen.spread(35, 5)
    for i, label in enumerate(labels):
        pen.photo(f"train_images/{PADDIES[label]}/{100330 + i}.jpg", label)
    for i in range(10):
        pen.photo(f"test_images/{200001 + i}.jpg", i % 5)
    rows = [[f"{100330 + i}.jpg", PADDIES[label], ["ADT45", "Onthanel"][i % 2], 45 + i % 4 * 5]
            for i, label in enumerate(labels)]  # fmt: skip
    pen.table("train.csv", ["image_id", "label", "variety", "age"], rows)
    pen.table("sample_submission.csv", ["image_id", "label"], [[f"{200001 + i}.jpg", ""] for i in range(10)])


SEEDLINGS = ("Black-grass", "Common Chickweed", "Shepherds Purse", "Sugar beet")
SEEDLING = """
target = "multiclass"
metric = "micro_f1"
train_images = "train/{species}/{file}"
test_images = "test/{file}"
label = "species"
"""


def draw_seedlings(folder):
    """No table: the label is the folder, with blanks in its name; PNG with alpha and with a palette."""
    pen = Pen(folder, 26)
    names, labels = pen.names(42, 9), pen.spread(42, 4)
    for i, (name, label) in enumerate(zip(names, labels, strict=True)):
        place = f"train/{SEEDLINGS[label]}" if i < 32 else "test"
        pen.photo(f"{place}/{name}.png", label, kind=("RGB", "RGBA", "P")[i % 3])
    rows = [[f"{name}.png", "Sugar beet"] for name in names[32:]]
    pen.table("sample_submission.csv", ["file", "species"], rows)


SAMPLE = "sample_submission.csv"
ROWS = [
    Layout(3, "dog-breed-identification", BREED, draw_breeds, filled(SAMPLE, BREEDS, probability, sums_to_one)),
    Layout(6, "leaf-classification", LEAF, draw_leaves, filled(SAMPLE, SPECIES, probability, sums_to_one)),
    Layout(7, "plant-pathology-2020", PLANTS, draw_plants, filled(SAMPLE, DISEASES, probability)),
    Layout(12, "cassava-leaf-disease", CASSAVA, draw_cassava, filled(SAMPLE, ["label"], whole_number(0, 4))),
    Layout(19, "iwildcam-2019", WILD, draw_wild, filled(SAMPLE, ["Category"], one_of(CATEGORIES))),
    Layout(25, "paddy-disease", PADDY, draw_paddy, filled(SAMPLE, ["label"], one_of(PADDIES))),
    Layout(26, "plant-seedlings", SEEDLING, draw_seedlings, filled(SAMPLE, ["species"], one_of(SEEDLINGS))),
]
