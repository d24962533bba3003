"""One of several classes, by its name or its number (rows 12, 19, 25, 26)."""

from layouts.checking import filled, one_of, whole_number
from layouts.drawing import Pen
from layouts.layout import Layout

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
        rows.append([f"2011-05-{1 + i % 28:02d} 23:43:18", f"{name}.jpg", 1 + i % 3, name, location, f"seq{i // 2}"])
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
    rows = [
        [f"{100330 + i}.jpg", PADDIES[label], ["ADT45", "Onthanel"][i % 2], 45 + i % 4 * 5]
        for i, label in enumerate(labels)
    ]
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
    Layout(12, "cassava-leaf-disease", CASSAVA, draw_cassava, filled(SAMPLE, ["label"], whole_number(0, 4))),
    Layout(19, "iwildcam-2019", WILD, draw_wild, filled(SAMPLE, ["Category"], one_of(CATEGORIES))),
    Layout(25, "paddy-disease", PADDY, draw_paddy, filled(SAMPLE, ["label"], one_of(PADDIES))),
    Layout(26, "plant-seedlings", SEEDLING, draw_seedlings, filled(SAMPLE, ["species"], one_of(SEEDLINGS))),
]
