"""The five likeliest classes, best first (rows 10 and 16)."""

from layouts.checking import best, filled
from layouts.drawing import Pen
from layouts.layout import Layout

WHALES = ["new_whale", *(f"w_{0x12A7FBC + 977 * i:07x}" for i in range(18))]
WHALE = """
target = "multiclass"
metric = "map@5"
train = "train.csv"
train_images = "train/{Image}"
label = "Id"
"""


def draw_whales(folder):
    """Many classes of one photo and one large class; the column of the label is called Id."""
    pen = Pen(folder, 10)
    labels = [0] * 10 + [1] * 3 + [2] * 3 + [3] * 2 + list(range(4, 19))
    names = [f"{name}.jpg" for name in pen.names(len(labels) + 10, 8)]
    for name, label in zip(names, labels, strict=False):
        pen.photo(f"train/{name}", label)
    for i, name in enumerate(names[len(labels) :]):
        pen.photo(f"test/{name}", i)
    pen.table("train.csv", ["Image", "Id"], [[names[i], WHALES[label]] for i, label in enumerate(labels)])
    answer = " ".join(WHALES[:5])
    pen.table("sample_submission.csv", ["Image", "Id"], [[name, answer] for name in names[len(labels) :]])


HOTELS = (53586, 18807, 64314, 6363, 60181, 11477, 220)
HOTEL = """
target = "multiclass"
metric = "map@5"
train = "train.csv"
train_images = "train_images/{chain}/{image}"
test_images = "test_images/{image}"
label = "hotel_id"
"""


def draw_hotels(folder):
    """A folder a chain, the test photos flat; one photo lies in two chains under one name."""
    pen = Pen(folder, 16)
    names = [f"{name}.jpg" for name in pen.names(42, 12)]
    labels = pen.spread(35, 7)
    rows = []
    for i, label in enumerate(labels):
        chain = label % 3
        pen.photo(f"train_images/{chain}/{names[i]}", label)
        rows.append([names[i], chain, HOTELS[label], f"2018-07-{1 + i % 28:02d} 12:00:00"])
    twin = (rows[0][1] + 1) % 3
    (folder / f"train_images/{twin}/{names[0]}").write_bytes(
        (folder / f"train_images/{rows[0][1]}/{names[0]}").read_bytes()
    )
    rows.append([names[0], twin, HOTELS[twin], "2018-07-30 12:00:00"])
    for i, name in enumerate(names[35:]):
        pen.photo(f"test_images/{name}", i)
    pen.table("train.csv", ["image", "chain", "hotel_id", "timestamp"], rows)
    answer = " ".join(map(str, HOTELS[:5]))
    pen.table("sample_submission.csv", ["image", "hotel_id"], [[name, answer] for name in names[35:]])


ROWS = [
    Layout(10, "whale-categorization", WHALE, draw_whales, filled("sample_submission.csv", ["Id"], best(5, WHALES))),
    Layout(16, "hotel-id-2021", HOTEL, draw_hotels, filled("sample_submission.csv", ["hotel_id"], best(5, HOTELS))),
]
