"""Two classes, and photos that belong together: patients, and the copies of one photo (rows 9, 11, 23)."""

from layouts.checking import filled, probability
from layouts.drawing import Pen
from layouts.layout import Layout

MELANOMA = """
target = "binary"
metric = "auc"
train = "train.csv"
train_images = "jpeg/train/{image_name}.jpg"
test = "test.csv"
label = "target"
group = "patient_id"
columns = ["sex", "age_approx"]
"""
SHARED = ["image_name", "patient_id", "sex", "age_approx", "anatom_site_general_challenge"]


def draw_melanoma(folder):
    """Few positives, patients, empty fields, the diagnosis in words, a table of duplicates, further sample columns."""
    pen = Pen(folder, 9)
    names = [f"ISIC_{i:07d}" for i in pen.rng.permutation(300)[:50]]
    rows = []
    for i, name in enumerate(names):
        part, patient = ("train", i // 3) if i < 40 else ("test", 20 + i // 2)
        label = int(i in (4, 17, 30))
        pen.photo(f"jpeg/{part}/{name}.jpg", label)
        age = "" if i % 9 == 2 else f"{30 + i % 8 * 5}.0"
        rows.append([name, f"IP_{patient:07d}", ["male", "female", ""][i % 3], age, ["torso", "head/neck"][i % 2]])
    words = [["melanoma", "malignant", 1] if i in (4, 17, 30) else ["unknown", "benign", 0] for i in range(40)]
    train = [row + more for row, more in zip(rows[:40], words, strict=True)]
    pen.table("train.csv", [*SHARED, "diagnosis", "benign_malignant", "target"], train)
    pen.table("test.csv", SHARED, rows[40:])
    pen.table("2020_Challenge_duplicates.csv", ["ISIC_id", "ISIC_id_paired"], [names[:2]])
    sample = [[name, "0", "000", "0.10", "NA"] for name in names[40:]]
    pen.table("sample_submission.csv", ["image_name", "target", "batch", "weight", "note"], sample)


ALASKA = """
target = "binary"
metric = "auc"
train_images = "{method}/{cover}.jpg"
test_images = "Test/{Id}"
label = "method"
positive = ["JMiPOD", "JUNIWARD", "UERD"]
group = "cover"
"""


def draw_alaska(folder):
    """The label is in the folder: one of covers, three of their altered copies, which must stay in one fold."""
    pen = Pen(folder, 11)
    for i in range(1, 11):
        for k, method in enumerate(("Cover", "JMiPOD", "JUNIWARD", "UERD")):
            pen.photo(f"{method}/{i:05d}.jpg", int(k > 0))
    for i in range(1, 11):
        pen.photo(f"Test/{i:04d}.jpg", i % 2)
    pen.table("sample_submission.csv", ["Id", "Label"], [[f"{i:04d}.jpg", "0.5"] for i in range(1, 11)])


BREAST = """
target = "binary"
metric = "probabilistic_f1"
train = "train.csv"
train_images = "train_images/{patient_id}/{image_id}.png"
test = "test.csv"
test_images = "test_images/{patient_id}/{image_id}.png"
id = "{patient_id}_{laterality}"
label = "cancer"
group = "patient_id"
combine = "mean"
"""


def draw_breast(folder):
    """Two views of each side of a patient, one line a side; grey PNG of 16 bits."""
    pen = Pen(folder, 23)
    train, test = [], []
    for i in range(13):
        for side in "LR":
            cancer = int(i < 4 and side == "L")
            for view in ("CC", "MLO"):
                patient, image = f"{10006 + i}", f"{pen.rng.integers(1 << 30)}"
                row = [1 + i % 2, patient, image, side, view, 50 + i % 4]
                pen.photo(f"{'train' if i < 9 else 'test'}_images/{patient}/{image}.png", cancer, kind="I;16")
                train += [[*row, cancer, 0, cancer, "", 29]] if i < 9 else []
                test += [[*row, 29, f"{patient}_{side}"]] if i >= 9 else []
    shared = ["site_id", "patient_id", "image_id", "laterality", "view", "age"]
    pen.table("train.csv", [*shared, "cancer", "biopsy", "invasive", "BIRADS", "machine_id"], train)
    pen.table("test.csv", [*shared, "machine_id", "prediction_id"], test)
    ids = list(dict.fromkeys(row[-1] for row in test))
    pen.table("sample_submission.csv", ["prediction_id", "cancer"], [[name, "0.0211"] for name in ids])


SAMPLE = "sample_submission.csv"
ROWS = [
    Layout(9, "siim-isic-melanoma", MELANOMA, draw_melanoma, filled(SAMPLE, ["target"], probability)),
    Layout(11, "alaska2-steganalysis", ALASKA, draw_alaska, filled(SAMPLE, ["Label"], probability)),
    Layout(23, "rsna-breast", BREAST, draw_breast, filled(SAMPLE, ["cancer"], probability)),
]
