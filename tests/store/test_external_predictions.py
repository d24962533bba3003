"""Whatever lies in outputs/<name>/ and looks like predictions is either used or named with the reason."""

import gzip
import json
import unicodedata

import numpy as np
import pandas as pd
import pytest
from known_project import known_project
from small_competitions import random_probs, small

from comp.errors import InputError
from comp.store import external_predictions, runs
from comp.store.external_predictions import matched_ids
from comp.store.out_of_fold import load_run

FOLDS = pd.DataFrame(
    {
        "image": ["i0", "i1", "i2", "i3"],
        "group": list("abcd"),
        "label": 0,
        "fold": [0, 0, 1, 1],
        "id": ["p", "p", "q", "q"],
    }
)
TEST = ["t0", "t1"]
TARGETS = ("multiclass", "binary", "multilabel", "ordinal", "regression")


def table(ids, competition, seed=0):
    made = pd.DataFrame(random_probs(competition, len(ids), seed).astype(float), columns=competition.classes)
    made.insert(0, "id", list(ids))
    return made


def write(folder, competition, suffix=".csv", test=TEST):
    folder.mkdir(exist_ok=True)
    for name, ids in (("oof", FOLDS["image"]), ("test", test)):
        table(ids, competition).sample(frac=1, random_state=1).to_csv(folder / (name + suffix), index=False)


def read(outputs, competition, test_ids=TEST):
    project = known_project(outputs, competition, FOLDS, folds_digest="digest", test_ids=test_ids)
    return load_run(project, project.run("mate"))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".CSV", ".Csv.GZ"])
def test_tables_of_every_target_and_name_are_read(tmp_path, target, suffix):
    competition = small(target)
    write(tmp_path / "mate", competition, ".csv.gz" if suffix.lower().endswith("gz") else ".csv")
    for file in list((tmp_path / "mate").iterdir()):
        file.rename(file.with_name(file.name.split(".")[0].upper() + suffix))
    oof, test = read(tmp_path, competition)
    np.testing.assert_allclose(oof, random_probs(competition, 4), atol=1e-6)
    np.testing.assert_allclose(test.at(TEST), random_probs(competition, 2), atol=1e-6)
    assert runs.run_names(tmp_path) == ["mate"]
    assert runs.unused_folders(tmp_path) == {}


def test_columns_may_have_any_order_and_be_numbers(tmp_path):
    made = table(TEST, small())
    made[["id", "c", "a", "b"]].to_csv(tmp_path / "x.csv", index=False)
    made.set_axis(["photo", "0", "1", "2"], axis=1).to_csv(tmp_path / "y.csv", index=False)
    made.set_axis(["photo", "0.0", "1.0", "2.0"], axis=1).to_csv(tmp_path / "z.csv", index=False)
    for name in "xyz":
        probs = external_predictions.read_external_file(tmp_path / f"{name}.csv", small()).probs
        np.testing.assert_allclose(probs, random_probs(small(), 2), atol=1e-6)


def test_of_two_classes_the_probability_of_the_positive_one_is_enough(tmp_path):
    binary, file = small("binary"), tmp_path / "x.csv"
    table(TEST, binary)[["id", "yes"]].to_csv(file, index=False)
    np.testing.assert_allclose(
        external_predictions.read_external_file(file, binary).probs, random_probs(binary, 2), atol=1e-6
    )
    np.savez(tmp_path / "x.npz", ids=TEST, probs=random_probs(binary, 2)[:, 1], classes=["no", "yes"])
    made = external_predictions.read_external_file(tmp_path / "x.npz", binary).probs
    np.testing.assert_allclose(made, random_probs(binary, 2), atol=1e-6)
    table(TEST, binary)[["id", "no"]].to_csv(file, index=False)
    with pytest.raises(InputError, match="positive class"):
        external_predictions.read_external_file(file, binary)


def test_ids_keep_their_leading_zeros(tmp_path):
    (tmp_path / "oof.csv").write_text("id,a,b,c\n007,1,0,0\n08,0,1,0\n")
    assert external_predictions.read_external_file(tmp_path / "oof.csv", small()).ids.tolist() == ["007", "08"]


def test_arrays_of_a_table_are_read_and_joined_by_class_name(tmp_path):
    made = table(TEST, small())
    probs = made[["c", "a", "b"]].to_numpy()
    np.savez(tmp_path / "x.npz", ids=made["id"].to_numpy(str), probs=np.asfortranarray(probs), classes=["c", "a", "b"])
    read = external_predictions.read_external_file(tmp_path / "x.npz", small())
    np.testing.assert_allclose(read.probs, random_probs(small(), 2), atol=1e-6)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"ids": np.array(TEST, object)}, r"save ids.astype\(str\)"),
        ({"ids": np.array([1, 2])}, r"ids int64[\s\S]*ids.astype\(str\)"),
        ({"classes": ["a", "b", "x"]}, "has classes"),
        ({"probs": np.ones((2, 2))}, "probs"),
        ({"meta": "[]"}, "meta list"),
        ({"probs": np.zeros((2, 3))}, r"2 of 2 rows \(the first: id t0\)[\s\S]*the first row sums to 0"),
    ],
)
def test_arrays_that_are_wrong_are_refused_with_advice_about_that_file(tmp_path, change, words):
    arrays = {"ids": np.array(TEST), "probs": random_probs(small(), 2), "classes": ["a", "b", "c"]} | change
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(InputError, match=words) as error:
        external_predictions.read_external_file(tmp_path / "x.npz", small())
    assert "correct" in error.value.run
    assert "make" not in error.value.run


def test_missing_and_extra_ids_are_said_of_the_file_that_has_them(tmp_path):
    write(tmp_path / "mate", small(), test=["t0", "t9"])
    with pytest.raises(InputError, match=r"mate/test.csv: 1 id\(s\) missing, 1 too many:\n  t1\n  t9") as error:
        read(tmp_path, small())
    assert error.value.run.startswith(f"correct {tmp_path / 'mate/test.csv'}")


def test_other_folds_are_refused(tmp_path):
    write(tmp_path / "mate", small())
    meta = np.asarray(json.dumps({"folds": "other"}))
    np.savez(
        tmp_path / "mate/oof.npz",
        ids=FOLDS["image"].to_numpy(str),
        probs=random_probs(small(), 4),
        classes=["a", "b", "c"],
        meta=meta,
    )
    with pytest.raises(InputError, match=r"was made with another version of folds\.csv \(hash other\)"):
        read(tmp_path, small())


def test_a_row_per_prediction_id_is_enough_where_photos_are_combined(tmp_path):
    competition = small(combine="mean")
    write(tmp_path / "mate", competition)
    table(["q", "p"], competition).to_csv(tmp_path / "mate/oof.csv", index=False)
    oof, _ = read(tmp_path, competition)
    np.testing.assert_allclose(oof, random_probs(competition, 2)[[1, 1, 0, 0]], atol=1e-6)


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["oof.csv"], ["oof.csv", "because it needs files oof and test"]),
        (["OOF.npy", "TEST.npy"], ["OOF.npy, TEST.npy"]),
        (["predictions.parquet"], ["predictions.parquet"]),
        (["mate.zip"], ["mate.zip"]),
        (["oof.csv", "test.csv", "oof.npz"], ["oof.csv", "is not used, because oof.npz and test.csv are used"]),
        (
            ["recipe.json", "oof.csv", "test.csv"],
            ["oof.csv, test.csv", "are not used, because the predictions in the fold folders are used"],
        ),
        (["fold0/oof.npz"], ["no recipe.json"]),
        (["preds/oof.csv", "preds/test.csv"], ["preds are not used, and must be moved up to"]),
        ([".DS_Store", "._oof.csv", "notes.md"], []),
        (["folds.csv", "submission.csv"], []),
        (["oof.csv", "test.csv.gz", "readme.txt"], []),
    ],
)
def test_what_looks_like_predictions_is_used_or_named_with_the_reason(tmp_path, names, words):
    for name in names:
        (tmp_path / "mate" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "mate" / name).write_bytes(b"")
    reason = runs.unused_folders(tmp_path).get("mate", "")
    assert bool(reason) == bool(words)
    assert all(word in reason for word in words)
    if reason and "mate" not in runs.run_names(tmp_path):
        with pytest.raises(InputError, match="no run mate") as error:
            runs.check_known(tmp_path, ["mate"])
        assert reason in error.value.found


@pytest.mark.parametrize("damage", [lambda data: data[:-9], lambda data: b"hello", lambda data: data[:12] + b"x" * 50])
def test_a_damaged_gzip_file_is_one_clear_error(tmp_path, damage):
    data = gzip.compress(table(TEST, small()).to_csv(index=False).encode())
    (tmp_path / "oof.csv.gz").write_bytes(damage(data))
    with pytest.raises(InputError, match=r"oof\.csv\.gz is not readable"):
        external_predictions.read_external_file(tmp_path / "oof.csv.gz", small())


def test_a_gzip_file_that_unpacks_to_too_much_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(external_predictions, "LARGEST_MB", 1)
    (tmp_path / "oof.csv.gz").write_bytes(gzip.compress(b"0" * 3_000_000))
    with pytest.raises(InputError, match="unpacks to more than 1 MB"):
        external_predictions.read_external_file(tmp_path / "oof.csv.gz", small())


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.reset_index(),
        lambda t: t.set_index("id").reset_index(names=""),
        lambda t: t.assign(fold=1, label="x"),
        lambda t: t[["c", "b", "id", "a"]],
        lambda t: t.rename(columns={"a": " a ", "id": "Image Name"}),
        lambda t: t.rename(columns={"a": "0", "b": "1", "c": "2"}).assign(pred="a"),
    ],
)
@pytest.mark.parametrize("index", [True, False])
def test_other_columns_do_not_matter(tmp_path, change, index):
    file = tmp_path / "x.csv"
    change(table(TEST, small())).to_csv(file, index=index)
    read_back = external_predictions.read_external_file(file, small())
    assert read_back.ids.tolist() == TEST
    np.testing.assert_allclose(read_back.probs, random_probs(small(), 2), atol=1e-6)


def test_decimal_commas_are_read_and_other_text_is_not(tmp_path):
    file = tmp_path / "x.csv"
    table(TEST, small()).to_csv(file, index=False, sep=";", decimal=",")
    np.testing.assert_allclose(
        external_predictions.read_external_file(file, small()).probs, random_probs(small(), 2), atol=1e-6
    )
    file.write_text("id;a;b;c\nx;0,5;0.5;0\n")
    with pytest.raises(InputError, match="has a field that is not a number"):
        external_predictions.read_external_file(file, small())


@pytest.mark.parametrize(
    ("target", "values", "words"),
    [
        ("multiclass", lambda p: 100 * p, "because they look like percent"),
        ("multiclass", np.log, "with the softmax of each row"),
        ("multilabel", lambda p: 100 * p, "because they look like percent"),
        ("multilabel", np.log, "with the sigmoid of each value"),
        ("multiclass", lambda p: 2 * p, "correct "),
        ("multilabel", lambda p: p + 0.9, "correct "),
    ],
)
def test_values_of_other_kinds_are_refused_with_what_makes_them_probabilities(tmp_path, target, values, words):
    competition = small(target)
    np.savez(tmp_path / "x.npz", ids=TEST, probs=values(random_probs(competition, 2)), classes=["a", "b", "c"])
    with pytest.raises(InputError) as error:
        external_predictions.read_external_file(tmp_path / "x.npz", competition)
    assert words in error.value.run
    assert str(tmp_path / "x.npz") in error.value.run


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_rounded_probabilities_sum_to_1_again(tmp_path, dtype):
    probs = random_probs(small(), 2)
    np.savez(tmp_path / "x.npz", ids=np.array(TEST, "S"), probs=probs.astype(dtype), classes=["a", "b", "c"])
    made = external_predictions.read_external_file(tmp_path / "x.npz", small())
    np.testing.assert_allclose(made.probs, probs, atol=1e-3)
    assert made.ids.tolist() == TEST
    (tmp_path / "x.csv").write_text("id,a,b,c\nx,0.33,0.33,0.33\n")
    np.testing.assert_allclose(external_predictions.read_external_file(tmp_path / "x.csv", small()).probs, 1 / 3)


PATHS = ["train/a b/1.jpg", "train/a b/2.PNG", "train/강/1.jpg"]


@pytest.mark.parametrize(
    "written",
    [
        lambda p: p.rpartition(".")[0],
        lambda p: p.replace("/", "\\"),
        lambda p: unicodedata.normalize("NFD", p),
        lambda p: f"./{p}",
        lambda p: f"/home/me/inputs/{p}",
        lambda p: p.removeprefix("train/"),
        lambda p: unicodedata.normalize("NFD", p.removeprefix("train/").rpartition(".")[0]).replace("/", "\\"),
    ],
)
def test_ids_in_another_spelling_are_matched(written):
    ids = np.array([written(path) for path in reversed(PATHS)])
    assert matched_ids(ids, PATHS).tolist() == PATHS[::-1]


@pytest.mark.parametrize("ids", [["1", "2", "1"], ["1.jpg", "2.jpg"], ["x", "y", "z"], ["a b/1", "a b/2", "q"]])
def test_ids_that_are_not_clear_stay_as_they_are(ids):
    assert matched_ids(np.array(ids), PATHS).tolist() == ids
