"""The home competition (mask x gender x age): its classes, its tables and its photos."""

import unicodedata

import pandas as pd
import pytest

from comp.errors import InputError
from comp.inputs import mask_gender_age

NAME = "000900_가나다_40"


def test_eighteen_classes_and_the_encoding_has_an_inverse():
    assert len(mask_gender_age.CLASSES) == 18
    for label in range(18):
        parts = mask_gender_age.attribute_labels(label)
        assert mask_gender_age.encode(**parts) == label
        names = [mask_gender_age.ATTRIBUTES[name][value] for name, value in parts.items()]
        assert mask_gender_age.CLASSES[label] == " ".join(names)


@pytest.mark.parametrize(("years", "group"), [(18, 0), (29, 0), (30, 1), (59, 1), (60, 2)])
def test_age_groups_at_their_borders(years, group):
    assert mask_gender_age.age_group(years) == group


def test_reads_seven_photos_a_person_in_both_spellings_and_no_junk(inputs):
    table = mask_gender_age.read_train(inputs)
    assert (table.groupby("group").size() == 7).all()
    assert {name.rsplit(".", 1)[1] for name in table["image"]} == {"jpg", "PNG"}
    assert not table["image"].str.contains(r"/\.").any()


def test_one_id_for_two_people_keeps_them_apart(inputs):
    path = inputs / "train/train.csv"
    people = pd.read_csv(path, dtype=str)
    people["id"] = "000000"
    people.to_csv(path, index=False)
    assert mask_gender_age.read_train(inputs)["group"].nunique() == len(people)


def _edit(inputs, change):
    path = inputs / "train/train.csv"
    change(pd.read_csv(path, dtype=str)).to_csv(path, index=False)


def test_no_inputs_says_where_to_put_them(tmp_path):
    with pytest.raises(InputError, match=r"no .*train\.csv[\s\S]*make demo"):
        mask_gender_age.read_train(tmp_path / "nothing")


def test_missing_column_is_named(inputs):
    _edit(inputs, lambda t: t.drop(columns="age"))
    with pytest.raises(InputError, match="not age"):
        mask_gender_age.read_train(inputs)


def test_all_rows_without_folder_and_folders_without_photo_are_listed(inputs):
    folders = sorted((inputs / "train/images").iterdir())
    folders[0].rename(inputs / "gone")
    (folders[1] / "normal.jpg").unlink()
    (folders[2] / "mask1.PNG").unlink()
    with pytest.raises(InputError) as error:
        mask_gender_age.read_train(inputs)
    for expected in (folders[0].name, f"{folders[1].name}: no photo 'normal'", f"{folders[2].name}: no photo 'mask1'"):
        assert expected in str(error.value)


@pytest.mark.parametrize(("column", "value"), [("age", "old"), ("gender", "x"), ("path", "../eval"), ("path", "")])
def test_a_bad_field_is_named_with_its_line(inputs, column, value):
    _edit(inputs, lambda t: t.assign(**{column: [value, *t[column][1:]]}))
    with pytest.raises(InputError, match=f"line 2: {column}"):
        mask_gender_age.read_train(inputs)


def test_test_table_wants_unique_ids_with_photos(inputs):
    sample = pd.read_csv(inputs / "eval/info.csv")
    assert len(mask_gender_age.read_test(inputs)) == len(sample)
    (inputs / "eval/images" / sample["ImageID"][3]).unlink()
    with pytest.raises(InputError, match=sample["ImageID"][3]):
        mask_gender_age.read_test(inputs)
    pd.concat([sample, sample[:1]]).to_csv(inputs / "eval/info.csv", index=False)
    with pytest.raises(InputError, match="1 repeated id"):
        mask_gender_age.read_test(inputs)


@pytest.mark.parametrize(("in_table", "on_disk"), [("NFC", "NFD"), ("NFD", "NFC"), ("NFD", "NFD")])
def test_folders_and_photos_are_found_in_another_unicode_form(inputs, in_table, on_disk):
    written, stored = unicodedata.normalize(in_table, NAME), unicodedata.normalize(on_disk, NAME)
    people, sample = (
        pd.read_csv(inputs / name, dtype=str) for name in (mask_gender_age.TRAIN_TABLE, mask_gender_age.SAMPLE)
    )
    (inputs / mask_gender_age.TRAIN_IMAGES / people["path"][0]).rename(inputs / mask_gender_age.TRAIN_IMAGES / stored)
    (inputs / mask_gender_age.TEST_IMAGES / sample["ImageID"][0]).rename(
        inputs / mask_gender_age.TEST_IMAGES / f"{stored}.jpg"
    )
    people.assign(path=[written, *people["path"][1:]]).to_csv(inputs / mask_gender_age.TRAIN_TABLE, index=False)
    ids = [f"{written}.jpg", *sample["ImageID"][1:]]
    sample.assign(ImageID=ids).to_csv(inputs / mask_gender_age.SAMPLE, index=False)
    train, test = mask_gender_age.read_train(inputs), mask_gender_age.read_test(inputs)
    assert (train["group"] == written).sum() == 7
    assert test["id"].tolist() == ids
    assert all((inputs / image).is_file() for image in [*train["image"], *test["image"]])


@pytest.mark.parametrize(("encoding", "separator"), [("utf-16", "\t"), ("cp949", ","), ("utf-8-sig", ";")])
def test_the_home_competition_is_known_by_tables_of_any_encoding_and_separator(inputs, encoding, separator):
    expected = mask_gender_age.read_train(inputs)
    for name in (mask_gender_age.TRAIN_TABLE, mask_gender_age.SAMPLE):
        table = pd.read_csv(inputs / name, dtype=str)
        table.assign(note="아시아").to_csv(inputs / name, index=False, encoding=encoding, sep=separator)
    assert mask_gender_age.is_here(inputs)
    pd.testing.assert_frame_equal(mask_gender_age.read_train(inputs), expected)
