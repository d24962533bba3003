import numpy as np
import pytest

from comp.competition import home as competition
from comp.data import folds, photos
from comp.errors import InputError


def quiet(count):
    return None


def test_every_photo_has_one_fold_and_no_person_is_on_two_sides(inputs):
    table = folds.assign(competition.read_train(inputs), 3, seed=1)
    assert (table.groupby("group")["fold"].nunique() == 1).all()
    assert set(table["fold"]) == {0, 1, 2}
    assert table["image"].is_monotonic_increasing
    folds.audit(table)


def test_the_order_of_the_rows_does_not_matter_and_the_seed_does(inputs):
    table = competition.read_train(inputs)
    first = folds.assign(table, 3, seed=1)
    assert first.equals(folds.assign(table.sample(frac=1, random_state=0), 3, seed=1))
    assert not first.equals(folds.assign(table, 3, seed=2))


def test_counts_add_up(inputs):
    table = folds.assign(competition.read_train(inputs), 3)
    counts = folds.class_counts(table, 18)
    assert counts.sum() == len(table)
    assert (counts.sum(1) == np.bincount(table["label"], minlength=18)).all()


def test_audit_finds_a_person_on_two_sides(inputs):
    table = folds.assign(competition.read_train(inputs), 3)
    table.loc[0, "fold"] = (table["fold"][0] + 1) % 3
    with pytest.raises(InputError, match=f"group {table['group'][0]} is in folds"):
        folds.audit(table)


def test_audit_finds_the_same_bytes_under_two_names(inputs):
    table = folds.assign(competition.read_train(inputs), 3)
    first = table["image"][table["fold"] == 0].iloc[1]
    second = table["image"][table["fold"] == 1].iloc[1]
    (inputs / second).write_bytes((inputs / first).read_bytes())
    looks = photos.check(inputs, table["image"].tolist(), quiet, jobs=1)
    digests = {image: look.digest for image, look in looks.items()}
    with pytest.raises(InputError) as error:
        folds.audit(table, digests)
    assert first in str(error.value)
    assert second in str(error.value)


def test_more_folds_than_people(inputs):
    with pytest.raises(InputError, match="99 folds of 30 group"):
        folds.assign(competition.read_train(inputs), 99)
