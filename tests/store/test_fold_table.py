import numpy as np
import pandas as pd
import pytest
from small_competitions import small

from comp.competition import labels
from comp.errors import InputError
from comp.store.fold_table import load_folds, save_folds

LABELS = {
    "multiclass": [0, 1, 2, 0],
    "binary": [0, 1, 1, 0],
    "ordinal": [2, 1, 0, 0],
    "multilabel": ["0 2", "", "1", "0 1 2"],
    "regression": [0.5, -3.25, 1e6, 7.0],
}


def table(target="multiclass", **more):
    rows = {
        "image": [f"i{i}" for i in range(4)],
        "group": ["007", "b", "c", "d"],
        "label": LABELS[target],
        "fold": [0, 1, 1, 0],
    }
    return pd.DataFrame(rows | more)


@pytest.mark.parametrize("target", LABELS)
def test_the_labels_of_every_target_survive_the_disk(tmp_path, target):
    save_folds(tmp_path / "folds.csv", table(target)[::-1])
    made = load_folds(tmp_path / "folds.csv", small(target))
    expected = labels.to_array(table(target)["label"], small(target))
    np.testing.assert_array_equal(labels.to_array(made["label"], small(target)), expected)
    assert made["group"].tolist() == ["007", "b", "c", "d"]


@pytest.mark.parametrize("name", ["NA", "N/A", "n/a", "nan", "NaN", "None", "null", "NULL", "<NA>", "-", "#N/A"])
def test_names_that_pandas_takes_for_missing_values_survive_the_disk(tmp_path, name):
    rows = table(image=[name, "b", "c", "d"], group=["a", name, "c", "d"], site=["x", name, None, "y"])
    save_folds(tmp_path / "folds.csv", rows)
    made = load_folds(tmp_path / "folds.csv", small()).set_index("image").loc[rows["image"]]
    assert made["group"].tolist() == rows["group"].tolist()
    assert made["site"].tolist()[:2] == ["x", name]
    assert made["site"].isna().tolist() == [False, False, True, False]


def test_one_label_each_in_a_multilabel_table_stays_text(tmp_path):
    save_folds(tmp_path / "folds.csv", table("multilabel", label=["0", "1", "2", "2"]))
    assert load_folds(tmp_path / "folds.csv", small("multilabel"))["label"].tolist() == ["0", "1", "2", "2"]


def test_a_prediction_id_is_asked_for_where_photos_are_combined(tmp_path):
    save_folds(tmp_path / "folds.csv", table(id=["01", "01", "2", "2"]))
    assert load_folds(tmp_path / "folds.csv", small(combine="mean"))["id"].tolist() == ["01", "01", "2", "2"]
    save_folds(tmp_path / "folds.csv", table())
    with pytest.raises(InputError, match=r"not id[\s\S]*make folds"):
        load_folds(tmp_path / "folds.csv", small(combine="mean"))


def test_columns_that_are_kept_may_be_empty(tmp_path):
    save_folds(tmp_path / "folds.csv", table(site=["x", None, "", "y"]))
    assert load_folds(tmp_path / "folds.csv", small())["site"].isna().sum() == 2


@pytest.mark.parametrize(
    ("target", "change"),
    [
        ("multiclass", lambda t: t.drop(columns="fold")),
        ("multiclass", lambda t: t.assign(fold=0.5)),
        ("multiclass", lambda t: t.assign(label=7)),
        ("multiclass", lambda t: t.assign(label=0.5)),
        ("binary", lambda t: t.assign(label=2)),
        ("multilabel", lambda t: t.assign(label="0 3")),
        ("multilabel", lambda t: t.assign(label="a b")),
        ("regression", lambda t: t.assign(label="old")),
        ("regression", lambda t: t.assign(label=[1, 2, 3, None])),
        ("multiclass", lambda t: t.assign(group=["", *t["group"][1:]])),
        ("multiclass", lambda t: t.assign(image=["../x", *t["image"][1:]])),
        ("multiclass", lambda t: t[:0]),
        ("multiclass", lambda t: pd.concat([t, t[:1]])),
        ("multiclass", lambda t: t.assign(fold=[0, 0, 0, 5])),
    ],
)
def test_a_broken_folds_csv_is_refused(tmp_path, target, change):
    save_folds(tmp_path / "folds.csv", change(table(target)))
    with pytest.raises(InputError, match="make folds"):
        load_folds(tmp_path / "folds.csv", small(target))


def test_a_changed_folds_csv_is_refused(tmp_path):
    save_folds(tmp_path / "folds.csv", table())
    (tmp_path / "folds.csv").write_text((tmp_path / "folds.csv").read_text().replace("i0,007,0,0", "i0,007,1,0"))
    with pytest.raises(InputError, match="was changed since it was made"):
        load_folds(tmp_path / "folds.csv", small())
