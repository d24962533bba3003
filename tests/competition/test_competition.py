import pandas as pd
import pytest

from comp.errors import InputError
from comp.inputs import mask_gender_age as competition


def test_eighteen_classes_and_the_encoding_has_an_inverse():
    assert len(competition.CLASSES) == 18
    for label in range(18):
        parts = competition.attribute_labels(label)
        assert competition.encode(**parts) == label
        names = [competition.ATTRIBUTES[name][value] for name, value in parts.items()]
        assert competition.CLASSES[label] == " ".join(names)


@pytest.mark.parametrize(("years", "group"), [(18, 0), (29, 0), (30, 1), (59, 1), (60, 2)])
def test_age_groups_at_their_borders(years, group):
    assert competition.age_group(years) == group


def test_reads_seven_photos_a_person_in_both_spellings_and_no_junk(inputs):
    table = competition.read_train(inputs)
    assert (table.groupby("group").size() == 7).all()
    assert {name.rsplit(".", 1)[1] for name in table["image"]} == {"jpg", "PNG"}
    assert not table["image"].str.contains(r"/\.").any()


def test_one_id_for_two_people_keeps_them_apart(inputs):
    path = inputs / "train/train.csv"
    people = pd.read_csv(path, dtype=str)
    people["id"] = "000000"
    people.to_csv(path, index=False)
    assert competition.read_train(inputs)["group"].nunique() == len(people)


def _edit(inputs, change):
    path = inputs / "train/train.csv"
    change(pd.read_csv(path, dtype=str)).to_csv(path, index=False)


def test_no_inputs_says_where_to_put_them(tmp_path):
    with pytest.raises(InputError, match=r"no .*train\.csv[\s\S]*make demo"):
        competition.read_train(tmp_path / "nothing")


def test_missing_column_is_named(inputs):
    _edit(inputs, lambda t: t.drop(columns="age"))
    with pytest.raises(InputError, match="not age"):
        competition.read_train(inputs)


def test_all_rows_without_folder_and_folders_without_photo_are_listed(inputs):
    folders = sorted((inputs / "train/images").iterdir())
    folders[0].rename(inputs / "gone")
    (folders[1] / "normal.jpg").unlink()
    (folders[2] / "mask1.PNG").unlink()
    with pytest.raises(InputError) as error:
        competition.read_train(inputs)
    for expected in (folders[0].name, f"{folders[1].name}: no photo 'normal'", f"{folders[2].name}: no photo 'mask1'"):
        assert expected in str(error.value)


@pytest.mark.parametrize(("column", "value"), [("age", "old"), ("gender", "x"), ("path", "../eval"), ("path", "")])
def test_a_bad_field_is_named_with_its_line(inputs, column, value):
    _edit(inputs, lambda t: t.assign(**{column: [value, *t[column][1:]]}))
    with pytest.raises(InputError, match=f"line 2: {column}"):
        competition.read_train(inputs)


def test_test_table_wants_unique_ids_with_photos(inputs):
    sample = pd.read_csv(inputs / "eval/info.csv")
    assert len(competition.read_test(inputs)) == len(sample)
    (inputs / "eval/images" / sample["ImageID"][3]).unlink()
    with pytest.raises(InputError, match=sample["ImageID"][3]):
        competition.read_test(inputs)
    pd.concat([sample, sample[:1]]).to_csv(inputs / "eval/info.csv", index=False)
    with pytest.raises(InputError, match="1 repeated id"):
        competition.read_test(inputs)
