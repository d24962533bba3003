"""COCO JSON: images, annotations, categories, a little different each year (rows 13, 14, 15, 18, 20)."""

from layouts.checking import filled, one_of
from layouts.drawing import Pen
from layouts.layout import Layout

CATEGORIES = (2, 9, 10, 31, 155, 15501)  # with gaps, and in another order as text
SAMPLE = "sample_submission.csv"
LICENSE = {"id": 0, "name": "CC BY", "url": ""}

YEAR_2020 = """
target = "multiclass"
metric = "macro_f1"
train = "train/metadata.json"
train_images = "train/{file_name}"
test = "test/metadata.json"
test_images = "test/{file_name}"
id = "id"
label = "category_id"
"""


def _numbered(pen: Pen, count: int, folder: str, start: int = 437000) -> tuple[list[dict], list[int]]:
    """The images of one part, drawn below `folder`, and their classes; the image's id is a number."""
    images, labels = [], pen.spread(count, len(CATEGORIES))
    for i, label in enumerate(labels):
        name = f"images/{i % 2:03d}/{i % 7:02d}/{start + 7 * i}.jpg"
        pen.photo(f"{folder}/{name}", label)
        images.append({"file_name": name, "height": 24, "width": 24, "id": start + 7 * i, "license": 0})
    return images, labels


def _annotations(pen: Pen, images: list[dict], labels: list[int], key: str = "id", **more) -> list[dict]:
    """One annotation an image, in another order than the images, with an id of its own."""
    order = pen.rng.permutation(len(images))
    return [{"id": n, "image_id": images[i][key], "category_id": CATEGORIES[labels[i]], **more}
            for n, i in enumerate(order)]  # fmt: skip


def draw_herbarium_2020(folder):
    """Image ids are numbers; the file name starts below the folder of the JSON file."""
    pen = Pen(folder, 13)
    images, labels = _numbered(pen, 36, "train")
    categories = [{"id": k, "name": f"Species {k}", "family": "F", "genus": "G"} for k in CATEGORIES]
    whole = {"info": {"year": 2020}, "licenses": [LICENSE], "images": images, "categories": categories}
    pen.json("train/metadata.json", whole | {"annotations": _annotations(pen, images, labels, region_id=1)})
    test, _ = _numbered(pen, 10, "test", start=1)
    pen.json("test/metadata.json", {"info": {}, "licenses": [LICENSE], "images": test})
    pen.table(SAMPLE, ["Id", "Predicted"], [[image["id"], 0] for image in test])


def draw_herbarium_2021(folder):
    """The images of the test set have ids as text; categories of no photo; the sample's answer is a category."""
    pen = Pen(folder, 14)
    images, labels = _numbered(pen, 36, "train")
    names = [*CATEGORIES, 64000]
    categories = [{"id": k, "name": f"Species {k}", "order": "O", "institutions": [1, 2]} for k in names]
    annotations = _annotations(pen, images, labels, institution_id=0)
    whole = {"info": {}, "licenses": [LICENSE], "institutions": [{"id": 0, "name": "NY"}]}
    whole |= {"annotations": annotations, "images": images, "categories": categories}
    pen.json("train/metadata.json", whole)
    test, _ = _numbered(pen, 10, "test", start=500)
    test = [image | {"id": str(image["id"])} for image in test]
    pen.json("test/metadata.json", {"info": {}, "licenses": [LICENSE], "images": test})
    pen.table(SAMPLE, ["Id", "Predicted"], [[image["id"], CATEGORIES[0]] for image in test])


YEAR_2022 = """
target = "multiclass"
metric = "macro_f1"
train = "train_metadata.json"
train_images = "train_images/{file_name}"
test = "test_metadata.json"
test_images = "test_images/{file_name}"
id = "image_id"
label = "category_id"
"""


def draw_herbarium_2022(folder):
    """image_id and category_id in place of id; the JSON of the test set is a list of its images."""
    pen = Pen(folder, 15)
    labels = pen.spread(36, len(CATEGORIES))
    images, test = [], []
    for i, label in enumerate(labels):
        name = f"000/{label:02d}/{label:05d}__{i:03d}"
        pen.photo(f"train_images/{name}.jpg", label)
        images.append({"image_id": name.rsplit("/", maxsplit=1)[-1], "file_name": f"{name}.jpg", "license": 0})
    for i in range(10):
        pen.photo(f"test_images/000/000/{i:06d}.jpg", i % 6)
        test.append({"image_id": str(i), "file_name": f"000/000/{i:06d}.jpg", "license": 0})
    annotations = _annotations(pen, images, labels, "image_id", genus_id=1, institution_id=15)
    for annotation in annotations:
        del annotation["id"]
    categories = [{"category_id": k, "scientificName": f"Species {k}", "family": "F"} for k in CATEGORIES]
    whole = {"annotations": annotations, "images": images, "categories": categories, "license": [LICENSE]}
    pen.json("train_metadata.json", whole | {"genera": [{"genus_id": 1, "genus": "G"}], "institutions": []})
    pen.json("test_metadata.json", test)
    pen.table(SAMPLE, ["Id", "Predicted"], [[image["image_id"], 42] for image in test])


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
        pen.json(f"{part}2019.json", whole | {"annotations": _annotations(pen, images[rows], labels[rows])})
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
        images.append({"location": location, "datetime": f"2013-06-05 05:44:{i:02d}.000", "frame_num": 0,
                       "seq_id": f"seq{i // 2}", "file_name": f"{name}.jpg", "id": name})  # fmt: skip
    categories = [{"id": k, "name": f"animal {k}", "count": 6} for k in CATEGORIES]
    whole = {"info": {}, "images": images[:36], "categories": categories}
    annotations = _annotations(pen, images[:36], labels, count=1)
    pen.json("iwildcam2020_train_annotations.json", whole | {"annotations": annotations})
    pen.json("iwildcam2020_test_information.json", {"info": {}, "images": images[36:], "categories": categories})
    detections = [{"id": name, "detections": [], "max_detection_conf": 0.0} for name in names]
    pen.json("iwildcam2020_megadetector_results.json", {"info": {}, "images": detections, "detection_categories": {}})
    pen.table(SAMPLE, ["Id", "Category"], [[name, 0] for name in names[36:]])


def _category(column: str, sample: str = SAMPLE):
    return filled(sample, [column], one_of(CATEGORIES))


ROWS = [
    Layout(13, "herbarium-2020", YEAR_2020, draw_herbarium_2020, _category("Predicted")),
    Layout(14, "herbarium-2021", YEAR_2020, draw_herbarium_2021, _category("Predicted")),
    Layout(15, "herbarium-2022", YEAR_2022, draw_herbarium_2022, _category("Predicted")),
    Layout(18, "inaturalist-2019", NATURE, draw_nature, _category("predicted", "kaggle_sample_submission.csv")),
    Layout(20, "iwildcam-2020", CAMERAS, draw_cameras, _category("Category")),
]
