"""The kind of target, from the values of a column and from what the sample holds."""

import tomllib

import pandas as pd
import pytest

from comp.inputs import guess_columns, guess_path_labels
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
    "decimal commas": (["5,1", "8,6", "3,3"], NONE, "y", "regression", "rmse"),
    "thousands": (["1,234", "10,567", "2,001"], NONE, "y", "regression", "rmse"),
    "millions": (["1,234,567", "1,234", "2,001"], NONE, "y", "regression", "rmse"),
    "class numbers with commas": (["1,2", "2,3", "2", "1,3"], NONE, "y", "multilabel", "micro_f1"),
    "commas and spaces": (["cat, dog", "cat", "dog, bird", "bird"], NONE, "y", "multilabel", "micro_f1"),
    "uneven spaces": (["cat ,dog", "cat", "dog;bird", "dog, cat"], NONE, "y", "multilabel", "micro_f1"),
    "names of two words": (["red ant|cow", "cow", "red ant", "red ant | cow"], NONE, "y", "multilabel", "micro_f1"),
    "slashes": (["rust/scab", "rust", "scab", "rot/rust"], NONE, "y", "multilabel", "micro_f1"),
    "lists": (["['cat', 'dog']", "['cat']", "[]"], NONE, "y", "multilabel", "micro_f1"),
    "True and False": (["True", "False", "True"], HALF, "y", "binary", "auc"),
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


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (["cat", "dog", "cat ", "Dog"], "'Dog' and 'dog'; 'cat' and 'cat '"),
        (["0", "1", "1.0", "0.0", "2"], "taken for one: '0' and '0.0'; '1' and '1.0'"),
        (["a b", "b A", "a", "b"], "'A' and 'a'"),
    ],
)
def test_names_that_may_be_one_name_are_marked_in_a_line_that_is_toml(values, words):
    target = guess_columns.target_lines(pd.Series(values), pd.Series(["x"]), "y", set())[0]
    assert target.check
    assert words in target.text
    assert list(tomllib.loads(target.text)) == ["target"]


def test_numbers_get_no_limits():
    """The values of the test photos may be lower or higher than all training values, and nobody has said otherwise."""
    lines = guess_columns.target_lines(
        pd.Series(["1e-13", "5.12345678912e-13", "2e-13"]), pd.Series(["1e-13"]), "y", set()
    )
    assert {line.key: line.value for line in lines} == {"target": "regression", "metric": "rmse"}


DOUBTFUL = {  # values that may mean something else: a word of the question
    "decimal commas": (["5,1", "8,6"], "multilabel"),
    "thousands": (["1,234", "10,567"], "1,234 may mean 1234 or 1.234"),
    "class numbers": (["1,2", "2,3", "2", "1,3"], "regression"),
    "slashes": (["rust/scab", "rust", "scab", "rot/rust"], "multiclass"),
    "names with commas": (["Smith, John", "Doe, Jane"], "multilabel"),
    "names with slashes": (["A/B", "C/D", "E"], "multilabel"),
    "boxes": (["[1.0, 2.0]", "[3.0, 4.0]"], "a box"),
}


@pytest.mark.parametrize("case", DOUBTFUL)
def test_values_that_may_mean_something_else_are_no_statement(case):
    values, word = DOUBTFUL[case]
    lines = guess_columns.target_lines(pd.Series(values), pd.Series([], dtype=str), "y", set())
    assert lines[0].key == "target"
    assert lines[0].check
    assert any(word in line.reason for line in lines if line.check)


def test_the_separator_is_written_as_the_sample_submission_has_it():
    values = pd.Series(["cat, dog", "cat", "dog, bird", "bird"])
    for answer, separator in (("cat,dog", ","), ("cat", ", ")):
        lines = guess_columns.target_lines(values, pd.Series([answer]), "y", set())
        assert [line.value for line in lines if line.key == "separator"] == [separator]


ONE_HOT = {  # how 1 and 0 are written: the values that the key positive must name, and whether the user is asked
    "0 and 1": (("1", "0"), None),
    "True and False": (("True", "False"), None),
    "yes and no": (("yes", "no"), None),
    "Y and N": (("Y", "N"), None),
    "floats": (("1.0", "0.0"), None),
    "1 and empty": (("1", ""), ["1"]),
    "x and empty": (("x", ""), ["x"]),
    "CheXpert": (("1.0", "0.0", "", "-1.0"), ["1.0"]),
    "probabilities": (("0.25", "1.0", "0.0"), "probabilities"),
    "other numbers": (("1", "0", "2"), "other than 0 and 1"),
    "words": (("rust", "scab"), "write positive"),
}


@pytest.mark.parametrize("way", ONE_HOT)
def test_label_columns_are_read_or_asked_about_however_1_and_0_are_written(way):
    values, positive = ONE_HOT[way]
    table = pd.DataFrame({"id": "abcd", "p": (values * 4)[:4], "q": (values * 4)[1:5]}).map(str)
    sample = SampleTable("s.csv", pd.DataFrame({"id": ["t"], "p": ["0.5"], "q": ["0.5"]}), "id")
    lines = {line.key: line for line in guess_columns.label_lines(table, sample, {"id"}, set())}
    assert lines["label"].value == ["p", "q"]
    if isinstance(positive, str):
        assert lines["target"].undecided
        assert positive in lines["target"].reason
        return
    assert lines["target"].value in ("multiclass", "multilabel")
    assert ("positive" in lines) == (positive is not None)
    if positive:
        assert lines["positive"].value == positive
        assert lines["positive"].check


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
    several = [separator.join(names) for names in (("cat", "dog"), ("f\u00f3x", "dog", "cat"), ("fo\u0301x",), ())]
    table = {"id": list("123456"), "animals": ["cat", "dog", *several]}
    lines = lines_of(table, {"id": ["7"], "cat": ["0"], "dog": ["0"], "f\u00f3x": ["0"]})
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
        lines = {line.key: line.value for line in guess_path_labels.path_lines(sorted(paths), None)}
        assert (lines["train_images"], lines["group"]) == ("{label}/{file}", "file")
