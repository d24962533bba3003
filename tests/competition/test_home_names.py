"""The home competition's files under names in another Unicode form, and its tables as Excel saves them."""

import unicodedata

import pandas as pd
import pytest

from comp.inputs import mask_gender_age

NAME = "000900_가나다_40"


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
