"""Three years of one competition in COCO JSON, a little different each year (rows 13, 14, 15)."""

from layouts.checking import filled, one_of
from layouts.coco import CATEGORIES, LICENSE, SAMPLE, annotations_of
from layouts.drawing import Pen
from layouts.layout import Layout

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


def draw_herbarium_2020(folder):
    """Image ids are numbers; the file name starts below the folder of the JSON file."""
    pen = Pen(folder, 13)
    images, labels = _numbered(pen, 36, "train")
    categories = [{"id": k, "name": f"Species {k}", "family": "F", "genus": "G"} for k in CATEGORIES]
    whole = {"info": {"year": 2020}, "licenses": [LICENSE], "images": images, "categories": categories}
    pen.json("train/metadata.json", whole | {"annotations": annotations_of(pen, images, labels, region_id=1)})
    test, _ = _numbered(pen, 10, "test", start=1)
    pen.json("test/metadata.json", {"info": {}, "licenses": [LICENSE], "images": test})
    pen.table(SAMPLE, ["Id", "Predicted"], [[image["id"], 0] for image in test])


def draw_herbarium_2021(folder):
    """The images of the test set have ids as text; categories of no photo; the sample's answer is a category."""
    pen = Pen(folder, 14)
    images, labels = _numbered(pen, 36, "train")
    names = [*CATEGORIES, 64000]
    categories = [{"id": k, "name": f"Species {k}", "order": "O", "institutions": [1, 2]} for k in names]
    annotations = annotations_of(pen, images, labels, institution_id=0)
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
    annotations = annotations_of(pen, images, labels, "image_id", genus_id=1, institution_id=15)
    for annotation in annotations:
        del annotation["id"]
    categories = [{"category_id": k, "scientificName": f"Species {k}", "family": "F"} for k in CATEGORIES]
    whole = {"annotations": annotations, "images": images, "categories": categories, "license": [LICENSE]}
    pen.json("train_metadata.json", whole | {"genera": [{"genus_id": 1, "genus": "G"}], "institutions": []})
    pen.json("test_metadata.json", test)
    pen.table(SAMPLE, ["Id", "Predicted"], [[image["image_id"], 42] for image in test])


CHECK = filled(SAMPLE, ["Predicted"], one_of(CATEGORIES))
ROWS = [
    Layout(13, "herbarium-2020", YEAR_2020, draw_herbarium_2020, CHECK),
    Layout(14, "herbarium-2021", YEAR_2020, draw_herbarium_2021, CHECK),
    Layout(15, "herbarium-2022", YEAR_2022, draw_herbarium_2022, CHECK),
]
