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
    values = np.array([to_try.value(one) for one in sorted(reached(to_try))])
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
    assert {to_try.value(one) for one in reached(to_try)} == {3, 8, 10}
    assert reached(ValuesToTry(kind, (3.0,), False)) == {Candidate(0)}


@KINDS
def test_only_columns_beside_vectors_have_a_factor_and_only_where_scale_matters(kind):
    assert {one.factor for one in reached(ValuesToTry(kind, (), False))} == {1}
    factors = {one.factor for one in reached(ValuesToTry(kind, (), True))}
    assert min(factors) * max(factors) == pytest.approx(1)
    assert (len(factors) > 1) == kind.scaled


@pytest.mark.parametrize("name", ["logistic", "ridge"])
def test_a_step_of_the_factor_is_a_step_of_the_penalty(name):
    """Columns alone with the factor of two steps are predicted as without a factor two values further on."""
    kind, rng = CLASSIFIERS[name], np.random.default_rng(0)
    columns, labels = rng.normal(size=(60, 2)), rng.integers(0, 3, 60)
    classifier, grid = Classifier(name, small("ordinal")), kind.grid
    scaled = columns * Candidate(1, 2).factor
    with_factor = classifier.predictions([grid[1]], scaled, labels, scaled)
    without = classifier.predictions([grid[3]], columns, labels, columns)
    np.testing.assert_allclose(with_factor, without, atol=1e-3)
    assert not np.allclose(without, classifier.predictions([grid[1]], columns, labels, columns), atol=1e-2)
