"""The values to try go on in the ratio of the grid, within bounds, and vectors and columns get a penalty each."""

import numpy as np
import pytest
from small_competitions import small

from comp.tabular.classifiers import CLASSIFIERS, Classifier
from comp.tabular.values_to_try import Candidate, ValuesToTry

KINDS = pytest.mark.parametrize("kind", CLASSIFIERS.values(), ids=CLASSIFIERS)


def reached(to_try: ValuesToTry) -> set[Candidate]:
    """All candidates to which any number of steps can lead."""
    found, new = set(to_try.first), list(to_try.first)
    while new:
        new = [one for one in to_try.neighbours(new.pop()) if one not in found] + new
        found.update(new)
    return found


@KINDS
def test_values_go_on_in_the_ratio_of_the_grid_to_the_bounds_and_no_further(kind):
    to_try = ValuesToTry(kind, (), False)
    values = np.array([to_try.value(one.vectors) for one in sorted(reached(to_try))])
    assert set(kind.grid) < set(values)
    assert kind.bounds[0] <= values.min()
    assert values.max() <= kind.bounds[1]
    steps = np.diff(np.log(values))
    assert (steps > 0).all() or (steps < 0).all()
    if kind.counts:
        assert (values == values.round()).all()
    else:
        np.testing.assert_allclose(steps, steps[0])


@KINDS
def test_a_given_grid_is_never_left(kind):
    to_try = ValuesToTry(kind, (3.0, 8.0, 10.0), True)
    found = reached(to_try)
    assert {to_try.value(one.vectors) for one in found} == {to_try.value(one.columns) for one in found} == {3, 8, 10}
    assert reached(ValuesToTry(kind, (3.0,), True)) == {Candidate(0, 0)}


@KINDS
def test_only_a_penalty_of_both_vectors_and_columns_can_differ(kind):
    assert all(one.vectors == one.columns for one in reached(ValuesToTry(kind, (), False)))
    different = [one for one in reached(ValuesToTry(kind, (), True)) if one.vectors != one.columns]
    assert bool(different) == (kind.factor is not None)


@pytest.mark.parametrize("name", ["logistic", "ridge"])
def test_the_factor_gives_columns_the_penalty_of_their_own_value(name):
    """Where the vectors are all 0, the columns' value alone counts."""
    kind, rng = CLASSIFIERS[name], np.random.default_rng(0)
    columns, labels = rng.normal(size=(60, 2)), rng.integers(0, 3, 60)
    classifier, to_try = Classifier(name, small("ordinal")), ValuesToTry(kind, (), True)
    one = Candidate(1, 3)
    scaled = columns * to_try.factor(one)
    with_factor = classifier.predictions([to_try.value(1)], scaled, labels, scaled)
    without = classifier.predictions([to_try.value(3)], columns, labels, columns)
    np.testing.assert_allclose(with_factor, without, atol=1e-3)
    assert not np.allclose(without, classifier.predictions([to_try.value(1)], columns, labels, columns), atol=1e-2)
