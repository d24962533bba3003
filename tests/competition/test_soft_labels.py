"""Soft labels: a Gaussian around the number behind a class, integrated over the ranges of the classes."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from comp.competition.competition import Attribute, Competition, Range
from comp.competition.soft_labels import fine_cells, soft_labels
from comp.errors import InputError
from comp.inputs import mask_gender_age
from comp.metrics import named_metrics

ACCURACY = named_metrics.get("accuracy")
TWO = Competition(
    "multiclass",
    ("b low", "a high", "a low", "b high"),  # in no order
    ACCURACY,
    attributes={"kind": Attribute(("a", "b"), (1, 0, 0, 1)), "level": Attribute(("low", "high"), (0, 1, 0, 1))},
    ranges=(Range("level", "depth", (5.0,)),),
)
GRADES = Competition("ordinal", ("low", "middle", "high"), ACCURACY)
TABLE = pd.DataFrame({"label": [0, 1, 2, 3], "depth": [4.5, 7.25, 4.0, np.nan]})


def test_labels_are_the_gaussian_integrated_over_the_ranges():
    soft = soft_labels(TABLE, TWO, "depth:2")
    high = 1 - norm.cdf(5, [4.5, 7.25, 4.0], 2)
    expected = [[1 - high[0], 0, 0, high[0]], [0, high[1], 1 - high[1], 0], [0, high[2], 1 - high[2], 0], [0, 0, 0, 1]]
    np.testing.assert_allclose(soft, expected, atol=1e-6)
    assert soft.dtype == np.float32


def test_a_narrow_gaussian_gives_the_official_labels(inputs):
    table = mask_gender_age.read_train(inputs)
    np.testing.assert_allclose(
        soft_labels(table, mask_gender_age.competition(), "years:0.01"), np.eye(18)[table["label"]]
    )


def test_a_wide_one_changes_only_the_attribute_of_the_range(inputs):
    table, competition = mask_gender_age.read_train(inputs), mask_gender_age.competition()
    soft = soft_labels(table, competition, "years:10")
    for name in ("mask", "gender"):
        values = competition.attribute_values[name]
        for i, value in enumerate(table[name]):
            assert soft[i, values == value].sum() == pytest.approx(1, abs=1e-6)
    assert (soft > 0.01).sum(1).max() > 1


def test_whole_numbers_meet_half_way():
    table = pd.DataFrame({"label": [0, 3], "depth": [4, 5]})  # 4 is the last of the lower range
    soft = soft_labels(table, TWO, "depth:2")
    assert soft[0, 0] == pytest.approx(soft[1, 3]) == pytest.approx(norm.cdf(0.25))


def test_moved_edges_move_the_integral():
    moved = soft_labels(TABLE, TWO, "depth:2", edges="level:7.25")
    assert moved[1, 1] == pytest.approx(0.5)


def test_grades_spread_over_their_neighbours():
    soft = soft_labels(pd.DataFrame({"label": [0, 1, 2]}), GRADES, "label:0.5")
    np.testing.assert_allclose(soft, soft[::-1, ::-1], atol=1e-6)
    assert (soft.argmax(1) == [0, 1, 2]).all()
    assert soft[1, 0] == pytest.approx(norm.cdf(-1))


def test_bins_add_up_to_the_classes():
    fine = "1,2,3,4.5,6,9"
    cells = fine_cells(TWO, TWO.ranges[0], fine)
    soft = soft_labels(TABLE, TWO, "depth:2", fine=fine)
    summed = soft @ np.eye(4)[cells.of_class]
    np.testing.assert_allclose(summed, soft_labels(TABLE, TWO, "depth:2"), atol=1e-6)
    assert len(cells.of_class) == 2 * 8  # 5, the edge of the classes, is added


@pytest.mark.parametrize(
    ("text", "message"),
    [("width:3", "range of width"), ("depth:0", "above 0"), ("depth:x", "above 0"), ("depth", "a name and numbers")],
)
def test_bad_soften(text, message):
    with pytest.raises(InputError, match=message):
        soft_labels(TABLE, TWO, text)


def test_bad_edges_of_bins():
    with pytest.raises(InputError, match="bin_edges"):
        soft_labels(TABLE, TWO, "depth:3", fine="1,x")
