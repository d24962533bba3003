"""Templates of photo paths against folders as competitions have them."""

import tarfile
import unicodedata
import zipfile

import pandas as pd
import pytest
from small_inputs import photos, text

from comp.errors import InputError
from comp.inputs import path_templates, photo_paths
from comp.inputs.photo_listing import Listing
from comp.inputs.source_table import SourceTable, read_source, unpack_command


def matched(folder, path_template, **columns):
    source = SourceTable(folder / "t.csv", 0, pd.DataFrame(columns, dtype=str)) if columns else None
    return photo_paths.find_photos(Listing(folder), path_template, source, "train_images")


@pytest.mark.parametrize(
    ("path_template", "id"),
    [
        ("p/{id}.jpg", "1.2.3"),
        ("p/{id}", "1.2.3"),
        ("p/{id}.*", "1.2.3"),
        ("p/{id}", "1.2.3.jpg"),
        ("p/{id}.jpg", "1.2.3.jpg"),
        ("p/{id}.JPG", "1.2.3"),
        ("p/{id}.jpeg", "1.2.3"),
        ("{id}", "p/1.2.3"),
        ("./p//{id}.jpg", "1.2.3"),
        ("{id}.jpg", "p\\1.2.3"),
    ],
)
def test_the_extension_may_be_anywhere(tmp_path, path_template, id):
    photos(tmp_path, "p/1.2.3.jpg", "p/1.2.30.jpg", "p/.1.2.3.jpg")
    assert matched(tmp_path, path_template, id=[id]).images.tolist() == ["p/1.2.3.jpg"]


def test_the_name_of_a_column_may_have_a_slash(tmp_path):
    photos(tmp_path, "train/x/1.jpg", "train/y/2.jpg")
    assert path_templates.parts("train/{a/b}_{c}/{d}.jpg") == ["train", "{a/b}_{c}", "{d}.jpg"]
    columns = {"[b]id[/b]": ["2", "1"]}
    assert matched(tmp_path, "train/{folder}/{[b]id[/b]}.jpg", **columns).images.tolist() == [
        "train/y/2.jpg",
        "train/x/1.jpg",
    ]


def test_spelling_of_an_extension_but_not_another_one(tmp_path):
    photos(tmp_path, "a.JPG", "b.Jpeg", "c.png", "d.TIF")
    assert matched(tmp_path, "{id}.jpg", id=["a", "b"]).images.tolist() == ["a.JPG", "b.Jpeg"]
    assert matched(tmp_path, "{id}.tiff", id=["d"]).images.tolist() == ["d.TIF"]
    with pytest.raises(InputError, match=r"no c\.jpg"):
        photo_paths.find_photos(Listing(tmp_path), "{id}.jpg", _table(tmp_path, "id\nc\n"), "train_images")


def test_an_exact_name_wins_and_two_photos_of_one_name_do_not(tmp_path):
    photos(tmp_path, "a.jpg", "a.png")
    assert matched(tmp_path, "{id}.png", id=["a"]).images.tolist() == ["a.png"]
    with pytest.raises(InputError, match="fit two photos"):
        matched(tmp_path, "{id}", id=["a"])


@pytest.mark.parametrize("on_disk", ["NFC", "NFD"])
@pytest.mark.parametrize("in_table", ["NFC", "NFD"])
def test_unicode_names_of_a_mac_are_found(tmp_path, on_disk, in_table):
    name = unicodedata.normalize(on_disk, "강아지/é.jpg")
    photos(tmp_path, f"train/{name}")
    folder, stem = unicodedata.normalize(in_table, "강아지"), unicodedata.normalize(in_table, "é")
    assert matched(tmp_path, "train/{f}/{id}.jpg", f=[folder], id=[stem]).images.tolist() == [f"train/{name}"]
    listed = matched(tmp_path, "train/{label}/{file}")
    assert listed.images.tolist() == [f"train/{name}"]
    assert listed.table["label"].tolist() == [unicodedata.normalize("NFC", "강아지")]


def test_labels_and_numbers_from_the_path(tmp_path):
    photos(tmp_path, "train/cat.1.jpg", "train/dog.20.jpg", "train/._cat.1.jpg")
    text(tmp_path, "train/cat.3.txt", "no photo")
    rows = matched(tmp_path, "train/{label}.{number}.jpg")
    assert rows.table.to_dict("list") == {"label": ["cat", "dog"], "number": ["1", "20"]}
    assert rows.images.tolist() == ["train/cat.1.jpg", "train/dog.20.jpg"]


def test_a_field_that_stands_twice_has_one_value(tmp_path):
    photos(tmp_path, "a/a_1.jpg", "a/b_1.jpg", "b/b_2.png")
    assert matched(tmp_path, "{k}/{k}_{n}.*").table.to_dict("list") == {"k": ["a", "b"], "n": ["1", "2"]}


def test_a_field_that_is_no_column_gives_several_photos_of_a_row(tmp_path):
    photos(tmp_path, "p/x/1.jpg", "p/x/2.png", "p/y/1.jpg", "p/z/1.jpg")
    rows = matched(tmp_path, "p/{who}/{shot}.*", who=["y", "x"], sex=["f", "m"])
    assert rows.images.tolist() == ["p/y/1.jpg", "p/x/1.jpg", "p/x/2.png"]
    assert rows.table["sex"].tolist() == ["f", "m", "m"]
    assert rows.table["shot"].tolist() == ["1", "1", "2"]
    assert matched(tmp_path, "p/{any}/{id}", id=["2"]).images.tolist() == ["p/x/2.png"]


def _table(folder, content):
    text(folder, "t.csv", content)
    return read_source(folder, "t.csv", "train")


def test_rows_without_a_photo_are_named_by_line_and_path(tmp_path):
    photos(tmp_path, "p/a.jpg")
    table = _table(tmp_path, 'id,x\n\na,"1\n2"\nb,1\nc,1\nd,1\ne,1\n')
    for path_template in ("p/{id}.jpg", "p/{id}.{n}.jpg"):
        photos(tmp_path, "p/a.1.jpg")
        with pytest.raises(InputError) as error:
            photo_paths.find_photos(Listing(tmp_path), path_template, table, "train_images")
        for part in ("4 of 5 rows", "line 5: no p/b", "line 7: no p/d", "and 1 more", "train_images", "p has"):
            assert part in str(error.value)


@pytest.mark.parametrize("id", ["../secret", "/etc/passwd", "a/../../b", "C:/x"])
def test_paths_stay_within_inputs(tmp_path, id):
    photos(tmp_path, "in/a.jpg", "secret.jpg")
    inputs = tmp_path / "in"
    with pytest.raises(InputError, match=r"out of the inputs folder[\s\S]*line 2"):
        photo_paths.find_photos(Listing(inputs), "{id}", _table(inputs, f"id\n{id}\n"), "train_images")


def test_a_template_that_matches_nothing_says_what_is_there(tmp_path):
    text(tmp_path, "train/a.dcm", "x")
    text(tmp_path, "train/b.dcm", "x")
    with pytest.raises(InputError, match=r"matches no photo[\s\S]*train has 2 \.dcm"):
        matched(tmp_path, "train/{label}.jpg")


def _zip(path, *names):
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as file:
        for name in names:
            file.writestr(name, "x")


def test_archives_are_named_with_the_command_that_unpacks_them(tmp_path):
    _zip(tmp_path / "train.zip", "1.jpg")
    with pytest.raises(InputError, match=rf"unzip -q {tmp_path}/train\.zip -d {tmp_path}/train"):
        photo_paths.find_photos(Listing(tmp_path), "train/{id}.jpg", _table(tmp_path, "id\n1\n"), "train_images")
    _zip(tmp_path / "test.zip", "test/1.jpg")
    assert unpack_command(tmp_path, "test/1.jpg") == f"unzip -q {tmp_path}/test.zip -d {tmp_path}"
    _zip(tmp_path / "train.csv.zip", "train.csv")
    assert unpack_command(tmp_path, "train.csv") == f"unzip -q {tmp_path}/train.csv.zip -d {tmp_path}"
    text(tmp_path, "more/photos.7z", "x")
    assert unpack_command(tmp_path, "more/photos") == f"7z x {tmp_path}/more/photos.7z -o{tmp_path}/more"
    with tarfile.open(tmp_path / "bare.tar", "w") as file:
        file.add(tmp_path / "train.zip", "1.jpg")
    assert unpack_command(tmp_path, "bare").endswith(f"tar -xf {tmp_path}/bare.tar -C {tmp_path}/bare")
    assert unpack_command(tmp_path / "none", "train") == ""


def test_templates():
    table = pd.DataFrame({"a b": ["1", "2"], "c": ["x", "y"]}, dtype=str)
    assert path_templates.fields("p/{a b}/{c}_{a b}.jpg") == ["a b", "c"]
    assert path_templates.fill("p/{a b}/{c}_{a b}.jpg", table).tolist() == ["p/1/x_1.jpg", "p/2/y_2.jpg"]
    assert path_templates.literal_folder("train/images/{a}/{b}.*") == "train/images"
    assert path_templates.literal_folder("{a}/{b}") == ""
    for wrong in ("{a", "a}", "{}", "{a}}"):
        with pytest.raises(InputError, match="names in braces"):
            path_templates.fields(wrong)
