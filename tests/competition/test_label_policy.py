"""The label policy of training rows, in the home competition and in one with other attributes."""

import numpy as np
import pandas as pd
import pytest

from comp.competition.competition import Attribute, Competition, Range
from comp.competition.label_policy import label_of_attributes, training_policy
from comp.competition.recipe_text import number_ranges
from comp.errors import InputError
from comp.inputs import mask_gender_age
from comp.metrics import named_metrics

TWO = Competition(
    "multiclass",
    ("b low", "a high", "a low", "b high"),  # in no order
    named_metrics.get("accuracy"),
    attributes={"kind": Attribute(("a", "b"), (1, 0, 0, 1)), "level": Attribute(("low", "high"), (0, 1, 0, 1))},
    ranges=(Range("level", "depth", (5.0,)),),
)


def test_policy_relabels_and_drops_only_what_it_is_asked(inputs):
    table = mask_gender_age.read_train(inputs)
    pd.testing.assert_frame_equal(training_policy(table, mask_gender_age.competition()), table)
    changed = training_policy(table, mask_gender_age.competition(), edges="age:30,58", drop="years:20-24,40")
    assert set(changed["years"]) == {25, 58, 60}
    assert (changed.loc[changed["years"] == 58, "age"] == 2).all()
    np.testing.assert_array_equal(
        changed["label"], mask_gender_age.encode(changed["mask"], changed["gender"], changed["age"])
    )


def test_official_edges_give_the_official_labels(inputs):
    table = mask_gender_age.read_train(inputs)
    pd.testing.assert_frame_equal(training_policy(table, mask_gender_age.competition(), edges="age:30,60"), table)


def test_labels_follow_the_attributes_in_any_order_of_classes():
    table = pd.DataFrame({"kind": [1, 0, 0, 1], "level": [0, 1, 0, 1], "depth": [4.0, 5, 4, np.nan], "label": range(4)})
    np.testing.assert_array_equal(label_of_attributes(table, TWO), range(4))
    moved = training_policy(table, TWO, edges="level:4.5")
    np.testing.assert_array_equal(moved["label"], range(4))
    moved = training_policy(table, TWO, edges="level:6")
    np.testing.assert_array_equal(moved["label"], [0, 2, 2, 3])  # the last depth is not known: its value stays


@pytest.mark.parametrize("text", ["a", "57-", "1-2-3", ""])
def test_bad_ranges(text):
    with pytest.raises(InputError, match="ranges of numbers"):
        number_ranges("years", text)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        (dict(edges="kind:1"), "level"),
        (dict(edges="level:1,2"), "1 rising"),
        (dict(edges="level:x"), "rising"),
        (dict(edges="level"), "a name and numbers"),
        (dict(drop="57-59"), "a name and numbers"),
        (dict(drop="age:57-59"), "kind, level"),
    ],
)
def test_a_bad_policy_says_what_is_there(setting, message):
    with pytest.raises(InputError, match=message):
        training_policy(pd.DataFrame({"kind": [0], "level": [0], "depth": [1], "label": [2]}), TWO, **setting)
