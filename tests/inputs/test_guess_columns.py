"""The kind of target, from the values of a column and from what the sample holds."""

import pandas as pd
import pytest

from comp.inputs import guess_columns
from comp.inputs.guess_tables import SampleTable

HALF, NOUGHT, NONE = ["0.5"], ["0"], []
CASES = {
    "0 and 1, a probability": (["0", "1", "1"], HALF, "y", "binary", "auc"),
    "0 and 1, a whole number": (["0", "1", "1"], NOUGHT, "y", "binary", "auc"),
    "two words, a probability": (["cat", "dog", "dog"], HALF, "y", "binary", "auc"),
    "two words, a word": (["cat", "dog", "dog"], ["cat"], "y", "multiclass", "accuracy"),
    "names with blanks": (
        ["Sugar beet", "Shepherds Purse", "Common wheat"],
        ["Sugar beet"],
        "y",
        "multiclass",
        "accuracy",
    ),
    "labels with blanks": (["rust", "rust scab", "scab", "scab spot"], ["rust"], "y", "multilabel", "micro_f1"),
    "labels that the sample puts together anew": (
        ["haze sea", "land sea"],
        ["haze land sea"],
        "y",
        "multilabel",
        "micro_f1",
    ),
    "labels with bars": (["1|2", "2|3", "2", "1|3"], NONE, "y", "multilabel", "micro_f1"),
    "grades": (["0", "4", "1", "2", "3"], NOUGHT, "diagnosis", "ordinal", "quadratic_kappa"),
    "class numbers": (["10", "7", "300"], NOUGHT, "category_id", "multiclass", "accuracy"),
    "amounts": (["10", "7", "300"], ["37.5"], "y", "regression", "rmse"),
    "amounts in the table": (["1.5", "7", "300"], NOUGHT, "y", "regression", "rmse"),
    "amounts by their name": (["10", "7", "30"], NOUGHT, "age", "regression", "rmse"),
    "three best": (["a", "b", "c", "d"], ["a b c", "b c d"], "y", "multiclass", "map@3"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_target_follows_from_the_values_and_the_sample(case):
    values, answers, name, target, metric = CASES[case]
    guessed = guess_columns.target_lines(pd.Series(values), pd.Series(answers, dtype=str), name, set())
    lines = {line.key: line for line in guessed}
    assert lines["target"].value == target
    assert lines["metric"].value == metric
    assert lines["metric"].check


def test_names_of_several_words_are_marked_for_they_may_be_several_labels():
    lines = guess_columns.target_lines(pd.Series(["Vipera berus", "Naja naja"]), pd.Series(["Naja naja"]), "y", set())
    assert lines[0].check
    assert "multilabel" in lines[0].reason


def test_numbers_that_a_json_file_names_are_classes():
    lines = guess_columns.target_lines(pd.Series(["0", "1", "2"]), pd.Series(["0"]), "diagnosis", {"0", "1", "2"})
    assert lines[0].value == "multiclass"


def lines_of(table, sample, no_labels=("id",)):
    sample = SampleTable("sample_submission.csv", pd.DataFrame(sample, dtype=str), "id")
    guessed = guess_columns.label_lines(pd.DataFrame(table, dtype=str), sample, set(no_labels), set())
    return {line.key: line for line in guessed}


def test_the_names_of_photos_are_not_the_labels_even_if_the_classes_are_among_them():
    """Photos 1 to 9 have grades 1 to 3, which are also columns of the sample submission."""
    table = {"id": [str(i) for i in range(1, 10)], "number": list("123456789"), "grade": list("123123123")}
    lines = lines_of(table, {"id": ["1"], "1": ["0"], "2": ["0"], "3": ["0"]})
    assert lines["label"].value == "grade"
    assert not any(line.undecided for line in lines.values())


@pytest.mark.parametrize("separator", [" ", ",", ";", "|"])
def test_fields_with_several_names_of_columns_in_the_sample_are_several_labels(separator):
    several = [separator.join(names) for names in (("cat", "dog"), ("fox", "dog", "cat"), ("fox",), ())]
    table = {"id": list("123456"), "animals": ["cat", "dog", *several]}
    lines = lines_of(table, {"id": ["7"], "cat": ["0"], "dog": ["0"], "fox": ["0"]})
    assert (lines["target"].value, lines["label"].value) == ("multilabel", "animals")
    assert ("separator" in lines) == (separator != " ")
    assert not any(line.undecided for line in lines.values())


def grouped(train, test=None, taken=("id",)):
    frame = pd.DataFrame(test) if test else None
    return [(line.value, line.check) for line in guess_columns.group_lines(pd.DataFrame(train), frame, set(taken))]


def test_a_column_whose_values_never_stand_on_both_sides_is_the_group():
    train = {"id": range(20), "light": [f"c{i // 2}" for i in range(20)], "sex": ["m", "f"] * 10}
    assert grouped(train, {"light": ["c10", "c11"], "sex": ["m", "f"]}) == [("light", True)]
    assert grouped(train, {"light": ["c1", "c11"], "sex": ["m", "f"]}) == []


def test_a_column_that_is_called_like_a_group_is_one_unless_the_test_shares_its_values():
    train = {"id": range(20), "PatientID": [f"p{i // 3}" for i in range(20)]}
    assert grouped(train) == [("PatientID", True)]
    assert grouped(train, {"PatientID": ["p1", "p2"]}) == []
    assert grouped(train, taken=("id", "PatientID")) == []


def test_photos_in_deeper_folders_shift_the_label_of_no_other_photo():
    """Every class folder has the same file names, so the names are groups, whatever lies beside them."""
    photos = [f"{label}/{i}.jpg" for label in "abc" for i in range(50)]
    deeper = [f"a/more/x{i}.jpg" for i in range(10)]
    for paths in (photos, photos + deeper):
        lines = {line.key: line.value for line in guess_columns.path_lines(sorted(paths), None)}
        assert (lines["train_images"], lines["group"]) == ("{label}/{file}", "file")
