"""From a competition.toml and tiny files to the Competition value and its tables, for every target."""

import numpy as np
import pandas as pd
import pytest
from small_inputs import TOML, animals, photos, text

from comp.competition import labels
from comp.errors import InputError
from comp.inputs.input_tables import InputTables
from comp.inputs.train_test_tables import numbers_or_words


def both(folder, **keys):
    """The competition and its training rows."""
    tables = InputTables(folder, TOML | keys)
    return tables.competition, tables.training_rows


def everything(tables):
    """Read all that `make folds` reads."""
    return tables.competition, tables.training_rows, tables.test_rows


# Targets


def test_one_label(tmp_path):
    tables = InputTables(animals(tmp_path), TOML)
    assert tables.competition.classes == ("cat", "dog")
    assert tables.training_rows.to_dict("list") == {
        "image": ["train/a.jpg", "train/b.jpg", "train/c.jpg"],
        "group": ["train/a.jpg", "train/b.jpg", "train/c.jpg"],
        "label": [0, 1, 0],
    }
    assert tables.test_rows.to_dict("list") == {"id": ["1", "2"], "image": ["test/1.jpg", "test/2.jpg"]}


def test_numbers_are_in_the_order_of_numbers_and_stay_text(tmp_path):
    competition, train = both(animals(tmp_path, "a,10\nb,9\nc,010\n"))
    assert competition.classes == ("9", "010", "10")
    assert train["label"].tolist() == [2, 0, 1]


@pytest.mark.parametrize(
    ("values", "keys", "classes", "expected"),
    [
        ("010", {}, ("0", "1"), [0, 1, 0]),
        ("121", {}, ("2", "1"), [1, 0, 1]),
        ("010", {"positive": 0}, ("1", "0"), [1, 0, 1]),
        ("xyx", {}, ("x", "y"), [0, 1, 0]),
        ("xyz", {"positive": ["y", "z"]}, ("x", "y/z"), [0, 1, 1]),
        ("xyz", {"positive": "x"}, ("y/z", "x"), [1, 0, 0]),
        ("xyx", {"classes": ["y", "x"]}, ("y", "x"), [1, 0, 1]),
    ],
)
def test_which_of_two_classes_is_positive(tmp_path, values, keys, classes, expected):
    rows = "".join(f"{name},{value}\n" for name, value in zip("abc", values, strict=True))
    competition, train = both(animals(tmp_path, rows), target="binary", metric="auc", **keys)
    assert competition.classes == classes
    assert train["label"].tolist() == expected
    assert competition.sample.answer == "probability"


def test_columns_of_0_and_1(tmp_path):
    folder = animals(tmp_path, sample="id,dog,cat,Usage\n1,.5,.5,Public\n2,.5,.5,\n")
    text(folder, "train.csv", "id,cat,bird,dog\na,1,0,0\nb,0,0,1.0\nc,0,0,0\n")
    label = ["cat", "dog", "bird"]
    competition, train = both(folder, target="multilabel", metric="auc", label=label)
    assert competition.classes == ("cat", "dog", "bird")  # the sample asks for two of the three
    assert competition.sample.columns == ("dog", "cat")
    assert train["label"].tolist() == ["0", "1", ""]
    assert not competition.at_least_one
    np.testing.assert_array_equal(labels.to_array(train["label"], competition), [[1, 0, 0], [0, 1, 0], [0, 0, 0]])
    with pytest.raises(InputError, match=r"line 4[\s\S]*one 1 per row"):
        both(folder, label=["cat", "dog"])
    text(folder, "train.csv", "id,cat,dog\na,1,0\nb,0,1\nc,0,1\n")
    competition, train = both(folder, label=["cat", "dog"], metric="log_loss")
    assert competition.classes == ("dog", "cat")  # in the sample's order
    assert train["label"].tolist() == [1, 0, 0]
    text(folder, "train.csv", "id,cat,dog\na,1,0\nb,maybe,1\nc,0,1\n")
    with pytest.raises(InputError, match="line 3: 'maybe' in cat"):
        both(folder, label=["cat", "dog"])
    assert both(folder, label=["cat", "dog"], positive=1)[1]["label"].tolist() == [1, 0, 0]
    text(folder, "train.csv", "id,cat,dog\na,True,no\nb,False,Y\nc,0,1.0\n")
    assert both(folder, label=["cat", "dog"])[1]["label"].tolist() == [1, 0, 0]


@pytest.mark.parametrize(("separator", "written"), [("", " "), (";", "; "), ("|", "|")])
def test_several_labels_in_one_column(tmp_path, separator, written):
    rows = f"a,cat{written}dog\nb,dog\nc,dog{written}ant\n"
    keys = {"separator": separator} if separator else {}
    competition, train = both(animals(tmp_path, rows), target="multilabel", metric="micro_f1", **keys)
    assert competition.classes == ("ant", "cat", "dog")
    assert train["label"].tolist() == ["1 2", "2", "0 2"]
    assert (competition.sample.answer, competition.at_least_one) == ("labels", True)


def test_grades(tmp_path):
    keys = dict(target="ordinal", metric="quadratic_kappa")
    competition, train = both(animals(tmp_path, "a,10\nb,2\nc,0\n"), **keys)
    assert competition.classes == ("0", "2", "10")
    assert train["label"].tolist() == [2, 1, 0]
    assert competition.sample.answer == "label"
    with pytest.raises(InputError, match=r"order of the grades[\s\S]*classes = "):
        both(animals(tmp_path, "a,low\nb,high\nc,low\n"), **keys)
    competition, train = both(tmp_path, classes=["low", "high"], **keys)
    assert train["label"].tolist() == [0, 1, 0]


def test_one_value_in_two_spellings_is_one_class_and_one_group(tmp_path):
    folder = animals(tmp_path, "a,1.0\nb,2\nc,1\n")
    tables = InputTables(folder, TOML)
    assert tables.competition.classes == ("1", "2")
    assert tables.training_rows["label"].tolist() == [0, 1, 0]
    assert "taken for one: '1' and '1.0'" in tables.notes[0]
    assert both(folder, classes=[2, 1])[1]["label"].tolist() == [1, 0, 1]
    competition, train = both(folder, target="binary", metric="auc", positive=[1])
    assert (competition.classes, train["label"].tolist()) == (("2", "1"), [1, 0, 1])
    text(folder, "train.csv", "id,label,site\na,e\u0301;x,1.0\nb,\u00e9,1\nc,x,2\n")
    keys = {"target": "multilabel", "metric": "micro_f1", "separator": ";", "group": "site"}
    competition, train = both(folder, **keys)
    assert len(competition.classes) == 2
    assert train["label"].tolist() == ["0 1", "1", "0"]
    assert train["group"].tolist() == ["1", "1", "2"]
    assert len(InputTables(folder, TOML | keys).notes) == 2


@pytest.mark.parametrize(
    ("values", "named"), [("cat,cat ,Cat", "'Cat' and 'cat' and 'cat '"), ("1,01,2", "'01' and '1'")]
)
def test_names_that_may_be_one_name_stay_different_and_are_mentioned(tmp_path, values, named):
    rows = "".join(f"{name},{value}\n" for name, value in zip("abc", values.split(","), strict=True))
    tables = InputTables(animals(tmp_path, rows), TOML)
    assert tables.competition.size == 3
    [note] = tables.notes
    assert named in note


def test_indices_of_classes_with_other_numbers_are_mentioned(tmp_path):
    folder = animals(tmp_path, "a,1\nb,2\nc,1\n")
    [note] = InputTables(folder, TOML | {"answer": "index"}).notes
    assert 'answer = "label"' in note
    assert InputTables(folder, TOML).notes == []
    assert InputTables(animals(tmp_path, "a,0\nb,1\nc,1\n"), TOML | {"answer": "index"}).notes == []


@pytest.mark.parametrize(
    ("fields", "expected", "words"),
    [
        (["1", "unknown", "2.5"], [1, np.nan, 2.5], "'unknown' (1 row)"),
        (["1", "N/A", ""], [1, np.nan, np.nan], "'N/A' (1 row)"),
        (["1", " ", "3"], [1, np.nan, 3], ""),
        (["1", "2", "3"], [1, 2, 3], ""),
        (["NA", "EU", "1"], ["NA", "EU", "1"], ""),
        (["NA", "NA", "NA"], ["NA", "NA", "NA"], ""),
        (["1", "inf", "2"], [1, np.nan, 2], "'inf' (1 row)"),
    ],
)
def test_a_kept_column_is_numbers_if_its_words_only_say_that_a_value_is_missing(
    tmp_path, capsys, fields, expected, words
):
    folder = animals(tmp_path)
    rows = "".join(f"{name},cat{name},{field}\n" for name, field in zip("abc", fields, strict=True))
    text(folder, "train.csv", "id,label,x\n" + rows)
    _, train = both(folder, columns=["x"])
    pd.testing.assert_series_equal(train["x"], pd.Series(expected), check_dtype=False, check_names=False)
    printed = capsys.readouterr().err
    assert words in printed if words else not printed


def test_a_word_among_many_numbers_is_mentioned(tmp_path, capsys):
    column = pd.Series([*map(str, range(20)), "90+"])
    assert numbers_or_words(column, "age").tolist() == column.tolist()
    assert "column age is taken for words, not for numbers, because '90+' (1 row)" in capsys.readouterr().err


def test_a_range_of_small_numbers_is_exact(tmp_path):
    competition, _ = both(animals(tmp_path, "a,1e-13\nb,5e-13\nc,2.5e-13\n"), target="regression", metric="rmse")
    assert competition.number_range == (1e-13, 5e-13)


def test_numbers(tmp_path):
    keys = dict(target="regression", metric="rmse")
    competition, train = both(animals(tmp_path, "a,1.5\nb,-2\nc,1e1\n"), **keys)
    assert (competition.classes, competition.limits) == (("value",), None)
    assert competition.number_range == (-2.0, 10.0)
    assert train["label"].tolist() == [1.5, -2, 10]
    limited = both(tmp_path, limits=[0, 5], **keys)[0]
    assert limited.limits == limited.number_range == (0.0, 5.0)
    with pytest.raises(InputError, match=r"line 3: 'x'"):
        both(animals(tmp_path, "a,1.5\nb,x\nc,1e1\n"), **keys)


def test_attributes_make_the_classes(tmp_path):
    folder = animals(tmp_path)
    text(folder, "train.csv", "id,colour,years\na,red,30\nb,blue,29.5\nc,red,61\n")
    ranges = {"age": {"column": "years", "edges": [30, 60]}}
    competition, train = both(folder, attributes=["colour", "age"], ranges=ranges)
    assert competition.classes[:4] == ("blue <30", "blue 30-60", "blue >=60", "red <30")
    assert competition.sample.answer == "index"
    assert train.drop(columns=["image", "group"]).to_dict("list") == {
        "label": [4, 0, 5],
        "colour": [1, 0, 1],
        "age": [1, 0, 2],
        "years": [30.0, 29.5, 61.0],
    }
    for name, values in competition.attribute_values.items():
        np.testing.assert_array_equal(values[train["label"]], train[name])


# Rows


def test_no_table_and_the_test_folder_is_not_a_class(tmp_path):
    photos(tmp_path, "cat/1.jpg", "cat/2.jpg", "dog/1.jpg", "test/7.jpg")
    text(tmp_path, "sample_submission.csv", "id,label\n7,cat\n")
    keys = {"target": "multiclass", "metric": "accuracy"}
    keys |= {"train_images": "{kind}/{n}.jpg", "label": "kind", "group": "n", "test_images": "test/{id}.jpg"}
    tables = InputTables(tmp_path, keys)
    assert tables.competition.classes == ("cat", "dog")
    assert tables.training_rows["group"].tolist() == ["1", "2", "1"]
    assert tables.test_rows["image"].tolist() == ["test/7.jpg"]


def test_groups_and_kept_columns(tmp_path):
    folder = animals(tmp_path)
    text(folder, "train.csv", "id,label,who,side,n\na,cat,p,L,1\nb,dog,,,\nc,cat,q,R,2.5\n")
    groups = {"who": ["p", "train/b.jpg", "q"], "{who}:{side}": ["p:L", "train/b.jpg", "q:R"]}
    for group, expected in groups.items():
        assert both(folder, group=group)[1]["group"].tolist() == expected
    assert both(folder, group=["who", "side"])[1]["group"].tolist() == ["p_L", "train/b.jpg", "q_R"]
    kept = both(folder, columns=["n", "side"])[1]
    assert kept["side"].tolist() == ["L", "", "R"]
    np.testing.assert_array_equal(kept["n"], [1, np.nan, 2.5])
    for keys in (dict(group="whom"), dict(group=["who", "whom"]), dict(group="{whom}"), dict(columns=["whom"])):
        with pytest.raises(InputError, match=r"no column whom[\s\S]*one of the columns id, label, who, side, n"):
            both(folder, **keys)


def test_a_pattern_of_groups(tmp_path):
    assert both(animals(tmp_path), group_pattern="([ab]|c)[.]jpg$")[1]["group"].tolist() == ["a", "b", "c"]
    with pytest.raises(InputError, match=r"does not match 1 path[\s\S]*train/c"):
        both(tmp_path, group_pattern="([ab])[.]jpg$")


def test_several_photos_of_one_prediction(tmp_path):
    photos(tmp_path, *(f"{part}/{n}.jpg" for part in ("train", "test") for n in range(4)))
    text(tmp_path, "train.csv", "photo,who,side,label\n0,p,L,0\n1,p,L,0\n2,p,R,1\n3,q,L,0\n")
    text(tmp_path, "test.csv", "photo,who,side\n0,s,R\n1,r,L\n2,s,R\n3,unasked,L\n")
    text(tmp_path, "sample_submission.csv", "prediction_id,label\ns_R,0\nr_L,0\n")
    keys = TOML | dict(
        target="binary", metric="auc", train_images="train/{photo}.jpg", test="test.csv", id="{who}_{side}"
    )
    tables = InputTables(tmp_path, keys | {"combine": "max"})
    assert tables.training_rows["id"].tolist() == ["p_L", "p_L", "p_R", "q_L"]
    test = tables.test_rows
    assert test["id"].tolist() == ["s_R", "s_R", "r_L"]
    assert test["image"].tolist() == ["test/0.jpg", "test/2.jpg", "test/1.jpg"]
    with pytest.raises(InputError, match=r"several photos[\s\S]*combine ="):
        _ = InputTables(tmp_path, keys).test_rows


def test_one_folder_and_another_name_of_the_id(tmp_path):
    photos(tmp_path, "images/0001.jpg", "images/0002.jpg", "images/0003.jpg", "images/0004.jpg")
    text(tmp_path, "train.csv", "img;label\n0001;x\n0002;y\n")
    text(tmp_path, "sample_submission.csv", "Image,label\n0004,\n0003,\n")
    test = InputTables(tmp_path, TOML | {"train_images": "images/{img}.jpg"}).test_rows
    assert test.to_dict("list") == {"id": ["0004", "0003"], "image": ["images/0004.jpg", "images/0003.jpg"]}


def test_default_of_test_images_leaves_out_the_folder_of_the_label(tmp_path):
    photos(tmp_path, "train/cat/1.jpg", "train/dog/2.jpg", "test/3.jpg")
    text(tmp_path, "train.csv", "id,label\n1,cat\n2,dog\n")
    text(tmp_path, "sample_submission.csv", "id,label\n3,cat\n")
    tables = InputTables(tmp_path, TOML | {"train_images": "train/{label}/{id}.jpg"})
    assert tables.test_rows["image"].tolist() == ["test/3.jpg"]


def test_rows_that_say_the_same_are_one_and_rows_that_do_not_are_refused(tmp_path):
    assert both(animals(tmp_path, "a,cat\nb,dog\na,cat\n"))[1]["image"].tolist() == ["train/a.jpg", "train/b.jpg"]
    with pytest.raises(InputError, match=r"different labels[\s\S]*line 2: train/a.jpg has the label cat[\s\S]*line 4"):
        both(animals(tmp_path, "a,cat\nb,dog\na,dog\n"))


MERGED = {  # rows of one photo and what is done with them: its label
    "labels": ("a,cat\na,dog\nb,cat\na,cat\n", dict(target="multilabel", metric="micro_f1"), ["0 1", "0"]),
    "votes": ("a,cat\na,dog\nb,cat\na,dog\n", dict(merge="vote"), [1, 0]),
    "equally many votes": ("a,dog\na,cat\nb,cat\n", dict(merge="vote"), [0, 0]),
    "numbers": ("a,1\na,1\nb,7\na,4\n", dict(target="regression", metric="rmse", merge="mean"), [2, 7]),
    "commas": ('a,"1,5"\na,"2,5"\nb,7\n', dict(target="regression", metric="rmse", merge="mean"), [2, 7]),
    "grades": ("a,0\na,1\nb,2\na,1\n", dict(target="ordinal", metric="quadratic_kappa", merge="mean"), [1, 2]),
}


@pytest.mark.parametrize("kind", MERGED)
def test_several_rows_of_a_photo_become_one(tmp_path, kind):
    rows, keys, expected = MERGED[kind]
    train = both(animals(tmp_path, rows), **keys)[1]
    assert train["image"].tolist() == ["train/a.jpg", "train/b.jpg"]
    assert train["label"].tolist() == expected


def test_columns_of_0_and_1_of_several_rows_are_put_together_only_if_the_user_says_so(tmp_path):
    text(animals(tmp_path), "train.csv", "id,cat,dog\na,1,0\na,0,1\nb,0,1\n")
    keys = dict(target="multilabel", metric="micro_f1", label=["cat", "dog"], answer="labels", fill="label")
    with pytest.raises(InputError, match="merge"):
        both(tmp_path, **keys)
    assert both(tmp_path, merge="union", **keys)[1]["label"].tolist() == ["0 1", "1"]


def test_a_comma_is_read_in_every_column_of_numbers(tmp_path):
    text(animals(tmp_path), "train.csv", "id;label;age;size\na;1,5;30,5;1,234\nb;2;31;2\nc;3;;3\n")
    keys = dict(target="regression", metric="rmse", columns=["age", "size"])
    competition, train = both(tmp_path, **keys)
    assert competition.number_range == (1.5, 3)
    assert train["label"].tolist() == [1.5, 2, 3]
    np.testing.assert_array_equal(train["age"], [30.5, 31, np.nan])
    assert train["size"].tolist() == ["1,234", "2", "3"]  # 1234 or 1.234: not guessed
    assert both(tmp_path, decimal=",", **keys)[1]["size"].tolist() == [1.234, 2, 3]
    with pytest.raises(InputError, match=r"1,234 may mean 1234 or 1\.234[\s\S]*decimal = "):
        both(tmp_path, **keys | {"label": "size"})


# What is wrong with the files

WRONG = {
    "no such table": (dict(train="trian.csv"), {}, r"trian\.csv[\s\S]*sample_submission\.csv, train\.csv"),
    "no such label column": (dict(label="species"), {}, r"no column species[\s\S]*one of the columns id, label"),
    "no such field": (dict(train_images="train/{photo}.jpg"), {}, r"has no column of .* in braces"),
    "a row without a label": ({}, dict(train="a,cat\nb,\nc,dog\n"), r"have no label:\s+line 3"),
    "one class": ({}, dict(train="a,cat\nb,cat\n"), "only the value cat"),
    "a label that is no class": (dict(classes=["cat", "cow"]), {}, r"line 3: 'dog'[\s\S]*one of the classes cat, cow"),
    "three classes for two": (dict(target="binary"), dict(train="a,x\nb,y\nc,z\n"), "positive = "),
    "a positive class of no row": (dict(target="binary", positive="cow"), {}, "no row of .* has the label cow"),
    "rows of one photo": ({}, dict(train="a,cat\na,dog\nb,dog\n"), r'target = "multilabel"[\s\S]*merge = "vote"'),
    "combine without an id": (dict(combine="mean", id="patient"), {}, "no column patient"),
    "no photo of a row": ({}, dict(train="a,cat\nx,dog\nc,cat\n"), r"1 of 3 rows[\s\S]*line 3: no train/x\.jpg"),
    "no photo of an id": ({}, dict(sample="id,label\n1,cat\n9,cat\n"), r"1 of 2 rows of .*sample_submission\.csv"),
    "no such test table": (dict(test="test.csv"), {}, r"test\.csv \(test ="),
    "an id with two questions": (
        {},
        dict(sample="id,part,label\n1,head,cat\n2,head,cat\n1,tail,cat\n"),
        r"2 rows of .* repeated ids in the column id, but differ in part:\s+1: head\s+1: tail",
    ),
    "no rows": ({}, dict(train=""), "has no rows"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_wrong_is_named(tmp_path, kind):
    keys, files, message = WRONG[kind]
    folder = animals(tmp_path, **files)
    with pytest.raises(InputError, match=message) as error:
        everything(InputTables(folder, TOML | keys))
    assert error.value.run


def test_ids_of_the_sample_that_the_test_table_does_not_know(tmp_path):
    text(animals(tmp_path), "test.csv", "id\n1\n3\n")
    with pytest.raises(InputError, match=r"1 of 2 ids[\s\S]*2[\s\S]*has ids such as 1"):
        _ = InputTables(tmp_path, TOML | {"test": "test.csv"}).test_rows


@pytest.mark.parametrize("spelt", ["{}.0", "00{}", "{}.jpg", " {} "])
def test_ids_of_the_sample_submission_may_be_spelt_otherwise_than_in_the_test_table(tmp_path, spelt):
    sample = "".join(f"{spelt.format(i)},cat\n" for i in (2, 1))
    text(animals(tmp_path, sample=f"id,label\n{sample}"), "test.csv", "id\n1\n2\n3\n")
    keys = TOML | {"test": "test.csv", "test_images": "test/{id}.jpg"}
    rows = InputTables(tmp_path, keys).test_rows
    assert rows["id"].tolist() == [spelt.format(i) for i in (2, 1)]


def test_a_repeated_id_of_the_sample_submission_is_one_test_photo(tmp_path):
    tables = InputTables(animals(tmp_path, sample="id,label\n2,cat\n1,dog\n2,cow\n"), TOML)
    assert tables.test_rows.to_dict("list") == {"id": ["2", "1"], "image": ["test/2.jpg", "test/1.jpg"]}
