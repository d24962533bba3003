import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comp.competition import labels
from comp.competition.competition import Competition
from comp.data import folds, photo_check
from comp.errors import InputError
from comp.inputs import mask_gender_age
from comp.metrics import named_metrics

HOME = mask_gender_age.competition()


def quiet(count):
    return None


def kind(target, classes=4):
    names = ("value",) if target == "regression" else tuple(f"class {c}" for c in range(classes))
    return Competition(target, names, named_metrics.get("accuracy"))


def table(label, group=None):
    images = [f"{i:05d}.jpg" for i in range(len(label))]
    return pd.DataFrame({"image": images, "group": images if group is None else group, "label": label})


def spread(counts):
    """The largest difference between folds in any row of counts."""
    return int((counts.max(1) - counts.min(1)).max())


# Every target ---------------------------------------------------------------------------------------------------------


def test_every_photo_has_one_fold_and_no_group_is_on_two_sides(inputs):
    assigned = folds.assign_folds(mask_gender_age.read_train(inputs), HOME, 3, seed=1)
    assert (assigned.groupby("group")["fold"].nunique() == 1).all()
    assert set(assigned["fold"]) == {0, 1, 2}
    assert assigned["image"].is_monotonic_increasing
    assert list(assigned)[:4] == ["image", "group", "label", "fold"]
    folds.audit_folds(assigned)


def test_the_order_of_the_rows_does_not_matter_and_the_seed_does(inputs):
    rows = mask_gender_age.read_train(inputs)
    first = folds.assign_folds(rows, HOME, 3, seed=1)
    assert first.equals(folds.assign_folds(rows.sample(frac=1, random_state=0), HOME, 3, seed=1))
    assert not first.equals(folds.assign_folds(rows, HOME, 3, seed=2))


@pytest.mark.parametrize("target", ["multiclass", "binary", "ordinal"])
def test_without_groups_every_class_is_spread_evenly(target):
    classes = 2 if target == "binary" else 4
    rng = np.random.default_rng(0)
    label = rng.choice(classes, 203, p=[0.9, 0.1] if classes == 2 else [0.6, 0.3, 0.08, 0.02])
    assigned = folds.assign_folds(table(label), kind(target, classes), 5)
    counts = folds.counts_by_fold(assigned, kind(target, classes))
    assert spread(counts) <= 1
    assert spread(counts.sum(0, keepdims=True)) <= 1


@pytest.mark.parametrize("grouped", [False, True])
def test_each_of_several_labels_is_spread_evenly(grouped):
    rng = np.random.default_rng(0)
    chosen = rng.random((400, 6)) < [0.5, 0.3, 0.1, 0.05, 0.02, 0.01]
    label = [labels.to_text(np.flatnonzero(row)) for row in chosen]
    group = [f"g{i // 4}" for i in range(400)] if grouped else None
    assigned = folds.assign_folds(table(label, group), kind("multilabel", 6), 4)
    counts = folds.counts_by_fold(assigned, kind("multilabel", 6))
    assert (counts.sum(1) == chosen.sum(0)).all()
    assert (np.abs(counts - counts.mean(1, keepdims=True)) <= 1 + 0.05 * counts.sum(1, keepdims=True)).all()
    assert spread(np.bincount(assigned["fold"])[None]) <= (8 if grouped else 4)
    assert (assigned.groupby("group")["fold"].nunique() == 1).all()


@pytest.mark.parametrize("rows", [7, 500])
def test_numbers_are_spread_by_deciles(rows):
    values = np.random.default_rng(0).lognormal(size=rows)
    assigned = folds.assign_folds(table(values), kind("regression"), 5)
    assert spread(np.bincount(assigned["fold"])[None]) <= 1
    assert spread(folds.counts_by_fold(assigned, kind("regression"))) <= 1
    assert rows < 500 or assigned.groupby("fold")["label"].median().std() < 0.1


@pytest.mark.parametrize("counts", [(12,) * 5, (30, 3, 9), (40, 1, 1, 6, 2), (90, 4, *[3] * 10)])
def test_a_number_with_few_values_has_no_empty_range_and_no_warning(counts):
    competition, values = kind("regression"), np.repeat(np.arange(len(counts)) / 2, counts)
    assigned = folds.assign_folds(table(values), competition, 3)
    assert folds.missing_labels(assigned, competition) == []
    assert folds.counts_by_fold(assigned, competition).min() > 0


def test_each_fold_has_every_value_of_a_number_with_few_values():
    assigned = folds.assign_folds(table(np.arange(60) % 5 / 2), kind("regression"), 3)
    assert (assigned.groupby(["fold", "label"]).size() == 4).all()
    names = [row[0] for row in folds.labels_by_fold(assigned, kind("regression"))[2]]
    assert names[:5] == ["value 0", "value 0.5", "value 1", "value 1.5", "value 2"]


def test_rows_without_a_group_are_their_own():
    assigned = folds.with_groups(table([0, 1, 0], ["a", None, ""]))
    assert assigned["group"].tolist() == ["a", "00001.jpg", "00002.jpg"]
    assert folds.with_groups(assigned.drop(columns="group"))["group"].tolist() == assigned["image"].tolist()


# Hard cases -----------------------------------------------------------------------------------------------------------


def test_more_folds_than_groups(inputs):
    with pytest.raises(InputError, match=r"FOLDS=99 does not fit .* 20 group"):
        folds.assign_folds(mask_gender_age.read_train(inputs), HOME, 99)
    with pytest.raises(InputError, match="at least 2 groups"):
        folds.assign_folds(table([0, 1], ["a", "a"]), kind("multiclass"), 2)


def test_as_many_folds_as_groups_though_every_class_has_fewer_rows():
    assigned = folds.assign_folds(table([0, 0, 1, 1, 2, 3], list("aabbcd")), kind("multiclass"), 4)
    assert assigned.groupby("fold")["group"].nunique().tolist() == [1, 1, 1, 1]


@settings(deadline=None, max_examples=80)
@given(st.data())
def test_no_fold_is_empty_however_unequal_the_groups(data):
    count = data.draw(st.integers(2, 9))
    sizes = data.draw(st.lists(st.integers(1, 30), min_size=count, max_size=count))
    group = np.repeat([f"g{i}" for i in range(count)], sizes)
    label = data.draw(st.lists(st.integers(0, 3), min_size=len(group), max_size=len(group)))
    k, seed = data.draw(st.integers(2, count)), data.draw(st.integers(0, 99))
    assigned = folds.assign_folds(table(label, group), kind("multiclass"), k, seed)
    assert set(assigned["fold"]) == set(range(k))
    assert (assigned.groupby("group")["fold"].nunique() == 1).all()


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.integers(1, 9), st.integers(2, 6))
def test_grouped_folds_are_those_of_scikit_learn(seed, classes, k):
    from sklearn.model_selection import StratifiedGroupKFold

    rng = np.random.default_rng(seed)
    strata = np.append(np.arange(classes).repeat(k), rng.integers(0, classes, 90))
    group = np.append(np.arange(k), rng.integers(0, rng.integers(k, 40), len(strata) - k))
    strata, group = (np.unique(values, return_inverse=True)[1] for values in (strata, group))
    assigned = folds.stratified_group(strata, group, k, seed)
    splitter = StratifiedGroupKFold(k, shuffle=True, random_state=seed)
    for fold, (_, held_out) in enumerate(splitter.split(strata, strata, group)):
        np.testing.assert_array_equal(np.flatnonzero(assigned == fold), held_out)


def test_very_many_classes_with_groups_take_little_memory(monkeypatch):
    monkeypatch.setattr(folds, "MOST_CELLS", 100)
    label = np.repeat(np.arange(100), 6)
    assigned = folds.assign_folds(table(label, np.arange(600) // 2), kind("multiclass", 100), 3)
    assert spread(folds.counts_by_fold(assigned, kind("multiclass", 100))) == 0


# Search ---------------------------------------------------------------------------------------------------------------


def test_the_search_keeps_the_most_even_of_its_seeds():
    rng = np.random.default_rng(0)
    rows, competition = table(rng.integers(0, 4, 120), rng.integers(0, 15, 120)), kind("multiclass")

    def unevenness(assigned):
        return folds.imbalance(assigned["label"].to_numpy(), assigned["fold"].to_numpy(), 4)

    done = []
    best = folds.assign_folds(rows, competition, 4, seed=3, search=25, progress=done.append)
    each = [folds.assign_folds(rows, competition, 4, seed=seed) for seed in range(3, 28)]
    assert sum(done) == 25
    assert unevenness(best) == min(map(unevenness, each))
    assert best.equals(each[int(np.argmin([unevenness(assigned) for assigned in each]))])


def test_imbalance_is_zero_for_equal_parts_and_grows():
    fold = np.tile([0, 1], 10)
    assert folds.imbalance(np.repeat([0, 1], 10), fold, 2) == 0
    slightly, wholly = np.repeat([0, 1], [9, 11]), fold
    assert 0 < folds.imbalance(slightly, fold, 2) < folds.imbalance(wholly, fold, 2)


# Audit and report -----------------------------------------------------------------------------------------------------


def test_audit_finds_a_group_on_two_sides(inputs):
    assigned = folds.assign_folds(mask_gender_age.read_train(inputs), HOME, 3)
    assigned.loc[0, "fold"] = (assigned["fold"][0] + 1) % 3
    with pytest.raises(InputError, match=f"group {assigned['group'][0]} is in folds"):
        folds.audit_folds(assigned)


def test_audit_finds_the_same_bytes_under_two_names(inputs):
    assigned = folds.assign_folds(mask_gender_age.read_train(inputs), HOME, 3)
    first = assigned["image"][assigned["fold"] == 0].iloc[1]
    second = assigned["image"][assigned["fold"] == 1].iloc[1]
    (inputs / second).write_bytes((inputs / first).read_bytes())
    summaries = photo_check.check_photos(inputs, assigned["image"].tolist(), quiet, jobs=1)
    digests = {image: summary.digest for image, summary in summaries.items()}
    with pytest.raises(InputError) as error:
        folds.audit_folds(assigned, digests)
    assert first in str(error.value)
    assert second in str(error.value)


def test_counts_add_up(inputs):
    assigned = folds.assign_folds(mask_gender_age.read_train(inputs), HOME, 3)
    counts = folds.counts_by_fold(assigned, HOME)
    assert counts.shape == (18, 3)
    assert counts.sum() == len(assigned)
    assert (counts.sum(1) == np.bincount(assigned["label"], minlength=18)).all()


@pytest.mark.parametrize(("target", "rows"), [("multiclass", 4), ("multilabel", 4), ("regression", 10)])
def test_the_report_has_a_row_for_each_label_and_the_photos_and_groups(target, rows):
    label = np.arange(60) / 7 if target == "regression" else [str(i % 4) for i in range(60)]
    assigned = folds.assign_folds(table(label), kind(target), 3)
    what, heads, lines = folds.labels_by_fold(assigned, kind(target))
    assert what == {"multiclass": "classes", "multilabel": "labels", "regression": "ranges"}[target]
    assert len(lines) == rows + 2 + (target == "regression")
    assert all(len(line) == len(heads) == 5 for line in lines)
    assert lines[-2] == ["photos", 20, 20, 20, 60]


def test_of_many_classes_there_is_a_summary():
    many = kind("multiclass", 50)
    assigned = folds.assign_folds(table(np.append(np.repeat(np.arange(40), 3), np.arange(40, 49))), many, 3)
    lines = {line[0]: line[1:] for line in folds.labels_by_fold(assigned, many)[2]}
    assert lines["classes with photos"] == [43, 43, 43, 49]
    assert lines["classes without photos"] == [7, 7, 7, 1]
    missing = folds.missing_labels(assigned, many)
    assert "there is no photo of class 49, so no model can learn it" in missing
    assert sum("has one photo: it is held out by one fold and cannot be learnt there" in line for line in missing) == 9


def missing(label, group, count, target="multiclass", **options):
    """The warnings of the folds of a table in which label 1 is rare."""
    assigned = folds.assign_folds(table(label, group), kind(target, 3), count, **options)
    return [line for line in folds.missing_labels(assigned, kind(target, 3)) if "class 1" in line]


@pytest.mark.parametrize("target", ["multiclass", "multilabel"])
@pytest.mark.parametrize(("rare", "words"), [(1, "one photo: it is"), (3, "3 photos in one group: they are")])
@pytest.mark.parametrize("count", [2, 5])
def test_no_folds_help_a_label_of_one_photo_or_one_group(target, rare, words, count):
    label = np.array([1] * rare + [0, 2] * 10)
    group = ["one"] * rare + [f"g{i}" for i in range(20)]
    [line] = missing(label.astype(str) if target == "multilabel" else label, group, count, target)
    assert line == f"class 1 has {words} held out by one fold and cannot be learnt there"


def test_the_folds_that_a_warning_advises_are_fewer_and_give_each_fold_a_photo_of_the_label():
    label, group = [1] * 3 + [0, 2] * 10, [f"g{i}" for i in range(23)]
    [line] = missing(label, group, 5)
    assert "has no photo in fold " in line
    assert line.endswith("the photos of class 1 are in 3 groups, so FOLDS=3 may help")
    assert not missing(label, group, 3)
    unlucky = table(label, group).assign(fold=[0] * 3 + [0, 0, 1, 1] * 5)
    [line] = folds.missing_labels(unlucky, kind("multiclass", 3))
    assert "FOLDS" not in line
    assert line.endswith("cannot learn it; SEARCH=100 or another SEED may find better folds")


def test_a_group_that_holds_most_of_a_class_is_named_and_does_not_hinder():
    label, group = [1] * 20 + [0] * 40, ["big"] * 15 + [f"g{i}" for i in range(45)]
    assigned = folds.assign_folds(table(label, group), kind("multiclass"), 3)
    assert folds.crowded_labels(assigned, kind("multiclass")) == [
        "75% of the photos of class 1 are in group big, so folds cannot share them evenly"
    ]
