"""Labels in the paths of photos: folders of classes are told from folders of splits, whatever they are called."""

import pandas as pd
import pytest

from comp.inputs import guess_path_labels
from comp.inputs.guess_tables import SampleTable

NAMES = (("cat", "dog"), ("testudo", "caretta"), ("test tube", "valve"), ("trainers", "boots"), ("samples", "evals"))
SPLITS = (
    *(("train", "valid"), ("Training", "Validation"), ("train_images", "val_images"), ("trainset", "dev")),
    *(("seg_train", "seg_eval"), ("birds_train", "birds_val")),
)


def guessed(paths):
    return {line.key: line for line in guess_path_labels.path_lines(paths, None)}


def class_folders(folder, names, photos=6):
    return [f"{folder}/{name}/{folder}{i}{name}.jpg" for name in names for i in range(photos)]


@pytest.mark.parametrize("names", NAMES)
@pytest.mark.parametrize("splits", SPLITS)
def test_folders_of_classes_below_folders_of_splits(names, splits):
    test = [f"test/t{i}.jpg" for i in range(9)]
    lines = guessed([path for split in splits for path in class_folders(split, names)] + test)
    assert lines["train_images"].value == "{split}/{label}/{file}"
    assert not lines["train_images"].check
    assert lines["target"].reason == "2 classes in the paths"
    below = [f"{name}/{split}/{i}{split}{name}.jpg" for name in names for split in splits for i in range(3)]
    assert guessed(below)["train_images"].value == "{label}/{split}/{file}"


@pytest.mark.parametrize("names", NAMES)
@pytest.mark.parametrize("other", ["test", "eval", "Testing", "test_images", "holdout"])
def test_folders_of_classes_beside_other_photos(names, other):
    lines = guessed(class_folders("train", names) + [f"{other}/{i}.jpg" for i in range(9)])
    assert lines["train_images"].value == "train/{label}/{file}"
    assert all(name in lines["train_images"].reason for name in names)


def test_a_labelled_test_folder_is_left_out_or_said():
    lines = guessed(class_folders("train", "ab") + class_folders("test", "ab"))
    assert lines["train_images"].value == "train/{label}/{file}"
    lines = guessed([path for split in ("train", "valid", "test") for path in class_folders(split, "ab")])
    assert lines["train_images"].check
    assert "it also takes the photos in test" in lines["train_images"].reason


def test_names_of_files_in_folders_of_splits():
    paths = [f"{split}/{label}.{i}.jpg" for split in ("train", "valid") for label in ("cat", "testudo") for i in (1, 2)]
    assert guessed(paths)["train_images"].value == "{split}/{label}.{number}.jpg"


@pytest.mark.parametrize("paths", [["a.jpg", "b.jpg"], ["train/1.jpg", "valid/2.jpg"] * 3, ["a/b/1.jpg", "c/d/2.jpg"]])
def test_what_is_no_label_is_asked_for_and_not_denied(paths):
    (line,) = guessed(sorted(set(paths))).values()
    assert line.undecided
    assert "{label}" in line.reason
    assert all(path.rpartition("/")[0] in line.reason for path in paths)


@pytest.mark.parametrize(
    ("columns", "target", "check"),
    [
        ({"answer": ["0.5", "0.5"]}, "binary", False),
        ({"usage": ["Public", "Private"], "answer": ["0.5", "0.5"]}, "binary", True),
        ({"usage": ["Public", "Private"], "answer": ["cat", "cat"]}, "multiclass", True),
        ({"answer": ["cat", "cat"]}, "multiclass", False),
        ({"usage": ["Public", "Private"], "cat": ["0.5", "0.5"], "dog": ["0.5", "0.5"]}, "multiclass", False),
    ],
)
def test_numbers_in_one_of_several_columns_are_probabilities(columns, target, check):
    sample = SampleTable("sample_submission.csv", pd.DataFrame({"id": ["1", "2"], **columns}), "id")
    photos = class_folders("train", ("cat", "dog"))
    lines = {line.key: line for line in guess_path_labels.path_lines(photos, sample)}
    assert (lines["target"].value, lines["target"].check) == (target, check)
