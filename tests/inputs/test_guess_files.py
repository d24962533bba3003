"""What lies in a folder, and what is said of it."""

import os
import unicodedata
import zipfile

import pandas as pd
import pytest
from layouts.drawing import Pen
from layouts.table import ROWS

from comp.errors import InputError
from comp.inputs import guess_competition, guess_files, guess_photos
from comp.inputs.photo_listing import Listing
from comp.inputs.photo_paths import find_photos, unused_photos
from comp.inputs.source_table import SourceTable, read_source
from comp.tables import read_raw_csv


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


def test_each_real_folder_is_walked_once_whatever_links_lead_to_it(tmp_path):
    inputs = tmp_path / "above/in"
    Pen(inputs, 0).photo("train/a/1.jpg")
    for link, to in {"self": inputs, "self2": inputs, "up": inputs.parent, "again": inputs / "train/a"}.items():
        (inputs / link).symlink_to(to)
    (inputs / "train/loop").symlink_to(inputs / "train")
    (inputs / "broken").symlink_to(tmp_path / "nowhere")
    Pen(tmp_path / "other", 0).photo("2.jpg")
    (inputs / "outside").symlink_to(tmp_path / "other")
    (inputs / "outside2").symlink_to(tmp_path / "other")
    assert guess_files.scan(inputs).photos == ["outside/2.jpg", "train/a/1.jpg"]
    found = find_photos(Listing(inputs), "{part}/{label}/{file}", None, "train_images")
    assert found.images.tolist() == ["train/a/1.jpg"]


def test_files_like_photos_that_are_not_read_are_named_with_what_to_do(tmp_path):
    for name in ("a.JPG", "a.jfif", "a.jpe", "a.heif", "a.jp2", "b.cr2", "c.jpg.part", "d.nii.gz", "e", "f.jpg?w=9"):
        Pen(tmp_path, 0).photo("x.jpg")
        (tmp_path / "x.jpg").rename(tmp_path / name)
    (tmp_path / "README").write_text("no photo")
    files = guess_files.scan(tmp_path)
    assert files.photos == ["a.JPG", "a.heif", "a.jfif", "a.jp2", "a.jpe"]
    said = "\n".join(files.others)
    for words in ("1 file(s) of type .cr2", "rawpy", "type .part", "download them again", "type .nii.gz", "such as e"):
        assert words in said
    assert "2 file(s) without a photo extension" in said
    assert "README" not in said
    assert not files.archives


@pytest.mark.parametrize("name", [b"caf\xe9.jpg", b"\xb0\xad/1.jpg"])
def test_names_that_are_not_utf8_are_one_error(tmp_path, name):
    Pen(tmp_path, 0).photo("train/x/1.jpg")
    place = os.path.join(os.fsencode(tmp_path), b"train/x", name)
    os.makedirs(os.path.dirname(place), exist_ok=True)
    os.rename(tmp_path / "train/x/1.jpg", place)
    for look in (
        lambda: guess_competition.guess(tmp_path),
        lambda: find_photos(Listing(tmp_path), "train/{label}/{file}", None, "train_images"),
        lambda: find_photos(Listing(tmp_path), "train/x/{label}/{file}", None, "train_images"),
    ):
        try:
            look()
        except InputError as error:
            str(error).encode()  # can be printed
            caught = error
    assert "not UTF-8" in caught.found
    assert "\\x" in caught.found
    assert caught.run.startswith("convmv")


OTHER = {  # the first bytes of a file, and words of what is said
    "train.xlsx": (b"PK\x03\x04 [Content_Types].xml", "Excel"),
    "train.csv": (b"PK\x03\x04 xl/workbook.xml", "Excel"),
    "train.xls": (b"\xd0\xcf\x11\xe0", "Excel"),
    "train.ods": (b"PK\x03\x04 mimetypeapplication/vnd.oasis.opendocument.spreadsheet", "OpenDocument"),
    "train.parquet": (b"PAR1", "read_parquet"),
    "train.feather": (b"ARROW1", "read_feather"),
    "a.csv": (b"\x1f\x8b\x08", "gunzip -c"),
    "b.csv": (b"PK\x03\x04 train.csv", "unzip"),
    "c.csv": (b"<!DOCTYPE html>", "sign in"),
}


@pytest.mark.parametrize("name", OTHER)
def test_a_table_of_another_format_is_named_with_how_to_convert_it(tmp_path, name):
    data, words = OTHER[name]
    (tmp_path / name).write_bytes(data)
    said = guess_files.scan(tmp_path).unreadable[name]
    assert words in said
    assert str(tmp_path / name) in said
    for read in (
        lambda path: read_source(tmp_path, name, "train"),
        lambda path: read_raw_csv(path, ("id",), "make sub"),
    ):
        with pytest.raises(InputError, match="not a CSV file") as caught:
            read(tmp_path / name)
        assert words in f"{caught.value.found} {caught.value.run}"
        assert "iconv" not in caught.value.run


def test_a_packed_table_is_named_with_its_command(tmp_path):
    (tmp_path / "train.csv.gz").write_bytes(b"\x1f\x8b")
    assert guess_files.scan(tmp_path).archives == {"train.csv.gz": f"gunzip -k {tmp_path}/train.csv.gz"}


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


PLACES = ("images/{}", "images\\{}", "./images//{}", "C:\\data\\images\\{}", "/kaggle/input/birds/images/{}")


@pytest.mark.parametrize("place", PLACES)
def test_paths_of_any_system_are_found_alike_by_init_and_folds(tmp_path, place):
    names = [f"p{i}.png" for i in range(8)]
    pen = Pen(tmp_path, 0)
    for name in names:
        pen.photo(f"images/{name}")
    table = pd.DataFrame({"path": [place.format(name) for name in names]})
    best = guess_photos.find_template(table, [f"images/{name}" for name in names], "train")
    assert best.is_complete
    source = SourceTable(tmp_path / "t.csv", 8, table)
    found = find_photos(Listing(tmp_path), best.template, source, "train_images")
    assert found.images.tolist() == [f"images/{name}" for name in names]


@pytest.mark.parametrize(
    "change", [str.upper, lambda name: f" {name} ", lambda name: unicodedata.normalize("NFD", name)]
)
def test_names_in_another_case_or_form_are_found_alike_by_init_and_folds(tmp_path, change):
    names = [f"é{i}-#%'~" for i in range(8)]
    paths = [f"Train/{name}.png" for name in names]
    for path in paths:
        Pen(tmp_path, 0).photo(path)
    table = pd.DataFrame({"id": list(map(change, names))})
    best = guess_photos.find_template(table, guess_files.scan(tmp_path).photos, "train")
    assert best.is_complete
    assert best.photos == set(paths)
    source = SourceTable(tmp_path / "t.csv", 8, table)
    found = find_photos(Listing(tmp_path), best.template, source, "train_images")
    assert found.images.tolist() == paths


def test_a_name_in_another_case_takes_no_photo_from_another_row(tmp_path):
    Pen(tmp_path, 0).photo("a1.png")
    source = SourceTable(tmp_path / "t.csv", 2, pd.DataFrame({"id": ["a1", "A1"]}))
    (tmp_path / "t.csv").write_text("id\na1\nA1\n")
    with pytest.raises(InputError, match=r"line 3: no A1\.png"):
        find_photos(Listing(tmp_path), "{id}.png", source, "train_images")


def test_a_second_column_of_photos_is_said(tmp_path):
    rows = {"left": [f"l{i}.png" for i in range(8)], "right": [f"r{i}.png" for i in range(8)], "label": ["a", "b"] * 4}
    paths = [f"train/{side}{i}.png" for side in "lr" for i in range(8)]
    for path in paths:
        Pen(tmp_path, 0).photo(path)
    best = guess_photos.find_template(pd.DataFrame(rows), paths, "train")
    assert best.also == ("right",)
    assert "right" in best.reason
    source = SourceTable(tmp_path / "t.csv", 8, pd.DataFrame(rows))
    said = unused_photos(Listing(tmp_path), "train/{left}", source)
    assert len(said) == 1
    assert "right" in said[0]
    assert "combine" in said[0]
    assert unused_photos(Listing(tmp_path), "train/{left}", SourceTable(source.path, 8, source.table[["left"]])) == []


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
