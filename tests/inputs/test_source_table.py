"""COCO JSON as a table."""

import pytest
from small_inputs import as_json, photos, text

from comp.errors import InputError
from comp.inputs import source_table
from comp.inputs.input_tables import InputTables

IMAGES = [{"id": 7, "file_name": "7.jpg", "place": None}, {"id": 8, "file_name": "8.jpg", "place": "x"}]
CATEGORIES = [{"id": 31, "name": "ant"}, {"id": 4, "name": "bee"}]


def whole(*pairs, **more):
    annotations = [{"id": i, "image_id": image, "category_id": k, "bbox": [1, 2]} for i, (image, k) in enumerate(pairs)]
    return {"images": IMAGES, "annotations": annotations, "categories": CATEGORIES} | more


def test_images_with_their_categories_as_text(tmp_path):
    table = source_table.read_coco(as_json(tmp_path, "c.json", whole((8, 31), (7, 4), (8, 31))))
    assert table["id"].tolist() == table["image_id"].tolist() == ["7", "8"]
    assert table["category_id"].tolist() == ["4", "31"]
    assert table["category_name"].tolist() == ["bee", "ant"]
    assert table["place"].tolist() == ["", "x"]
    assert "bbox" not in table


def test_images_alone_and_a_list(tmp_path):
    for content in ({"images": IMAGES}, whole(), IMAGES):
        assert source_table.read_coco(as_json(tmp_path, "c.json", content))["image_id"].tolist() == ["7", "8"]


def test_images_without_annotation_are_left_out_and_several_categories_are_joined(tmp_path):
    table = source_table.read_coco(as_json(tmp_path, "c.json", whole((8, 31), (8, 4))))
    assert table["category_id"].tolist() == ["31 4"]


@pytest.mark.parametrize(
    "content",
    [
        1,
        [],
        [1],
        {},
        {"images": []},
        {"images": [{"file_name": "a"}]},
        {"images": [{"id": 1}]},
        whole(annotations=[{"image_id": 7}]),
        whole(annotations=3),
    ],
)
def test_other_json_is_refused(tmp_path, content):
    with pytest.raises(InputError, match="is not COCO JSON"):
        source_table.read_coco(as_json(tmp_path, "c.json", content))
    with pytest.raises(InputError, match="not JSON"):
        source_table.read_coco(text(tmp_path, "c.json", "{"))


def test_several_categories_are_several_labels_or_an_error(tmp_path):
    photos(tmp_path, "train/7.jpg", "train/8.jpg", "test/1.jpg")
    as_json(tmp_path, "train.json", whole((8, 31), (8, 4), (7, 4)))
    text(tmp_path, "sample_submission.csv", "id,predicted\n1,4\n")
    keys = {"target": "multilabel", "metric": "micro_f1", "train": "train.json", "label": "category_id"}
    keys |= {"train_images": "train/{file_name}"}
    tables = InputTables(tmp_path, keys)
    assert tables.competition.classes == ("4", "31")
    assert sorted(tables.training_rows["label"]) == ["0", "0 1"]
    assert tables.test_rows["image"].tolist() == ["test/1.jpg"]
    with pytest.raises(InputError, match=r"1 image\(s\)[\s\S]*8\.jpg[\s\S]*multilabel"):
        _ = InputTables(tmp_path, keys | {"target": "multiclass", "metric": "accuracy"}).competition
