import json

import numpy as np
import pytest
from small_competitions import random_probs, small

from comp import files
from comp.errors import InputError
from comp.store.predictions import load_predictions, save_predictions

TARGETS = ("multiclass", "binary", "multilabel", "ordinal", "regression")


@pytest.mark.parametrize("target", TARGETS)
def test_predictions_survive_the_disk(tmp_path, target):
    competition = small(target)
    probs = random_probs(competition, 5)
    save_predictions(tmp_path / "x.npz", list("vwxyz"), probs, competition, {"run": "r", "fold": 2})
    made = load_predictions(tmp_path / "x.npz", competition, "")
    np.testing.assert_array_equal(made.at(["z", "v"]), probs[[4, 0]])
    assert (made.meta["fold"], made.meta["target"]) == (2, target)
    assert [p.name for p in tmp_path.iterdir()] == ["x.npz"]


@pytest.mark.parametrize(
    ("target", "ids", "change", "message"),
    [
        ("multiclass", "aa", lambda p: p, "id a twice"),
        ("multiclass", "ab", lambda p: p * [[1], [1.5]], r"1 of 2 rows \(the first: id b\)[\s\S]*sums to 1.5"),
        ("binary", "ab", lambda p: p * 0, r"2 of 2 rows \(the first: id a\)[\s\S]*sums to 0"),
        ("multiclass", "ab", lambda p: p * np.nan, "not finite"),
        ("ordinal", "ab", lambda p: p - 2, "negative"),
        ("multilabel", "ab", lambda p: p + 1, "above 1"),
        ("regression", "ab", lambda p: p * np.inf, "not finite"),
        ("regression", "ab", lambda p: np.hstack([p, p]), "1 classes"),
        ("multiclass", "a", lambda p: p, "ids"),
    ],
)
def test_what_breaks_the_contract_is_not_written(tmp_path, target, ids, change, message):
    competition = small(target)
    with pytest.raises(InputError, match=message):
        save_predictions(tmp_path / "x.npz", list(ids), change(random_probs(competition, 2)), competition, {})
    assert not list(tmp_path.iterdir())


def test_values_beyond_one_are_right_where_rows_need_not_sum_to_one(tmp_path):
    save_predictions(tmp_path / "x.npz", ["a"], np.array([[-7.5]]), small("regression"), {})
    save_predictions(tmp_path / "y.npz", ["a"], np.array([[1, 1, 0]]), small("multilabel"), {})


def test_other_classes_and_other_targets_are_refused(tmp_path):
    save_predictions(tmp_path / "x.npz", ["i"], random_probs(small(), 1), small(classes=("c", "b", "a")), {})
    with pytest.raises(InputError, match="has classes c, b, a"):
        load_predictions(tmp_path / "x.npz", small(), "")
    with pytest.raises(InputError, match="is for the target multiclass"):
        load_predictions(tmp_path / "x.npz", small("ordinal", classes=("c", "b", "a")), "")


def test_a_file_without_its_target_is_refused(tmp_path):
    ids, classes = np.array(["i"]), np.array(["a", "b", "c"])
    probs = random_probs(small(), 1)
    files.write_arrays(tmp_path / "x.npz", ids=ids, probs=probs, classes=classes, meta=np.asarray(json.dumps({})))
    with pytest.raises(InputError, match="target"):
        load_predictions(tmp_path / "x.npz", small(), "")


def test_ids_without_a_prediction_are_named_with_the_file_and_its_repair(tmp_path):
    save_predictions(tmp_path / "x.npz", ["i"], random_probs(small(), 1), small(), {})
    with pytest.raises(InputError, match=r"1 id\(s\) missing in .*x.npz:\n  j[\s\S]*run:      make it"):
        load_predictions(tmp_path / "x.npz", small(), "make it").at(["i", "j"])


def test_a_pickle_in_an_npz_is_never_run(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "exploded"), "w"))

    np.savez(tmp_path / "x.npz", ids=np.array([Bomb()], object), probs=np.ones((1, 3)), classes=["a"], meta="{}")
    with pytest.raises(InputError, match="not readable"):
        load_predictions(tmp_path / "x.npz", small(), "")
    assert not (tmp_path / "exploded").exists()
