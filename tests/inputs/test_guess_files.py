"""What lies in a folder, and what is said of it."""

import zipfile

import pandas as pd
import pytest
from layouts.drawing import Pen
from layouts.table import ROWS

from comp.errors import InputError
from comp.inputs import guess_competition, guess_files, guess_photos


def test_an_archive_is_named_with_its_command_until_it_is_unpacked(tmp_path):
    Pen(tmp_path, 0).photo("test/1.jpg")
    with zipfile.ZipFile(tmp_path / "train.zip", "w") as archive:
        archive.writestr("1.jpg", b"")
    (tmp_path / "labels.csv.7z").write_bytes(b"7z")
    archives = guess_files.scan(tmp_path).archives
    assert archives["train.zip"] == f"unzip -q {tmp_path}/train.zip -d {tmp_path}/train"
    assert archives["labels.csv.7z"] == f"7z x {tmp_path}/labels.csv.7z -o{tmp_path}"
    (tmp_path / "train").mkdir()
    (tmp_path / "labels.csv").write_text("id,label\n1,2\n")
    assert guess_files.scan(tmp_path).archives == {}


def test_files_that_are_no_photos_are_named(tmp_path):
    (tmp_path / "train").mkdir()
    (tmp_path / "train/a.npy").write_bytes(b"")
    (tmp_path / "train.zip").write_bytes(b"")
    (tmp_path / "test.7z").write_bytes(b"")
    with pytest.raises(InputError) as caught:
        guess_competition.guess(tmp_path)
    assert ".npy (arrays of numpy)" in caught.value.found
    assert "7z x" in caught.value.run


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_a_table_of_any_separator_keeps_its_text(tmp_path, separator):
    path = tmp_path / "t.csv"
    path.write_text(separator.join(["id", "label"]) + "\n" + separator.join(["007", "NA"]) + "\n", encoding="utf-8-sig")
    assert guess_files.scan(tmp_path).tables["t.csv"].to_dict("list") == {"id": ["007"], "label": ["NA"]}


def test_a_map_of_class_numbers_is_no_table(tmp_path):
    (tmp_path / "names.json").write_text('{"0": "cat", "1": "dog"}')
    files = guess_files.scan(tmp_path)
    assert files.class_numbers == {"0", "1"}
    assert not files.tables


def test_a_competition_inside_the_folder_is_left_out(tmp_path):
    ROWS[1].draw(tmp_path)
    before = guess_competition.guess(tmp_path).text
    ROWS[0].draw(tmp_path / "demo")
    ROWS[2].write(tmp_path / "other")
    assert guess_competition.guess(tmp_path).text == before


def template(rows, photos, part="train"):
    best = guess_photos.find_template(pd.DataFrame(rows).astype(str), photos, part)
    return best and best.template


def test_templates_are_found_by_finding_the_photos():
    numbers = [f"{i:03d}" for i in range(12)]
    assert template({"id": numbers}, [f"a/b/{n}.png" for n in numbers]) == "a/b/{id}.png"
    assert template({"id": [f"{n}.png" for n in numbers]}, [f"a/{n}.png" for n in numbers]) == "a/{id}"
    both = [f"{part}/{n}.jpg" for part in ("train", "test") for n in numbers]
    assert template({"id": numbers}, both) == "train/{id}.jpg"
    assert template({"id": numbers}, both, "test") == "test/{id}.jpg"
    kinds = ["x", "y"] * 6
    inside = [f"all/{k}/{n}.jpg" for k, n in zip(kinds, numbers, strict=True)]
    assert template({"kind": kinds, "id": numbers}, inside) == "all/{kind}/{id}.jpg"
    assert template({"id": numbers}, inside) == "all/{folder}/{id}.jpg"
    assert template({"id": [f"1.2.{n}" for n in numbers]}, [f"a/1.2.{n}.jpg" for n in numbers]) == "a/{id}.jpg"


@pytest.mark.parametrize("odd", ["{id}", "a{b", "a}"])
def test_names_with_braces_are_no_part_of_a_template(odd):
    """A template cannot tell them from the names of columns."""
    names = [f"n{i}" for i in range(8)]
    photos = [f"{odd}/{name}.jpg" for name in names]
    assert template({odd: names}, [f"a/{name}.jpg" for name in names]) is None
    assert template({odd: names, "id": names}, [f"a/{name}.jpg" for name in names]) == "a/{id}.jpg"
    assert template({"id": names}, photos) == "{folder}/{id}.jpg"
    assert template({"id": names, "kind": [odd] * 8}, photos) == "{kind}/{id}.jpg"
    assert template({"id": names}, [f"{odd}/a/{name}.jpg" for name in names]) is None


def test_a_column_of_labels_that_meets_a_few_file_names_is_no_template():
    assert (
        template(
            {"label": ["0", "1", "2"] * 10}, ["t/0.jpg", "t/1.jpg", "t/2.jpg", *[f"t/{i}.jpg" for i in range(9, 99)]]
        )
        is None
    )
