"""COCO JSON: images, annotations, categories (rows 18 and 20; see herbarium.py for 13 to 15)."""

from layouts.checking import filled, one_of
from layouts.drawing import Pen
from layouts.layout import Layout

CATEGORIES = (2, 9, 10, 31, 155, 15501)  # with gaps, and in another order as text
SAMPLE = "sample_submission.csv"
LICENSE = {"id": 0, "name": "CC BY", "url": ""}


def annotations_of(pen: Pen, images: list[dict], labels: list[int], key: str = "id", **more) -> list[dict]:
    """One annotation per image, in another order than the images; the id of an annotation is not that of its image."""
    order = pen.rng.permutation(len(images))
    return [
        {"id": n, "image_id": images[i][key], "category_id": CATEGORIES[labels[i]], **more} for n, i in enumerate(order)
    ]


NATURE = """
target = "multiclass"
metric = "accuracy"
train = "train2019.json"
train_images = "{file_name}"
test = "test2019.json"
test_images = "{file_name}"
id = "id"
label = "category_id"
sample = "kaggle_sample_submission.csv"
"""


def draw_nature(folder):
    """The file name is the whole path; a second table with labels of the same form, for validation."""
    pen = Pen(folder, 18)
    names, labels = pen.names(52, 12), pen.spread(52, len(CATEGORIES))
    images = []
    for i, (name, label) in enumerate(zip(names, labels, strict=True)):
        place = f"train_val2019/{['Birds', 'Plants'][label % 2]}/{CATEGORIES[label]}" if i < 42 else "test2019"
        pen.photo(f"{place}/{name}.jpg", label)
        images.append({"license": 0, "file_name": f"{place}/{name}.jpg", "id": 265213 + i, "width": 24, "height": 24})
    categories = [{"id": k} for k in CATEGORIES]
    for part, rows in (("train", slice(0, 36)), ("val", slice(36, 42))):
        whole = {"info": {}, "images": images[rows], "licenses": [LICENSE], "categories": categories}
        pen.json(f"{part}2019.json", whole | {"annotations": annotations_of(pen, images[rows], labels[rows])})
    pen.json("test2019.json", {"info": {}, "images": images[42:], "licenses": [LICENSE]})
    pen.table("kaggle_sample_submission.csv", ["id", "predicted"], [[image["id"], 0] for image in images[42:]])


CAMERAS = """
target = "multiclass"
metric = "accuracy"
train = "iwildcam2020_train_annotations.json"
train_images = "train/{file_name}"
test = "iwildcam2020_test_information.json"
test_images = "test/{file_name}"
id = "id"
label = "category_id"
group = "location"
"""


def draw_cameras(folder):
    """Image ids are text; other cameras in the test set; a third JSON, of detections, has images but no categories."""
    pen = Pen(folder, 20)
    names, labels = pen.names(46, 12), pen.spread(46, len(CATEGORIES))
    images = []
    for i, (name, label) in enumerate(zip(names, labels, strict=True)):
        pen.photo(f"{'train' if i < 36 else 'test'}/{name}.jpg", label)
        location = 3 + i % 6 if i < 36 else 240 + i % 3
        images.append(
            {
                "location": location,
                "datetime": f"2013-06-05 05:44:{i:02d}.000",
                "frame_num": 0,
                "seq_id": f"seq{i // 2}",
                "file_name": f"{name}.jpg",
                "id": name,
            }
        )
    categories = [{"id": k, "name": f"animal {k}", "count": 6} for k in CATEGORIES]
    whole = {"info": {}, "images": images[:36], "categories": categories}
    annotations = annotations_of(pen, images[:36], labels, count=1)
    pen.json("iwildcam2020_train_annotations.json", whole | {"annotations": annotations})
    pen.json("iwildcam2020_test_information.json", {"info": {}, "images": images[36:], "categories": categories})
    detections = [{"id": name, "detections": [], "max_detection_conf": 0.0} for name in names]
    pen.json("iwildcam2020_megadetector_results.json", {"info": {}, "images": detections, "detection_categories": {}})
    pen.table(SAMPLE, ["Id", "Category"], [[name, 0] for name in names[36:]])


def _category(column: str, sample: str = SAMPLE):
    return filled(sample, [column], one_of(CATEGORIES))


ROWS = [
    Layout(18, "inaturalist-2019", NATURE, draw_nature, _category("predicted", "kaggle_sample_submission.csv")),
    Layout(20, "iwildcam-2020", CAMERAS, draw_cameras, _category("Category")),
]
