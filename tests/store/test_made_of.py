"""What a file was made of, compared with what it would be made of now."""

import pytest

from comp import files
from comp.store import made_of
from comp.store.made_of import Change, changes
from comp.store.runs import Run


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        ({}, {}, []),
        ({"folds": "f", "tta": "none"}, {"folds": "f"}, []),  # a part that is not asked for does not count
        ({"folds": "f"}, {"folds": "g"}, [Change("folds", "f", "g")]),
        ({}, {"folds": "g"}, [Change("folds", None, "g")]),
        ({"folds": "f"}, {"folds": None}, [Change("folds", "f", None)]),
        ({"fold": 0}, {"fold": 0}, []),
        ({"runs": {"a": "1"}}, {"runs": {"a": "1"}}, []),
        ({"runs": {"a": "1", "b": "2"}}, {"runs": {"a": "1", "b": "3"}}, [Change("runs", "2", "3", "b")]),
        ({"runs": {"a": "1"}}, {"runs": {"a": "1", "c": "4"}}, [Change("runs", None, "4", "c")]),  # it came
        ({"runs": {"a": "1", "b": "2"}}, {"runs": {"a": "1"}}, [Change("runs", "2", None, "b")]),  # it went
        ({"runs": {"a": "1"}}, {"runs": {}}, [Change("runs", "1", None, "a")]),
        ({"runs": {"b": "2", "a": "1"}}, {"runs": {"a": "1", "b": "2"}}, []),  # the order of entries does not count
        ({}, {"runs": {"a": "1"}}, [Change("runs", None, "1", "a")]),
        ({"runs": "damaged"}, {"runs": {"a": "1"}}, [Change("runs", None, "1", "a")]),
        ({"runs": None}, {"runs": {}}, []),
        ({"asked": {"runs": ["a"]}}, {"asked": {"runs": ["a", "b"]}}, [Change("asked", ["a"], ["a", "b"], "runs")]),
    ],
)
def test_each_difference_is_a_change(before, now, expected):
    assert changes(before, now) == expected


def test_changes_come_in_the_order_of_the_current_parts_and_of_the_kept_entries():
    before = {"folds": "f", "runs": {"z": "1", "a": "1"}, "recipe": "r"}
    now = {"recipe": "s", "runs": {"n": "1", "a": "2", "z": "2"}, "folds": "g"}
    found = [(change.part, change.key) for change in changes(before, now)]
    assert found == [("recipe", ""), ("runs", "z"), ("runs", "a"), ("runs", "n"), ("folds", "")]


def test_weights_and_runs_that_are_gone_keep_their_hash(tmp_path):
    kept = Run(tmp_path, "first").weights(0)
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"weights")
    record = {made_of.FROM_WEIGHTS: {"first/fold0/model.safetensors": "old", "gone/fold0/model.safetensors": "x"}}
    assert made_of.earlier_weights(tmp_path, record) == {
        "first/fold0/model.safetensors": files.digest(kept),
        "gone/fold0/model.safetensors": "x",
    }
    files.write_json(Run(tmp_path, "first").recipe, {})
    found = made_of.source_runs(tmp_path, {made_of.SOURCES: {"first": "old", "gone": "x"}})
    assert found == {"first": Run(tmp_path, "first").digest(), "gone": "x"}
    assert made_of.earlier_weights(tmp_path, {}) == made_of.source_runs(tmp_path, {}) == {}


def test_the_runs_before_are_named_once_the_nearest_first():
    names = ("b/fold0/model.safetensors", "b/fold1/model.safetensors", "a/fold0/model.safetensors")
    assert made_of.runs_before({made_of.FROM_WEIGHTS: dict.fromkeys(names, "x")}) == ["b", "a"]
    assert made_of.runs_before({}) == []


def test_files_are_recorded_by_their_path_within_the_outputs(tmp_path):
    path = tmp_path / "a/fold0/oof.npz"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x")
    assert made_of.digests_of_files(tmp_path, [path]) == {"a/fold0/oof.npz": files.digest(path)}
