"""Which file is the sample submission, which of its columns are filled, and how."""

import pytest
from small_inputs import TOML, animals, text

from comp.competition.competition_toml import parse_settings
from comp.errors import InputError
from comp.inputs.input_tables import InputTables
from comp.inputs.sample_submission import find_sample


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["sample_submission.csv", "train.csv"], "sample_submission.csv"),
        (["sampleSubmission.csv"], "sampleSubmission.csv"),
        (["kaggle_sample_submission_null.csv", "samples.csv"], "kaggle_sample_submission_null.csv"),
        (["submission_format.csv"], "submission_format.csv"),
        (["data/sample.tsv", "data/train.csv"], "data/sample.tsv"),
        (["sample.csv", "old/sample_submission.csv"], "old/sample_submission.csv"),
    ],
)
def test_found_by_name(tmp_path, names, expected):
    for name in names:
        text(tmp_path, name, "x")
    assert find_sample(tmp_path, parse_settings(TOML)) == expected


def test_none_or_several_are_said(tmp_path):
    text(tmp_path, "answers.csv", "x")
    with pytest.raises(InputError, match=r"no sample submission[\s\S]*answers\.csv[\s\S]*sample ="):
        find_sample(tmp_path, parse_settings(TOML))
    text(tmp_path, "sample_submission.csv", "x")
    text(tmp_path, "sample_submission_2.csv", "x")
    with pytest.raises(InputError, match=r"2 sample submissions[\s\S]*sample = \"sample_submission\.csv\""):
        find_sample(tmp_path, parse_settings(TOML))


def sample_of(folder, header, **keys):
    row = ",".join("1" if name in ("id", "Id", "image") else "0.5" for name in header.split(","))
    animals(folder, sample=f"{header}\n{row}\n")
    return InputTables(folder, TOML | keys).competition.sample


@pytest.mark.parametrize(
    ("header", "keys", "id", "answer", "columns"),
    [
        ("id,label", {}, "id", "label", ("label",)),
        ("image,x", {}, "image", "label", ("x",)),
        (",Id,Category", {"id": "id"}, "Id", "label", ("Category",)),
        ("note,id,label", {"id": "id"}, "id", "label", ("label",)),
        ("id,weight,label,batch", {}, "id", "label", ("label",)),
        ("id,weight,Predicted,batch", {}, "id", "label", ("Predicted",)),
        ("id,weight,w", {"fill": "w"}, "id", "label", ("w",)),
        ("id,dog,cat", {}, "id", "probabilities", ("dog", "cat")),
        ("id,dog,cat", {"target": "binary", "metric": "auc"}, "id", "probabilities", ("dog", "cat")),
        ("id,0,1", {}, "id", "probabilities", ("0", "1")),
        ("id,label", {"metric": "map@5"}, "id", "ranking", ("label",)),
        ("id,label", {"answer": "index"}, "id", "index", ("label",)),
        ("id,label", {"target": "binary", "metric": "log_loss"}, "id", "probability", ("label",)),
        ("id,label", {"target": "binary", "metric": "accuracy"}, "id", "label", ("label",)),
        ("id,label", {"metric": "log_loss", "answer": "label"}, "id", "label", ("label",)),
        ("id,label", {"target": "multilabel", "metric": "micro_f1"}, "id", "labels", ("label",)),
    ],
)
def test_columns_and_form(tmp_path, header, keys, id, answer, columns):
    sample = sample_of(tmp_path, header, **keys)
    assert (sample.file, sample.id, sample.answer, sample.columns) == ("sample_submission.csv", id, answer, columns)


@pytest.mark.parametrize(
    ("header", "keys", "message"),
    [
        ("id,a,b", {}, "fill = "),
        ("id,dog,cat,cow", {}, r"1 column\(s\) that are not training labels: cow"),
        ("id,label", {"metric": "log_loss"}, "a column for each class"),
        ("id,label", {"fill": "x"}, "no column x .* the key fill"),
    ],
)
def test_columns_that_do_not_fit(tmp_path, header, keys, message):
    with pytest.raises(InputError, match=message):
        sample_of(tmp_path, header, **keys)


def test_labels_that_the_sample_has_no_column_for(tmp_path):
    animals(tmp_path, "a,cat\nb,dog\nc,cow\n", "id,dog,cat\n1,0,0\n2,0,0\n")
    with pytest.raises(InputError, match=r"no column for 1 training label\(s\): cow"):
        _ = InputTables(tmp_path, TOML).competition
