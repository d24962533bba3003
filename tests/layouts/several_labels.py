"""Several labels at once: a column a label, or one column with blanks between (rows 8, 17, 22)."""

from layouts.checking import filled, probability, some_of
from layouts.drawing import Pen
from layouts.layout import Layout

SAMPLE = "sample_submission.csv"
ASKED = (
    "NGT - Normal",
    "ETT - Abnormal",
    "ETT - Borderline",
    "ETT - Normal",
    "CVC - Abnormal",
    "CVC - Normal",
    "NGT - Abnormal",
    "NGT - Borderline",
    "CVC - Borderline",
)
IN_TABLE = (*sorted(ASKED), "NGT - Incompletely Imaged", "Swan Ganz Catheter Present")
CATHETER = f"""
target = "multilabel"
metric = "auc"
train = "train.csv"
train_images = "train/{{StudyInstanceUID}}.jpg"
label = {list(ASKED)}
group = "PatientID"
""".replace("'", '"')


def draw_catheters(folder):
    """The sample asks for 9 of 11 columns, in another order; points in the ids; rare labels; grey photos; patients."""
    pen = Pen(folder, 8)
    names = [f"1.2.826.0.1.3680043.8.498.{i}" for i in pen.rng.permutation(10**6)[:50]]
    rows = []
    for i, name in enumerate(names):
        labels = pen.rng.random(len(IN_TABLE)) < 0.3
        labels[[0, 1]] = i % 20 == 0, i % 13 == 1
        pen.photo(f"{'train' if i < 40 else 'test'}/{name}.jpg", *[k for k, on in enumerate(labels) if on], kind="L")
        rows.append([name, *labels.astype(int), f"{i % 15:09x}"])
    pen.table("train.csv", ["StudyInstanceUID", *IN_TABLE, "PatientID"], rows[:40])
    pen.table(SAMPLE, ["StudyInstanceUID", *ASKED], [[name, *[0] * len(ASKED)] for name in names[40:]])


ATTRIBUTES = (0, 7, 12, 100, 448, 782, 2429)
MUSEUM = """
target = "multilabel"
metric = "micro_f1"
train = "train.csv"
train_images = "train/{id}.png"
label = "attribute_ids"
"""


def draw_museum(folder):
    """Label numbers with gaps and blanks between; one label of one photo; a table of names with labels of no photo."""
    pen = Pen(folder, 17)
    names = pen.names(46, 12)
    rows = []
    for i, name in enumerate(names):
        labels = sorted({i % 5, int(pen.rng.integers(5)), *([5] if i % 12 == 3 else []), *([6] if i == 8 else [])})
        pen.photo(f"{'train' if i < 36 else 'test'}/{name}.png", *labels)
        rows.append([name, " ".join(str(ATTRIBUTES[k]) for k in labels)])
    pen.table("train.csv", ["id", "attribute_ids"], rows[:36])
    pen.table("labels.csv", ["attribute_id", "attribute_name"], [[k, f"tags::thing {k}"] for k in (*ATTRIBUTES, 3000)])
    pen.table(SAMPLE, ["id", "note", "attribute_ids"], [[name, "0.10", "0 7 12"] for name in names[36:]])


SPOTS = ("healthy", "scab", "frog_eye_leaf_spot", "rust", "complex", "powdery_mildew")
LEAVES = """
target = "multilabel"
metric = "micro_f1"
train = "train.csv"
train_images = "train_images/{image}"
label = "labels"
"""


def draw_spots(folder):
    """Words with blanks between; the same photo saved twice under two names."""
    pen = Pen(folder, 22)
    kinds = [(0,), (1,), (1, 2), (3,), (2, 4), (3, 2), (5,), (1, 2, 4)]
    names = [f"{name}.jpg" for name in pen.names(43)]
    for i, name in enumerate(names[:42]):
        pen.photo(f"{'train' if i < 32 else 'test'}_images/{name}", *kinds[i % 8])
    rows = [[name, " ".join(SPOTS[k] for k in kinds[i % 8])] for i, name in enumerate(names[:32])]
    pen.again(f"train_images/{names[5]}", f"train_images/{names[42]}")
    pen.table("train.csv", ["image", "labels"], [*rows, [names[42], rows[5][1]]])
    pen.table(SAMPLE, ["image", "labels"], [[name, "healthy"] for name in names[32:42]])


ROWS = [
    Layout(8, "ranzcr-clip-catheter", CATHETER, draw_catheters, filled(SAMPLE, ASKED, probability)),
    Layout(17, "imet-2020", MUSEUM, draw_museum, filled(SAMPLE, ["attribute_ids"], some_of(ATTRIBUTES))),
    Layout(22, "plant-pathology-2021", LEAVES, draw_spots, filled(SAMPLE, ["labels"], some_of(SPOTS))),
]
